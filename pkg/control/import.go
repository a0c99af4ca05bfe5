package control

import (
	"context"
	"fmt"
	"slices"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Import plans to begin where another consumer stood: next are its next offsets, -1 = the end, -2 = the log start. Partitions that it does not know begin at the log
// start. Without overwrite it refuses a topic of which the store has anything.
func (c *Control) Import(ctx context.Context, topic string, next map[int32]int64, overwrite bool) (*Plan, error) {
	t, err := c.look(ctx, topic)
	switch {
	case err != nil:
		return nil, err
	case t.View.Missing:
		return nil, refuse(UnknownTopic, "create it, or correct the name", "Kafka has no topic %s", topic)
	}
	if err := t.mayImport(overwrite); err != nil {
		return nil, err
	}
	plan := &Plan{What: Import, Topic: topic, doc: t.Topic}
	if t.Index == 0 || t.Replaced() {
		plan.replace = t.newDocument("import", c.now())
	}
	given, added, err := t.complete(next)
	if err != nil {
		return nil, err
	}
	if len(added) > 0 {
		plan.Notes = append(plan.Notes, fmt.Sprintf("the source does not know partitions %v; they begin at the log start", added))
	}
	parts := allOf(t.View.Partitions)
	targets, err := c.resolve(ctx, t, parts, Each(given))
	if err != nil {
		return nil, err
	}
	for _, n := range parts {
		if err := plan.move(&t.Partitions[n], targets[n], false); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// mayImport refuses to write over what is there.
func (t *Topic) mayImport(overwrite bool) error {
	var there []int32
	for i := range t.Partitions {
		if p := &t.Partitions[i]; p.Index != 0 || p.Bad != nil {
			there = append(there, p.Partition)
		}
	}
	switch {
	case overwrite:
		return nil
	case len(there) > 0:
		return refuse(Exists, "with overwrite they are replaced", "the store has offsets of topic %s for this group already (partitions %v)", t.Name, there)
	case t.Index != 0:
		return refuse(Exists, "with overwrite they are replaced", "the store has start offsets of topic %s for this group already", t.Name)
	}
	return nil
}

// complete adds the log start for partitions that are not given. What is given must exist.
func (t *Topic) complete(next map[int32]int64) (given map[int32]int64, added []int32, err error) {
	given = map[int32]int64{}
	for n, offset := range next {
		if n < 0 || n >= t.View.Partitions {
			return nil, nil, refuse(UnknownPartition, "is it the right topic, and the right cluster?", "there is no partition %s/%d; the topic has %d, numbered from 0", t.Name, n, t.View.Partitions)
		}
		given[n] = offset
	}
	for n := range t.View.Partitions {
		if _, ok := given[n]; !ok {
			given[n] = -2
			added = append(added, n)
		}
	}
	return given, added, nil
}

// create writes the keys of a topic that is not tracked, and its document last: until then nobody takes the keys for the whole.
func (w *writing) create(ctx context.Context) error {
	now := w.c.now().UTC()
	doc := *w.plan.replace
	doc.Revision = 1
	line := w.line(now, doc.Revision)
	done := 0
	for steps := range slices.Chunk(w.plan.Steps, record.MaxWrites) {
		entries, err := w.c.entries(ctx, doc.Name, partitionsOf(steps))
		if err != nil {
			return err
		}
		writes := make([]record.Write, len(steps))
		for i, s := range steps {
			writes[i].Entry = &record.Entry{
				TopicPartition: entries[i].TopicPartition, Offset: s.To, LeaderEpoch: -1, TopicID: doc.TopicID, Owner: w.owner(),
				Epoch: max(entries[i].Epoch+1, now.Unix()), CommittedAt: now, Index: entries[i].Index,
			}
			line.Changes = append(line.Changes, record.Change{Partition: s.Partition, Before: standing(entries[i]), After: &record.Standing{Offset: s.To}})
		}
		if _, err := w.c.store.Write(ctx, writes); err != nil {
			return &Partial{done, len(w.plan.Steps), fmt.Errorf("%w; the import is not complete: repeat it with overwrite", err)}
		}
		done += len(steps)
	}
	if _, err := w.c.store.Write(ctx, []record.Write{{Topic: &doc}, {Audit: line}}); err != nil {
		return fmt.Errorf("write the topic's document: %w; the import is not complete: repeat it with overwrite", err)
	}
	w.plan.Revision = doc.Revision
	w.c.prune(ctx)
	return nil
}
