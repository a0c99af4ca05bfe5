package control

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const (
	// chunkOf is how many partitions go into one transaction, beside the topic's document and the line of the log.
	chunkOf = record.MaxWrites - 2
	// operatorPrefix begins the owner of a key that an operator wrote.
	operatorPrefix = "operator/"
)

// Partial is an error after some of a plan was carried out.
type Partial struct {
	Done, Of int // partitions
	Err      error
}

func (p *Partial) Error() string {
	return fmt.Sprintf("%d of %d partitions are done, the others are as they were: %v", p.Done, p.Of, p.Err)
}

func (p *Partial) Unwrap() error { return p.Err }

// Apply carries a plan out, once. It tries until ctx ends where an owner's commit comes between; a *Refusal when another operator did. A plan of many
// partitions is several transactions: a *Partial says how far it came.
func (c *Control) Apply(ctx context.Context, p *Plan) error {
	if len(p.Steps) == 0 {
		return nil
	}
	w := &writing{c: c, plan: p, doc: p.doc, nonce: nonce()}
	switch {
	case p.What == Delete:
		return w.forget(ctx)
	case p.What == Import && p.doc.Index == 0:
		return w.create(ctx)
	case p.replace != nil:
		return w.all(ctx, [][]Step{p.Steps})
	}
	return w.all(ctx, slices.Collect(slices.Chunk(p.Steps, chunkOf)))
}

// writing is a plan that is being carried out.
type writing struct {
	c     *Control
	plan  *Plan
	doc   record.Topic // as it stands, with its version
	nonce string       // of its owner, and of its lines in the operators' log
}

// owner is what the keys that it writes are owned by.
func (w *writing) owner() string { return operatorPrefix + w.c.who + "/" + w.nonce }

// line begins a line of the operators' log, of the write that leaves the topic's document at a revision.
func (w *writing) line(at time.Time, revision int64) *record.Audit {
	return &record.Audit{Time: at, Nonce: w.nonce, Who: w.c.who, What: w.plan.What, Topic: w.plan.Topic, Revision: revision}
}

func (w *writing) all(ctx context.Context, chunks [][]Step) error {
	done := 0
	for _, steps := range chunks {
		if err := w.chunk(ctx, steps); err != nil {
			if done > 0 {
				err = &Partial{done, len(w.plan.Steps), err}
			}
			return err
		}
		done += len(steps)
	}
	w.c.prune(ctx)
	return nil
}

// chunk writes some steps, again and again while owners' commits come between.
func (w *writing) chunk(ctx context.Context, steps []Step) error {
	for {
		writes, err := w.prepare(ctx, steps)
		if err != nil {
			return err
		}
		indexes, err := w.c.store.Write(ctx, writes)
		var stale *record.StaleError
		switch {
		case err == nil:
			w.doc = *writes[0].Topic
			w.doc.Index = indexes[0]
			w.plan.Revision = w.doc.Revision
			return nil
		case errors.As(err, &stale):
			err = w.reread(ctx)
		case errors.Is(err, record.ErrOutcomeUnknown):
			var landed bool
			if landed, err = w.landed(ctx, writes[0].Topic.Revision); landed {
				return nil
			}
		}
		if err != nil {
			return err
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("the keys kept changing: %w", err)
		}
	}
}

// reread takes the topic's document anew. Replicas may have written it; another operator may not.
func (w *writing) reread(ctx context.Context) error {
	doc, err := w.c.store.Topic(ctx, w.doc.Name)
	switch {
	case err != nil:
		return topicError(w.doc.Name, err)
	case doc.Revision != w.doc.Revision || otherID(doc.TopicID, w.doc.TopicID) || (doc.Index == 0) != (w.doc.Index == 0):
		return refuse(Changed, "look at it again and repeat what is still wanted", "topic %s was changed since the plan was made, by another operator or a policy", w.doc.Name)
	}
	w.doc = doc
	return nil
}

// landed finds out whether a write of unknown outcome was applied: by the line that it wrote to the operators' log.
func (w *writing) landed(ctx context.Context, revision int64) (bool, error) {
	lines, err := w.c.store.Audits(ctx)
	if err != nil {
		return false, err
	}
	mine := func(a record.Audit) bool { return a.Nonce == w.nonce && a.Revision == revision }
	if !slices.ContainsFunc(lines, mine) {
		return false, w.reread(ctx)
	}
	w.plan.Revision = revision
	doc, err := w.c.store.Topic(ctx, w.doc.Name)
	w.doc = doc
	return err == nil, err
}

// prepare makes the writes of some steps from what the store holds now. The topic's document comes first.
func (w *writing) prepare(ctx context.Context, steps []Step) ([]record.Write, error) {
	now := w.c.now().UTC()
	doc := w.doc
	if w.plan.replace != nil {
		doc = *w.plan.replace
		doc.Index, doc.Revision = w.doc.Index, w.doc.Revision
	}
	doc.Revision++
	line := w.line(now, doc.Revision)
	writes := []record.Write{{Topic: &doc}}
	if w.plan.replace != nil { // by the document's id the keys are those of another log: the baseline counts
		for _, s := range steps {
			line.Changes = append(line.Changes, record.Change{Partition: s.Partition, After: &record.Standing{Offset: s.To}})
		}
		return append(writes, record.Write{Audit: line}), nil
	}
	entries, err := w.c.entries(ctx, doc.Name, partitionsOf(steps))
	if err != nil {
		return nil, err
	}
	for i := range entries {
		next, err := w.next(entries[i], steps[i], now)
		if err != nil {
			return nil, err
		}
		writes = append(writes, record.Write{Entry: next})
		line.Changes = append(line.Changes, record.Change{Partition: next.Partition, Before: standing(entries[i]), After: standing(*next)})
	}
	return append(writes, record.Write{Audit: line}), nil
}

// next is what a partition's key shall hold.
func (w *writing) next(found record.Entry, s Step, now time.Time) (*record.Entry, error) {
	n := found
	switch {
	case found.Bad != nil, found.Index == 0, otherID(found.TopicID, w.doc.TopicID):
		n = record.Entry{TopicPartition: found.TopicPartition, Index: found.Index, Offset: s.From, LeaderEpoch: -1, Epoch: max(found.Epoch, now.Unix()-1)}
	case w.plan.What == Skip && found.Offset != s.From:
		return nil, refuse(Changed, "look at the status again", "%s stands at offset %d by now, not at %d", found.TopicPartition, found.Offset, s.From)
	}
	if !s.same && n.Offset != s.To {
		n.Offset, n.LeaderEpoch = s.To, -1
	}
	if n.Paused != s.Paused {
		n.Paused, n.PausedBy, n.PausedAt = s.Paused, "", time.Time{}
		if s.Paused {
			n.PausedBy, n.PausedAt = w.c.who, now
		}
	}
	n.Owner, n.Epoch, n.TopicID, n.CommittedAt = w.owner(), n.Epoch+1, w.doc.TopicID, now
	return &n, nil
}

func standing(e record.Entry) *record.Standing {
	if e.Index == 0 && e.Owner == "" || e.Bad != nil {
		return nil
	}
	return &record.Standing{Offset: e.Offset, Paused: e.Paused}
}

func partitionsOf(steps []Step) []int32 {
	parts := make([]int32, len(steps))
	for i, s := range steps {
		parts[i] = s.Partition
	}
	return parts
}

// pause lets the owner's transaction end; two operators do not meet again in step.
func pause(ctx context.Context) error {
	timer := time.NewTimer(time.Duration(5+rand.IntN(20)) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
