package relay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// maxStoreWait is the longest wait between two tries of a store that is away.
const maxStoreWait = 5 * time.Second

// committer writes acknowledged offsets to the store: the newest per partition, in transactions of at
// most record.MaxWrites, one in flight.
type committer struct {
	dirty   []*partition // FIFO of partitions whose acked offset is not in the store
	due     int          // how many from the front are to be written without waiting for the interval
	pending int          // acknowledged records that are not durable
	doubts  []doubt      // keys to read back before anything is written again
	busy    bool         // a transaction, or the reading back of one, is in flight
	timer   *time.Timer  // next tick, or the next try when the store is away
	tries   int          // failures in a row: the back-off; above 0 only while timer is set or busy
	mirror  mirror
}

// doubt is a partition of which we do not know what its key holds.
type doubt struct {
	p       *partition
	claim   *claim
	refused bool // the write was called stale
}

// contradicted: the key is as it was when a write that is based on it was called stale.
func (d doubt) contradicted(found record.Entry) bool {
	return d.refused && found.Bad == nil && found.Index != 0 && found.Index == d.claim.entry.Index
}

// mirror commits durable offsets to the Kafka group as well.
type mirror struct {
	busy bool
	at   map[record.TopicPartition]record.Position
}

// commitLater notes that p's acked offset moved.
func (e *Engine) commitLater(p *partition, records int) {
	c := p.claim
	if c == nil {
		return
	}
	c.records += records
	e.commits.pending += records
	if !c.dirty {
		c.dirty = true
		e.commits.dirty = append(e.commits.dirty, p)
	}
	if e.commits.pending >= e.cfg.CommitMaxPending || !e.life.taking {
		e.commitNow()
		return
	}
	e.armCommit()
}

// armCommit sets the next tick, jittered by 20 % so that a fleet does not write in step.
func (e *Engine) armCommit() {
	c := &e.commits
	if c.busy || c.timer != nil || len(c.dirty) == 0 {
		return
	}
	if e.cfg.CommitInterval <= 0 {
		e.commitNow()
		return
	}
	d := time.Duration(float64(e.cfg.CommitInterval) * (0.8 + 0.4*rand.Float64()))
	c.timer = e.after(d, func() {
		c.timer = nil
		e.commitNow()
	})
}

// commitNow writes everything that is dirty at this moment.
func (e *Engine) commitNow() {
	e.commits.due = len(e.commits.dirty)
	if e.commits.tries == 0 {
		e.writeNext()
	}
}

// writeNext starts the next transaction of what is due.
func (e *Engine) writeNext() {
	c := &e.commits
	if c.busy {
		return
	}
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	if len(c.doubts) > 0 {
		e.readBack()
		return
	}
	if c.pending >= e.cfg.CommitMaxPending { // delivery waits: also for what was acknowledged during the last write
		c.due = len(c.dirty)
	}
	var parts []*partition
	var writes []record.Write
	var records []int
	for c.due > 0 && len(parts) < record.MaxWrites {
		p := c.dirty[0]
		c.dirty = c.dirty[1:]
		c.due--
		if p.claim == nil || !p.claim.dirty || p.claim.writing {
			continue
		}
		if p.claim.entry.Offset == p.acked {
			e.durable(p, p.claim.entry, p.claim.records)
			continue
		}
		p.claim.writing = true
		entry, n := p.nextEntry()
		parts, records = append(parts, p), append(records, n)
		writes = append(writes, record.Write{Entry: entry})
	}
	if len(parts) == 0 {
		c.tries = 0
		e.checkLeavingAll()
		e.checkDrain()
		e.armCommit()
		return
	}
	e.write(parts, writes, records)
}

// nextEntry is what p's key shall hold, and how many acknowledged records that makes durable.
func (p *partition) nextEntry() (*record.Entry, int) {
	if u := p.claim.unknown; u != nil {
		n := u.entry
		return &n, u.records
	}
	n := p.claim.entry
	n.Offset, n.LeaderEpoch = p.acked, p.epoch
	if n.TopicID == "" { // the brokers had none when the key was taken
		n.TopicID = p.topic.doc.TopicID
	}
	n.CommittedAt = time.Now().UTC()
	return &n, p.claim.records
}

// write makes one transaction; records is how many acknowledged records each write makes durable.
func (e *Engine) write(parts []*partition, writes []record.Write, records []int) {
	e.commits.busy = true
	claims := make([]*claim, len(parts))
	for i, p := range parts {
		claims[i] = p.claim
	}
	e.async(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, e.cfg.StoreTimeout)
		defer cancel()
		start := time.Now()
		indexes, err := e.deps.Store.Write(ctx, writes)
		took := time.Since(start)
		return func() {
			e.m.commit.Observe(took.Seconds())
			e.commits.busy = false
			for i := range parts {
				claims[i].writing = false
			}
			e.written(parts, claims, writes, records, indexes, err)
		}
	})
}

// written settles a transaction by its outcome.
func (e *Engine) written(parts []*partition, claims []*claim, writes []record.Write, records []int, indexes []uint64, err error) {
	var stale *record.StaleError
	switch {
	case err == nil:
		e.storeWell()
		e.m.commits.WithLabelValues("ok").Inc()
		for i, p := range parts {
			if p.claim == claims[i] {
				entry := *writes[i].Entry
				entry.Index = indexes[i]
				e.durable(p, entry, records[i])
			}
		}
		e.mirrorNext()
		e.writeNext()
	case errors.As(err, &stale) && len(stale.Stale) > 0:
		e.storeWell()
		e.m.commits.WithLabelValues("stale").Inc()
		for i, p := range parts {
			if p.claim != claims[i] {
				continue
			}
			if slices.Contains(stale.Stale, i) {
				e.commits.doubts = append(e.commits.doubts, doubt{p, p.claim, true})
			} else {
				e.rewrite(p)
			}
		}
		e.writeNext()
	case errors.Is(err, record.ErrOutcomeUnknown):
		e.m.commits.WithLabelValues("unknown").Inc()
		for i, p := range parts {
			if p.claim == claims[i] {
				p.claim.unknown = &unknown{*writes[i].Entry, records[i]}
				e.commits.doubts = append(e.commits.doubts, doubt{p, p.claim, false})
			}
		}
		e.storeAway(err)
		e.writeNext()
	default:
		e.m.commits.WithLabelValues("error").Inc()
		for i, p := range parts {
			if p.claim == claims[i] {
				e.rewrite(p)
			}
		}
		e.storeAway(err)
		e.retryWrites()
	}
}

// durable notes that the key of p holds entry, which made so many acknowledged records durable.
func (e *Engine) durable(p *partition, entry record.Entry, records int) {
	c := p.claim
	c.entry = entry
	c.unknown = nil // the version moved on: an older write can't be applied any more
	c.records -= records
	e.commits.pending -= records
	c.dirty = false
	if p.acked > entry.Offset {
		c.dirty = true
		e.commits.dirty = append(e.commits.dirty, p)
		if p.leaving != nil || !e.life.taking {
			e.commits.due = len(e.commits.dirty)
		}
	}
	if e.cfg.MirrorToKafka && e.deps.Group != nil {
		if e.commits.mirror.at == nil {
			e.commits.mirror.at = map[record.TopicPartition]record.Position{}
		}
		e.commits.mirror.at[p.TopicPartition] = record.Position{Offset: entry.Offset, LeaderEpoch: entry.LeaderEpoch}
	}
	if p.leaving != nil {
		e.checkLeaving(p)
	}
}

// rewrite puts p to the front of what is to be written.
func (e *Engine) rewrite(p *partition) {
	e.commits.dirty = slices.Insert(e.commits.dirty, 0, p)
	e.commits.due++
}

// retryWrites tries again after a back-off.
func (e *Engine) retryWrites() {
	c := &e.commits
	if c.timer != nil {
		c.timer.Stop()
	}
	c.timer = e.after(jitter(e.cfg.RetryMin, maxStoreWait, c.tries), func() {
		c.timer = nil
		e.writeNext()
	})
}

// readBack finds out what the keys in doubt hold, after a write that was refused as stale or whose
// outcome is unknown.
func (e *Engine) readBack() {
	c := &e.commits
	doubts := slices.DeleteFunc(c.doubts, func(d doubt) bool { return d.p.claim != d.claim })
	n := min(len(doubts), record.MaxWrites)
	doubts, c.doubts = doubts[:n:n], slices.Clone(doubts[n:])
	if len(doubts) == 0 {
		e.writeNext()
		return
	}
	c.busy = true
	ids := make([]record.TopicPartition, len(doubts))
	for i, d := range doubts {
		ids[i] = d.p.TopicPartition
	}
	e.async(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, e.cfg.StoreTimeout)
		defer cancel()
		entries, err := e.deps.Store.Entries(ctx, ids)
		return func() {
			c.busy = false
			if err != nil {
				c.doubts = append(doubts, c.doubts...)
				e.storeAway(err)
				e.retryWrites()
				return
			}
			for i, d := range doubts {
				if d.p.claim == d.claim {
					if d.contradicted(entries[i]) {
						c.tries++ // else it would be asked again and again without a pause
					}
					e.compare(d.p, entries[i])
				}
			}
			e.checkLeavingAll()
			if c.tries > 0 && c.due > 0 { // reading works, writing may still not
				e.retryWrites()
				return
			}
			e.writeNext()
		}
	})
}

// compare decides by what the key holds: our last write, a write of ours whose outcome was unknown,
// or somebody else's.
func (e *Engine) compare(p *partition, found record.Entry) {
	c := p.claim
	switch {
	case found.Bad != nil:
		e.loseClaim(p)
		e.setBlock(p, reasonBadKey, found.Bad.Error())
		e.reclaimLater(p)
	case found.Index == 0:
		e.loseClaim(p)
		e.setBlock(p, reasonBadKey, keyGone)
		e.reclaimLater(p)
	case found.Index == c.entry.Index:
		e.rewrite(p) // not applied, or not yet: the next write will show
	case c.unknown != nil && sameWrite(c.unknown.entry, found):
		c.entry, c.unknown = found, nil
		e.rewrite(p)
	default:
		e.fenced(p, found)
	}
}

// sameWrite compares what a write put under a key with what was found there.
func sameWrite(w, found record.Entry) bool {
	return w.Owner == found.Owner && w.Epoch == found.Epoch && w.Offset == found.Offset &&
		w.LeaderEpoch == found.LeaderEpoch && w.TopicID == found.TopicID && w.Paused == found.Paused &&
		w.CommittedAt.Equal(found.CommittedAt)
}

// fenced: the key was written by another owner. In a group the claim is tried again while p is
// assigned; a zombie can't prove its membership and so can't steal. Without a group there is no proof.
func (e *Engine) fenced(p *partition, found record.Entry) {
	if byOperator(found) {
		e.overrule(p, found)
		return
	}
	e.loseClaim(p)
	e.m.fenced.Inc()
	detail := "the key is owned by " + found.Owner
	e.tellAt(p.TopicPartition, EventFenced, reasonFenced, detail)
	if e.deps.Group == nil {
		e.setBlock(p, reasonFenced, detail+"; nothing but the store decides without a group, and the newest claim wins")
		return
	}
	e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Str("owner", found.Owner).
		Msg("fenced: another owner wrote the partition's key; claiming again while it is assigned")
	p.lastError = detail
	p.claimTries++
	e.after(e.backoff(p.claimTries), func() { e.queueClaim(p) })
}

// byOperator says whether an operator wrote the key.
func byOperator(found record.Entry) bool { return strings.HasPrefix(found.Owner, "operator/") }

// overrule claims p again from where an operator put it. What is in flight is left to end, which spares the other partitions in
// the request; its answer counts for nothing here.
func (e *Engine) overrule(p *partition, found record.Entry) {
	e.log.Info().Str("topic", p.Topic).Int32("partition", p.Partition).Str("owner", found.Owner).Int64("offset", found.Offset).
		Bool("paused", found.Paused).Msg("an operator changed the partition")
	e.tellAt(p.TopicPartition, EventOperator, "", fmt.Sprintf("%s wrote offset %d, paused %t", found.Owner, found.Offset, found.Paused))
	if p.sending == nil {
		e.loseClaim(p)
		e.queueClaim(p)
		return
	}
	c := p.claim
	e.commits.pending -= c.records
	c.records, c.dirty, p.overruled = 0, false, true
	e.dissolvePlan(p.plan)
	e.stopReading(p)
}

// loseClaim lets go of everything that was done under p's claim; a request in flight is cut.
func (e *Engine) loseClaim(p *partition) {
	c := p.claim
	if c == nil {
		return
	}
	p.held = true
	e.commits.pending -= c.records
	p.claim, p.overruled = nil, false
	if p.sending != nil {
		p.sending.cancel()
	}
	e.dissolvePlan(p.plan)
	e.stopReading(p)
	if p.trial.failing {
		e.goesOn(p, reasonAppFailing)
	}
	p.trial = trial{}
	p.changed = time.Now()
}

// mirrorNext commits to the Kafka group what became durable; one call in flight, the newest waits.
func (e *Engine) mirrorNext() {
	m := &e.commits.mirror
	if m.busy || len(m.at) == 0 || !e.life.taking {
		return
	}
	at := m.at
	m.at, m.busy = nil, true
	e.async(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		err := e.deps.Group.Commit(ctx, at)
		return func() {
			m.busy = false
			if err != nil {
				e.log.Debug().Err(err).Msg("mirror to the Kafka group was refused; the store has the offsets")
			}
			e.mirrorNext()
		}
	})
}

// storeWell and storeAway keep the store's health.
func (e *Engine) storeWell() {
	e.commits.tries = 0
	if e.store.set(true, "") {
		e.log.Info().Msg("store is up")
		e.tell(EventStoreUp, "")
	}
}

// noteStoreError keeps the store's health true to an error of a claim, which may be Kafka's.
func (e *Engine) noteStoreError(err error) {
	if storeRefuses(err) && e.store.set(false, err.Error()) {
		e.log.Warn().Err(err).Msg("store is away; claims wait")
		e.tell(EventStoreDown, err.Error())
	}
}

func (e *Engine) storeAway(err error) {
	e.commits.tries++
	if e.store.set(false, err.Error()) {
		e.log.Warn().Err(err).Msg("store is away; offsets wait, delivery goes on up to commit.max_pending")
		e.tell(EventStoreDown, err.Error())
	}
}
