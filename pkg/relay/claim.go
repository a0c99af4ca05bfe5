package relay

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// keyGone is why a partition waits whose key was there and is not any more.
const keyGone = "the partition's key has disappeared from the store; write it again to go on"

// claimer takes the keys of assigned partitions, a group of them at a time.
type claimer struct {
	queue  []*partition
	busy   bool
	cancel context.CancelFunc // cuts the claim under way; set while busy
	cut    bool               // it was cut
}

// queueClaim lets partitions be claimed, together as far as one transaction holds them.
func (e *Engine) queueClaim(parts ...*partition) {
	for _, p := range parts {
		e.enqueueClaim(p)
	}
	e.claimNext()
}

// enqueueClaim lets p wait for its claim, unless its topic is in a state that forbids it. A topic that was missing
// at first start is waited for until its document says which log it is, see topicWritten: the key must
// carry the topic's id, or a later recreation of the topic could not be told from this log.
func (e *Engine) enqueueClaim(p *partition) {
	if p.gone || p.claim != nil || p.leaving != nil || slices.Contains(e.claims.queue, p) {
		return
	}
	if reason, detail := p.topic.blocks(); reason != "" {
		e.setBlock(p, reason, detail)
		return
	}
	if p.topic.doc.Partitions == 0 {
		return
	}
	e.claims.queue = append(e.claims.queue, p)
}

// reclaimLater tries the claim again after a while: somebody may have mended the key.
func (e *Engine) reclaimLater(p *partition) {
	e.after(e.cfg.WatchInterval, func() { e.queueClaim(p) })
}

// claimNext starts the claim of the first partitions that wait.
func (e *Engine) claimNext() {
	c := &e.claims
	if c.busy || len(c.queue) == 0 || !e.life.taking {
		return
	}
	var parts []*partition
	var asked []claimRequest
	for len(c.queue) > 0 && len(parts) < record.MaxWrites {
		p := c.queue[0]
		c.queue = c.queue[1:]
		reason, detail := p.topic.blocks()
		switch {
		case p.gone || p.claim != nil || p.leaving != nil: // since it was queued
		case reason != "":
			e.setBlock(p, reason, detail)
		default:
			p.claiming = true
			parts = append(parts, p)
			asked = append(asked, claimRequest{TopicPartition: p.TopicPartition, doc: p.topic.doc, mustExist: p.held, untold: p.untold})
		}
	}
	if len(parts) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(e.work, 4*e.cfg.StoreTimeout)
	c.busy, c.cut, c.cancel = true, false, cancel
	e.async(func(context.Context) func() {
		defer cancel()
		results := e.claim(ctx, asked)
		return func() {
			c.busy = false
			for i, p := range parts {
				p.claiming = false
				e.claimed(p, asked[i], results[i])
			}
			e.claimNext()
		}
	})
}

// cutClaim cuts the claim under way if p is in it. Its membership may be proved already, and its write
// would take the key from the next owner. The others in it are claimed again.
func (e *Engine) cutClaim(p *partition) {
	if p.claiming {
		e.claims.cut = true
		e.claims.cancel()
	}
}

// claimRequest is what a claim needs to know of a partition.
type claimRequest struct {
	record.TopicPartition
	doc       record.Topic
	mustExist bool // a claim was held before: an absent key is not a first start
	untold    []untold
}

// claimResult is what became of it: an entry, a reason to block, or an error to try again after.
type claimResult struct {
	entry  record.Entry
	bounds record.Bounds
	reason string
	detail string
	losses []loss // by policy.data_loss, in the order in which they came
	err    error
}

// loss is what a policy passed over because the log does not have it.
type loss struct {
	reason   string
	from, to int64
}

// untold is a claim that moved the offset by a write whose outcome is unknown. A later claim that finds the write under the key has
// these losses to tell.
type untold struct {
	entry  record.Entry
	losses []loss
}

func (l *loss) count() int64 { return max(l.to-l.from, l.from-l.to) }

// claimed goes on with a partition after its claim. The topic may have changed while it was made: an
// alarm came, or its document is of another log by now.
func (e *Engine) claimed(p *partition, asked claimRequest, r claimResult) {
	switch {
	case r.err == nil:
		p.untold = nil
		e.tellLosses(p, r.losses)
	case len(r.losses) > 0 && errors.Is(r.err, record.ErrOutcomeUnknown):
		p.untold = append(p.untold, untold{r.entry, r.losses})
	}
	if p.leaving != nil {
		e.checkLeaving(p)
		return
	}
	reason, detail := p.topic.blocks()
	switch {
	case p.gone || p.claim != nil || e.life.drain.done:
	case reason != "":
		e.setBlock(p, reason, detail)
	case r.err != nil && e.claims.cut, otherID(asked.doc.TopicID, p.topic.doc.TopicID):
		e.queueClaim(p)
	case r.err != nil:
		p.claimTries++
		p.lastError = "claim: " + r.err.Error()
		e.noteStoreError(r.err)
		ev := e.log.Debug()
		if p.claimTries == 5 {
			ev = e.log.Warn()
		}
		ev.Str("topic", p.Topic).Int32("partition", p.Partition).Err(r.err).Msg("claim did not succeed; trying again while the partition is assigned")
		e.after(e.backoff(p.claimTries), func() { e.queueClaim(p) })
	case r.reason == reasonBadKey:
		e.setBlock(p, r.reason, r.detail)
		e.reclaimLater(p)
	default:
		e.takeOver(p, r)
	}
}

// tellLosses logs and counts what a claim passed over.
func (e *Engine) tellLosses(p *partition, losses []loss) {
	for _, l := range losses {
		e.m.lost.WithLabelValues(p.Topic, partitionLabel(p.Partition), l.reason).Add(float64(l.count()))
		e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Str("reason", l.reason).
			Int64("from", l.from).Int64("to", l.to).Int64("records", l.count()).
			Str("policy", e.cfg.DataLoss).Msg("records are lost; policy.data_loss moved the offset")
		e.tellAt(p.TopicPartition, EventDataLoss, l.reason, fmt.Sprintf("%d records are lost: policy.data_loss %s moved the offset from %d to %d", l.count(), e.cfg.DataLoss, l.from, l.to))
	}
}

// takeOver makes p deliverable under its new claim, or blocks it with the claim held.
func (e *Engine) takeOver(p *partition, r claimResult) {
	e.storeWell()
	p.claim = &claim{entry: r.entry}
	p.held = true
	p.acked, p.epoch, p.next = r.entry.Offset, r.entry.LeaderEpoch, r.entry.Offset
	p.logStart, p.logEnd = r.bounds.Start, r.bounds.End
	p.changed = time.Now()
	e.log.Info().Str("topic", p.Topic).Int32("partition", p.Partition).Int64("offset", p.acked).
		Int64("epoch", r.entry.Epoch).Str("owner", r.entry.Owner).Msg("claimed")
	e.tellAt(p.TopicPartition, EventClaimed, "", fmt.Sprintf("from offset %d, fence %d", p.acked, r.entry.Epoch))
	switch {
	case r.reason != "":
		e.setBlock(p, r.reason, r.detail)
		return
	case r.entry.Paused:
		e.setBlock(p, reasonPaused, pausedBy(r.entry))
		return
	}
	p.lastError = ""
	e.clearBlock(p)
	e.startReading(p)
}

// claim is the one function that claims. It touches no state of the loop. For each partition: read
// the key, resolve where to begin, compare with the log, see that it is the log the key is of, prove the
// membership, take the key.
func (e *Engine) claim(ctx context.Context, asked []claimRequest) []claimResult {
	results := make([]claimResult, len(asked))
	open := make([]int, len(asked))
	for i := range open {
		open[i] = i
	}
	fail := func(err error) []claimResult {
		for _, i := range open {
			results[i] = claimResult{err: err}
		}
		return results
	}
	entries, err := e.deps.Store.Entries(ctx, idsOf(asked, open))
	if err != nil {
		return fail(err)
	}
	for k := range entries {
		results[k].entry = entries[k]
		results[k].losses = asked[k].lossesOf(entries[k])
	}
	open = checkKeys(asked, results, open)
	if err := e.resolveAbsent(ctx, asked, results, open); err != nil {
		return fail(err)
	}
	if open, err = e.checkBounds(ctx, asked, results, open); err != nil {
		return fail(err)
	}
	if open, err = e.checkTopics(ctx, asked, results, open); err != nil {
		return fail(err)
	}
	if len(open) == 0 {
		return results
	}
	if e.deps.Group != nil {
		proof := map[record.TopicPartition]record.Position{}
		for _, i := range open {
			proof[asked[i].TopicPartition] = record.Position{Offset: results[i].entry.Offset, LeaderEpoch: results[i].entry.LeaderEpoch}
		}
		if err := e.deps.Group.Commit(ctx, proof); err != nil {
			return fail(fmt.Errorf("prove membership: %w", err))
		}
	}
	if open, err = e.takeKeys(ctx, asked, results, open); err != nil {
		for _, i := range open {
			results[i].err = err // beside what the write may have done
		}
	}
	return results
}

// lossesOf are the losses of the earlier claim whose write is found under the key, if there is one.
func (r *claimRequest) lossesOf(found record.Entry) []loss {
	for _, u := range r.untold {
		if sameWrite(u.entry, found) {
			return slices.Clone(u.losses)
		}
	}
	return nil
}

func idsOf(asked []claimRequest, open []int) []record.TopicPartition {
	ids := make([]record.TopicPartition, len(open))
	for k, i := range open {
		ids[k] = asked[i].TopicPartition
	}
	return ids
}

// checkKeys sorts out the keys that can't be used.
func checkKeys(asked []claimRequest, results []claimResult, open []int) []int {
	return slices.DeleteFunc(open, func(i int) bool {
		r := &results[i]
		switch {
		case r.entry.Bad != nil:
			r.reason, r.detail = reasonBadKey, r.entry.Bad.Error()
		case r.entry.Index == 0 && asked[i].mustExist:
			r.reason, r.detail = reasonBadKey, keyGone
		default:
			return false
		}
		return true
	})
}

// resolveAbsent says where partitions begin that have no key, or one of another log: at the baseline,
// or, if they are not in it, at the log start.
func (e *Engine) resolveAbsent(ctx context.Context, asked []claimRequest, results []claimResult, open []int) error {
	var added []int
	for _, i := range open {
		en, doc := &results[i].entry, &asked[i].doc
		if en.Index != 0 && !otherID(doc.TopicID, en.TopicID) {
			continue
		}
		en.TopicPartition, en.LeaderEpoch, en.TopicID = asked[i].TopicPartition, -1, doc.TopicID
		if from, ok := doc.Baseline[asked[i].Partition]; ok {
			en.Offset = from
		} else {
			added = append(added, i)
		}
	}
	if len(added) == 0 {
		return nil
	}
	starts, err := e.deps.Cluster.Offsets(ctx, record.OffsetQuery{At: record.AtStart}, idsOf(asked, added))
	if err != nil {
		return fmt.Errorf("ask for the log start: %w", err)
	}
	for _, i := range added {
		results[i].entry.Offset = starts[asked[i].TopicPartition]
	}
	return nil
}

// checkBounds compares the offsets with the logs and applies policy.data_loss.
func (e *Engine) checkBounds(ctx context.Context, asked []claimRequest, results []claimResult, open []int) ([]int, error) {
	if len(open) == 0 {
		return open, nil
	}
	at := map[record.TopicPartition]record.Position{}
	for _, i := range open {
		at[asked[i].TopicPartition] = record.Position{Offset: results[i].entry.Offset, LeaderEpoch: results[i].entry.LeaderEpoch}
	}
	bounds, err := e.deps.Cluster.Bounds(ctx, at)
	if err != nil {
		return open, fmt.Errorf("ask for the log's bounds: %w", err)
	}
	return slices.DeleteFunc(open, func(i int) bool {
		r := &results[i]
		b := bounds[asked[i].TopicPartition]
		r.bounds = b
		if b.Err != nil {
			r.err = fmt.Errorf("ask for the bounds of %s: %w", asked[i].TopicPartition, b.Err)
			return true
		}
		reason, detail := outside(r.entry.Offset, b)
		if reason == "" {
			return false
		}
		from := r.entry.Offset
		switch e.cfg.DataLoss {
		case "earliest":
			r.entry.Offset = b.Start
			if reason == reasonTruncated && b.Diverged >= b.Start {
				r.entry.Offset = b.Diverged
			}
		case "latest":
			r.entry.Offset = b.End
		default:
			r.reason, r.detail = reason, detail
			return false
		}
		r.entry.LeaderEpoch = -1
		r.losses = append(r.losses, loss{reason, from, r.entry.Offset})
		return false
	}), nil
}

// checkTopics sorts out partitions whose topic is not the one its document is of: it was recreated and the
// watch has not seen it yet, which decides about it. It comes after the questions about the logs, so that
// their answers are not of another log.
func (e *Engine) checkTopics(ctx context.Context, asked []claimRequest, results []claimResult, open []int) ([]int, error) {
	if len(open) == 0 {
		return open, nil
	}
	var names []string
	for _, i := range open {
		names = append(names, asked[i].Topic)
	}
	view, err := e.deps.Cluster.Topics(ctx, names)
	if err != nil {
		return open, fmt.Errorf("ask for the topic's id: %w", err)
	}
	return slices.DeleteFunc(open, func(i int) bool {
		v := view.Topics[asked[i].Topic]
		if v.Err != nil {
			results[i] = claimResult{err: fmt.Errorf("ask for the topic's id: %w", v.Err)}
		} else if _, detail := otherLog(asked[i].doc, v, view.ClusterID); detail != "" {
			results[i] = claimResult{err: errors.New(detail)}
		}
		return results[i].err != nil
	}), nil
}

// outside says what is wrong with an offset, with the number of records that are lost.
func outside(offset int64, b record.Bounds) (reason, detail string) {
	switch {
	case offset < b.Start:
		return reasonOutOfRange, fmt.Sprintf("%d records are lost: the stored offset %d is below the log start %d (retention or deleted records)", b.Start-offset, offset, b.Start)
	case b.Diverged >= 0 && b.Diverged < offset:
		return reasonTruncated, fmt.Sprintf("%d records are lost: the log was truncated at %d, below the stored offset %d", offset-b.Diverged, b.Diverged, offset)
	case offset > b.End:
		return reasonTruncated, fmt.Sprintf("%d records are lost: the log ends at %d, below the stored offset %d", offset-b.End, b.End, offset)
	}
	return "", ""
}

// takeKeys writes the claims by compare-and-set. Those that lost the race are tried again later.
func (e *Engine) takeKeys(ctx context.Context, asked []claimRequest, results []claimResult, open []int) ([]int, error) {
	now := time.Now().UTC()
	for _, i := range open {
		en := &results[i].entry
		en.TopicPartition = asked[i].TopicPartition
		en.Epoch = max(en.Epoch+1, now.Unix())
		en.Owner = e.cfg.HostName + "/" + nonce()
		en.TopicID = asked[i].doc.TopicID
		en.CommittedAt = now
	}
	for len(open) > 0 {
		writes := make([]record.Write, len(open))
		for k, i := range open {
			writes[k] = record.Write{Entry: &results[i].entry}
		}
		indexes, err := e.deps.Store.Write(ctx, writes)
		var stale *record.StaleError
		switch {
		case err == nil:
			for k, i := range open {
				results[i].entry.Index = indexes[k]
			}
			return open, nil
		case errors.As(err, &stale) && len(stale.Stale) > 0:
			rest := open[:0:0]
			for k, i := range open {
				if slices.Contains(stale.Stale, k) {
					results[i] = claimResult{err: errors.New("another claim of the partition was faster")}
				} else {
					rest = append(rest, i)
				}
			}
			open = rest
		default:
			return open, err // unknown outcomes too: the next try reads first
		}
	}
	return open, nil
}

// pausedBy says who paused a partition and when, as far as the key tells.
func pausedBy(en record.Entry) string {
	text := "paused by " + cmp.Or(en.PausedBy, "an operator")
	if !en.PausedAt.IsZero() {
		text += " at " + en.PausedAt.Format(time.RFC3339)
	}
	return text
}

// nonce is the half of an owner that is fresh for every claim.
func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:])
}

// readFailed: reading stopped at the reader's side. When what was acknowledged is committed the claim
// is made again, which compares the offset with the log and blocks or applies the policy.
func (e *Engine) readFailed(p *partition, err error) {
	e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Int64("offset", p.next).Err(err).
		Msg("reading stopped; comparing the offset with the log")
	e.stopReading(p)
	p.lastError = err.Error()
	p.claimTries++
	e.commitNow()
	e.reclaim(p, p.claim)
}

// reclaim runs the whole claim again once nothing of p is in flight or waits for a commit.
func (e *Engine) reclaim(p *partition, c *claim) {
	e.after(e.backoff(p.claimTries), func() {
		switch {
		case p.claim != c || p.gone || p.leaving != nil:
		case c.dirty || c.writing || p.sending != nil || p.letting:
			e.reclaim(p, c)
		default:
			e.loseClaim(p)
			e.queueClaim(p)
		}
	})
}
