package relay

import (
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// lingerTimer wakes the loop when a batch that is held back for min_records has waited max_wait.
type lingerTimer struct {
	armed bool
}

// mayDeliver: nothing about the process as a whole forbids a new attempt.
func (e *Engine) mayDeliver() bool {
	return e.life.taking && e.app.up && e.commits.pending < e.cfg.CommitMaxPending
}

// enqueue puts p at the end of the ready queue if it has records to deliver.
func (e *Engine) enqueue(p *partition) {
	if !p.queued && p.sending == nil && p.deliverable() && p.queue.has(p.acked) {
		p.queued = true
		p.readyAt = time.Now()
		e.ready = append(e.ready, p)
	}
}

// requeueFirst puts p at the head of the ready queue.
func (e *Engine) requeueFirst(p *partition) {
	if !p.queued && p.sending == nil && p.deliverable() && p.queue.has(p.acked) {
		p.queued = true
		p.readyAt = time.Now()
		e.ready = slices.Insert(e.ready, 0, p)
	}
}

// requeue lets p go on after a batch that came to nothing: by its plan, within its trial, or freely.
func (e *Engine) requeue(p *partition) {
	switch {
	case p.gone || p.claim == nil || p.leaving != nil || p.plan != nil || p.sending != nil || p.coming != nil || p.lent != nil || p.letting:
	case p.trial.active():
		e.planNext(p, 0)
	default:
		e.requeueFirst(p)
	}
}

// schedule gives every free lane a batch, then prepares ahead in the lanes whose request runs. Called
// at the end of each turn of the loop.
func (e *Engine) schedule() {
	if !e.mayDeliver() {
		e.budget.starves(false)
		return
	}
	e.fillLanes()
	for e.planEarly() {
		e.fillLanes()
	}
	e.prepareAhead()
	e.budget.starves(e.laneStarves())
}

// prepareAhead gives the lanes whose request runs their next batch.
func (e *Engine) prepareAhead() {
	if e.pace.rate > 0 {
		return
	}
	for _, l := range e.lanes {
		if l.sending == nil || l.coming != nil || len(l.spare) == 0 || len(e.due) > 0 || !e.fullBatchWaits(l) {
			continue
		}
		if f := e.formFresh(l, e.cfg.MaxRecords); f != nil {
			e.prepare(l, f)
		}
	}
}

// laneStarves: some lane has no batch to come, and not for the rate. If much is held then, it belongs to partitions that
// wait, and reading goes on up to the budget so that these hold nobody up.
func (e *Engine) laneStarves() bool {
	paced := e.pace.rate > 0 // then nothing is prepared ahead
	return !e.pace.holds && slices.ContainsFunc(e.lanes, func(l *lane) bool {
		return l.coming == nil && (l.sending == nil || !paced)
	})
}

// fillLanes gives every free lane a batch.
func (e *Engine) fillLanes() {
	for _, l := range e.lanes {
		if l.sending != nil || l.coming != nil || len(l.spare) == 0 {
			continue
		}
		f := e.formPlanned(l)
		if f == nil && e.enough() {
			f = e.formFresh(l, e.mayTake())
		}
		if f != nil {
			e.prepare(l, f)
		}
	}
}

// enough implements min_records and max_wait: hold a batch back until so many records stand ready or
// the oldest has waited.
func (e *Engine) enough() bool {
	if e.cfg.MinRecords <= 1 || e.cfg.MaxWait <= 0 {
		return true
	}
	n, oldest := 0, time.Time{}
	for _, p := range e.ready {
		if p.queued && p.deliverable() {
			if oldest.IsZero() || p.readyAt.Before(oldest) {
				oldest = p.readyAt
			}
			if n += p.queue.count(p.acked, e.cfg.MinRecords); n >= e.cfg.MinRecords {
				return true
			}
		}
	}
	if n == 0 {
		return false
	}
	wait := e.cfg.MaxWait - time.Since(oldest)
	if wait <= 0 {
		return true
	}
	if !e.linger.armed {
		e.linger.armed = true
		e.after(wait, func() { e.linger.armed = false })
	}
	return false
}

// fullBatchWaits: preparing ahead is worth it only for a full batch, else the batch would miss what
// arrives while the request runs.
func (e *Engine) fullBatchWaits(l *lane) bool {
	records, bytes := 0, 0
	add := func(p *partition, from int64) bool {
		records += p.queue.count(from, e.cfg.MaxRecords)
		bytes += p.queue.bytes
		return records >= e.cfg.MaxRecords
	}
	for _, p := range e.ready {
		if p.queued && p.deliverable() && add(p, p.acked) {
			return true
		}
	}
	for i, p := range l.sending.parts {
		if p.deliverable() && p.claim == l.sending.claims[i] && add(p, l.sending.batch.Parts[i].Until) {
			return true
		}
	}
	return records > 1 && bytes > 2*e.cfg.MaxBytes
}

// formFresh takes partitions from the head of the ready queue until the batch is full, at most so many records. In a lane with
// a request in flight, that request's own partitions may follow with their later records.
func (e *Engine) formFresh(l *lane, records int) *flight {
	if records == 0 {
		return nil
	}
	b := e.newBuilder(l)
	b.records = records
	kept := e.ready[:0]
	for i, p := range e.ready {
		if b.full() {
			kept = append(kept, e.ready[i:]...)
			break
		}
		switch {
		case !p.queued || !p.deliverable() || p.sending != nil || !p.queue.has(p.acked):
			p.queued = false
		case b.refuses(p):
			kept = append(kept, p)
		case b.add(p, p.acked, 0):
			p.queued = false
		default: // its next record does not fit: the batch is full
			b.bytes = 0
			kept = append(kept, p)
		}
	}
	clear(e.ready[len(kept):])
	e.ready = kept
	if s := l.sending; s != nil && !s.plan {
		for i, p := range s.parts {
			if !b.full() && !b.refuses(p) && p.deliverable() && p.claim == s.claims[i] {
				b.add(p, s.batch.Parts[i].Until, 0)
			}
		}
	}
	return b.build(1)
}

// builder fills one flight.
type builder struct {
	e       *Engine
	f       *flight
	spans   []span
	records int
	bytes   int
}

// span is one partition's stretch of the flight's slab.
type span struct {
	p          *partition
	from       int64
	first, end int
}

func (e *Engine) newBuilder(l *lane) *builder {
	return &builder{e: e, f: l.take(), records: e.cfg.MaxRecords, bytes: e.cfg.MaxBytes}
}

func (b *builder) full() bool { return b.records <= 0 || b.bytes <= 0 }

// refuses: one topic per batch when the URL names it; and behind a partition that the byte limit cut
// out of its last batch only those that sort after it, so that the cut can't hit it again.
func (b *builder) refuses(p *partition) bool {
	if len(b.spans) == 0 {
		return false
	}
	first := b.spans[0].p
	if b.e.cfg.TopicInURL && first.Topic != p.Topic {
		return true
	}
	return first.cutOff && p.Compare(first.TopicPartition) < 0
}

// add takes records of p from offset `from` on, below until (0 = no bound); false if there are none that fit.
func (b *builder) add(p *partition, from, until int64) bool {
	first := len(b.f.slab)
	slab, bytes := p.queue.take(b.f.slab, from, limit{until: until, records: b.records, bytes: b.bytes})
	b.f.slab = slab
	if len(slab) == first {
		return false
	}
	b.spans = append(b.spans, span{p, from, first, len(slab)})
	b.records -= len(slab) - first
	b.bytes -= bytes
	return true
}

// build sorts the parts and makes the batch; nil if nothing was added.
func (b *builder) build(attempt int) *flight {
	f := b.f
	if len(b.spans) == 0 {
		f.lane.spare = append(f.lane.spare, f)
		return nil
	}
	slices.SortFunc(b.spans, func(x, y span) int { return x.p.Compare(y.p.TopicPartition) })
	f.batch.Group, f.batch.Attempt = b.e.cfg.Group, attempt
	for _, s := range b.spans {
		records := f.slab[s.first:s.end]
		f.parts = append(f.parts, s.p)
		f.claims = append(f.claims, s.p.claim)
		f.batch.Parts = append(f.batch.Parts, record.Part{
			Range: record.Range{
				TopicPartition: s.p.TopicPartition,
				From:           s.from,
				Until:          records[len(records)-1].Offset + 1,
				Fence:          s.p.claim.entry.Epoch,
			},
			Records: records,
		})
	}
	return f
}
