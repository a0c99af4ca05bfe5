package relay

import (
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// plan is a batch decided in advance, because an attempt did not end in an ack: which ranges come
// next, together, and when. Its partitions deliver nothing else meanwhile.
type plan struct {
	parts []planPart
	at    time.Time // when it comes
	timer *time.Timer
	wants bool // the time has come; it waits for its records, or stands in e.due
	due   bool // stands in e.due
	over  bool // dissolved or carried out
}

type planPart struct {
	p     *partition
	claim *claim
	until int64
}

// until is where the plan's range of p ends.
func (pl *plan) until(p *partition) int64 {
	for _, part := range pl.parts {
		if part.p == p {
			return part.until
		}
	}
	return 0
}

// planParts makes a plan for these ranges after a wait. Partitions that would wait long give their
// records up and read them again when the time comes.
func (e *Engine) planParts(parts []planPart, wait time.Duration) {
	if len(parts) == 0 {
		return
	}
	pl := &plan{parts: parts, at: time.Now().Add(wait)}
	for _, part := range parts {
		part.p.plan = pl
		part.p.changed = time.Now()
	}
	if wait > longBackoff {
		for _, part := range parts {
			e.stopReading(part.p)
		}
	}
	if wait <= 0 {
		e.planDue(pl)
		return
	}
	pl.timer = e.after(wait, func() { e.planDue(pl) })
}

// planNext plans p's next batch within its trial.
func (e *Engine) planNext(p *partition, wait time.Duration) {
	e.planParts([]planPart{{p, p.claim, p.trial.bound()}}, wait)
}

func (e *Engine) planDue(pl *plan) {
	if pl.over || pl.wants {
		return
	}
	pl.wants = true
	for _, part := range pl.parts {
		if part.p.readSeq == 0 {
			e.startReading(part.p)
		}
	}
	e.checkPlan(pl)
}

// checkPlan queues a plan whose time has come once all its records are here.
func (e *Engine) checkPlan(pl *plan) {
	if pl.over || pl.due || !pl.wants {
		return
	}
	for _, part := range pl.parts {
		if part.p.next < part.until {
			return
		}
	}
	pl.due = true
	e.due = append(e.due, pl)
}

// planEarly queues a plan that waits for the rest of its records while nothing is under way and the
// budget is full: they can't come before memory is given back. What is here goes without them.
func (e *Engine) planEarly() bool {
	if e.budget.inUse() < e.budget.max || slices.ContainsFunc(e.lanes, func(l *lane) bool { return l.sending != nil || l.coming != nil }) {
		return false
	}
	for _, p := range e.partitions {
		if pl := p.plan; pl != nil && pl.wants && !pl.due && p.queue.has(p.acked) {
			pl.due = true
			e.due = append(e.due, pl)
			return true
		}
	}
	return false
}

// dissolvePlan ends a plan because a partition of it is taken away; the others keep its time.
func (e *Engine) dissolvePlan(pl *plan) {
	if pl == nil || pl.over {
		return
	}
	e.endPlan(pl)
	var rest []planPart
	for _, part := range pl.parts {
		if p := part.p; p.claim == part.claim && p.claim != nil && p.leaving == nil && !p.gone {
			rest = append(rest, part)
		}
	}
	e.planParts(rest, time.Until(pl.at))
}

func (e *Engine) endPlan(pl *plan) {
	pl.over = true
	if pl.timer != nil {
		pl.timer.Stop()
	}
	for _, part := range pl.parts {
		if part.p.plan == pl {
			part.p.plan = nil
		}
	}
}

// formPlanned makes a flight of the first due plan. A range whose records are gone (compaction) is passed.
func (e *Engine) formPlanned(l *lane) *flight {
	for len(e.due) > 0 {
		pl := e.due[0]
		if !pl.over && pl.blockedByFlight() {
			return nil
		}
		e.due = e.due[1:]
		if pl.over {
			continue
		}
		e.endPlan(pl)
		if f := e.formPlan(l, pl); f != nil {
			return f
		}
	}
	return nil
}

// blockedByFlight: an earlier batch of one of its partitions has not ended (its claim was lost meanwhile).
func (pl *plan) blockedByFlight() bool {
	for _, part := range pl.parts {
		if part.p.sending != nil || part.p.lent != nil || part.p.letting {
			return true
		}
	}
	return false
}

func (e *Engine) formPlan(l *lane, pl *plan) *flight {
	b := e.newBuilder(l)
	attempt := 1
	for _, part := range pl.parts {
		p := part.p
		if p.claim != part.claim || p.gone || p.leaving != nil {
			continue
		}
		if e.condemnedAhead(p) {
			continue
		}
		if !b.full() && b.add(p, p.acked, part.until) {
			attempt = max(attempt, 1+p.trial.attempts)
			continue
		}
		if first, ok := p.queue.first(p.acked); p.next >= part.until && (!ok || first >= part.until) {
			e.passed(p, part.until)
			e.clearBlock(p)
		}
		e.requeue(p)
	}
	f := b.build(attempt)
	if f != nil {
		f.plan = true
	}
	return f
}

// again plans the same batch once more after a wait that does not count.
func (e *Engine) again(f *flight, wait time.Duration) {
	var parts []planPart
	for i, p := range f.parts {
		if e.current(f, i) && p.leaving == nil {
			parts = append(parts, planPart{p, p.claim, f.batch.Parts[i].Until})
		}
	}
	e.planParts(parts, wait)
}

// current says whether part i of f still is under the claim it was made under.
func (e *Engine) current(f *flight, i int) bool {
	p := f.parts[i]
	return !p.gone && p.claim != nil && p.claim == f.claims[i]
}

// trial is what is known about a partition's records that failed: attempts are counted against the
// first unacknowledged record, bounds narrow the batch until the record that fails stands alone.
type trial struct {
	attempts int     // failed attempts of the first unacknowledged record
	lone     int     // of them, as the only record of its batch
	halving  bool    // a batch that fails is halved at once
	bounds   []int64 // ends of the batches to come, the innermost last
	failedAt uint64  // number of the answer that failed last
	blamed   int64   // records below it were in a request that failed, once at least
	failing  bool    // a lone record failed max_attempts times and nothing shows that it is at fault

	condemned *verdict // the first record is condemned already; its dead letter could not be written
}

func (t *trial) active() bool { return len(t.bounds) > 0 }

// bound is where the next batch ends.
func (t *trial) bound() int64 { return t.bounds[len(t.bounds)-1] }

// narrow makes the next batch end at until.
func (t *trial) narrow(until int64) {
	for t.active() && t.bound() <= until {
		t.bounds = t.bounds[:len(t.bounds)-1]
	}
	t.bounds = append(t.bounds, until)
}

// blame notes a failed answer about records below end.
func (t *trial) blame(answer uint64, end int64) {
	t.failedAt, t.blamed = answer, max(t.blamed, end)
}

// passed forgets what was known about p's records below offset, and says so when it was told that they keep failing.
func (e *Engine) passed(p *partition, offset int64) {
	if p.trial.failing {
		e.goesOn(p, reasonAppFailing)
	}
	p.trial.passed(offset)
}

// passed forgets what was known about records below offset.
func (t *trial) passed(offset int64) {
	t.attempts, t.lone, t.failing, t.condemned = 0, 0, false, nil
	for t.active() && t.bound() <= offset {
		t.bounds = t.bounds[:len(t.bounds)-1]
	}
	if !t.active() {
		t.halving = false
	}
}

// split is the one function that splits a batch that fails: it returns where the first half of the
// records ends. rs holds at least two.
func split(rs []record.Record) int64 { return rs[len(rs)/2-1].Offset + 1 }
