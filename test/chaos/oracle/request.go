package oracle

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// request is one request as an app process saw it.
type request struct {
	*AppLine          // the line Ask
	app      *process // who received it
	answer   *AppLine // nil = none was written
	gone     Nanos    // never, or when the app saw the connection closed under the answer
}

// ended is when the app was done with the request as far as the sidecar could know: answered, gone, or the app dead; never = it is not.
func (q *request) ended(slack Nanos) Nanos {
	end := min(q.gone, q.app.died(slack))
	if q.answer != nil {
		end = min(end, q.answer.Time)
	}
	return end
}

// acknowledges says whether the answer acknowledges anything at all, by the protocol's table of answers.
func (q *request) acknowledges() bool {
	a := q.answer
	if a == nil || a.Status < 200 || a.Status > 299 || a.Broken != "" {
		return false
	}
	for i, f := range a.Failures {
		known := f.Action == "retry" || f.Action == "reject"
		inBatch := slices.ContainsFunc(q.Parts, func(p Part) bool {
			return p.Topic == f.Topic && p.Partition == f.Partition && slices.Contains(p.Offsets, f.Offset)
		})
		twice := slices.ContainsFunc(a.Failures[:i], func(g Failure) bool {
			return g.Topic == f.Topic && g.Partition == f.Partition && g.Offset == f.Offset
		})
		if !known || !inBatch || twice {
			return false
		}
	}
	return true
}

// visit is the share of one partition in one request.
type visit struct {
	*Part
	request *request
	*ownership
	acks     bool    // the answer acknowledges what the two fields below do not take back
	retryAt  int64   // what lies before is taken; beyond everything = no retry
	rejected []int64 // for the dead-letter policy
}

// acknowledged says whether the app took the record at its answer's time. A record that it rejected is not.
func (v *visit) acknowledged(offset int64) bool {
	return v.acks && offset < v.retryAt && !slices.Contains(v.rejected, offset)
}

// rejectedBefore says whether a record before this one was rejected: where that blocks, later ones come again.
func (v *visit) rejectedBefore(offset int64) bool {
	return slices.ContainsFunc(v.rejected, func(o int64) bool { return o < offset })
}

// String is the line of evidence for the visit.
func (v *visit) String() string {
	q := v.request
	text := fmt.Sprintf("%s: app %s received batch %s (request %d, attempt %d) with %s [%d,%d) under fence %d",
		stamp(q.Time), q.app.name, q.Batch, q.N, q.Attempt, Place{v.Topic, v.Partition}, v.From, v.Until, v.Fence)
	switch {
	case q.answer == nil:
		text += ", never answered"
	case q.acknowledges():
		text += fmt.Sprintf(", answered %d with %d failures at %s", q.answer.Status, len(q.answer.Failures), stamp(q.answer.Time))
	default:
		text += fmt.Sprintf(", answered %d at %s, which is no acknowledgement", q.answer.Status, stamp(q.answer.Time))
		if q.answer.Broken != "" {
			text += " (" + q.answer.Broken + ")"
		}
	}
	if q.gone != never {
		text += ", connection closed at " + stamp(q.gone)
	}
	return text
}

// ownership is everything that was delivered of one log under one fence.
type ownership struct {
	place  Place
	fence  int64
	claim  *version      // that gave the fence; nil = nobody wrote it
	log    *partitionLog // nil = nothing is known of the partition's records
	visits []*visit      // by the time they were received

	durable int64 // the last offset that was stored under the fence

	base  int     // slot of the first record of which the slice below tells
	acked []Nanos // the earliest acknowledgement under this fence that the sidecar can have heard; never = none
}

// ackedAt is when the record in a slot was first acknowledged under this fence, so that the sidecar can have heard it.
func (o *ownership) ackedAt(slot int) Nanos {
	if i := slot - o.base; i >= 0 && i < len(o.acked) {
		return o.acked[i]
	}
	return never
}

// readApps takes the apps' logs apart: requests with their answers, visits by partition, ownerships by fence.
func (c *court) readApps() {
	for _, log := range c.run.Apps {
		app := c.proc(log[0].Proc)
		if app.killed == never && app.exited != never && app.code != 0 {
			app.killed = log[len(log)-1].Time // it died by itself, at any time after its last line
		}
		byNumber := map[int]*request{}
		for i := range log {
			line := &log[i]
			switch line.What {
			case Ask:
				q := &request{AppLine: line, app: app, gone: never}
				byNumber[line.N] = q
				c.requests = append(c.requests, q)
			case Answer:
				byNumber[line.N].answer = line
			case Gone:
				byNumber[line.N].gone = line.Time
			}
		}
	}
	slices.SortStableFunc(c.requests, func(a, b *request) int { return cmp.Compare(a.Time, b.Time) })
	for _, q := range c.requests {
		acks := q.acknowledges()
		for i := range q.Parts {
			v := &visit{Part: &q.Parts[i], request: q, acks: acks, retryAt: math.MaxInt64}
			v.takeBack(q.answer)
			c.addVisit(v)
		}
	}
	for _, o := range c.ownerships {
		o.readAcks()
	}
}

// takeBack reads the failures of this partition.
func (v *visit) takeBack(a *AppLine) {
	if !v.acks {
		return
	}
	for _, f := range a.Failures {
		switch {
		case f.Topic != v.Topic || f.Partition != v.Partition:
		case f.Action == "retry":
			v.retryAt = min(v.retryAt, f.Offset)
		case f.Action == "reject":
			v.rejected = append(v.rejected, f.Offset)
		}
	}
}

// addVisit finds the claim the visit was made under, and by the claim's topic id the log its records are of.
func (c *court) addVisit(v *visit) {
	place := Place{v.Topic, v.Partition}
	id := ownershipID{place, v.Fence}
	o := c.byFence[id]
	if o == nil {
		o = &ownership{place: place, fence: v.Fence, claim: c.keys[place].claim(v.Fence)}
		if o.claim != nil {
			o.log, o.durable = c.logOf(place, o.claim.topicID), c.keys[place].durable(o.claim)
		} else if logs := c.byPlace[place]; len(logs) == 1 {
			o.log = logs[0]
		}
		c.byFence[id] = o
		c.ownerships = append(c.ownerships, o)
	}
	v.ownership = o
	o.visits = append(o.visits, v)
	c.visits[place] = append(c.visits[place], v)
}

// readAcks notes when each record was first acknowledged, under this fence and under any.
func (o *ownership) readAcks() {
	if o.log == nil {
		return
	}
	low, high := int64(math.MaxInt64), int64(0)
	for _, v := range o.visits {
		low, high = min(low, v.From), max(high, v.Until)
	}
	o.base = o.log.at(low)
	o.acked = make([]Nanos, o.log.at(high)-o.base)
	for i := range o.acked {
		o.acked[i] = never
	}
	for _, v := range o.visits {
		for _, offset := range v.Offsets {
			slot := o.log.slot(offset)
			if slot < o.base || slot >= o.base+len(o.acked) || !v.acknowledged(offset) {
				continue // a record that nobody knows of, or out of its range: said elsewhere
			}
			at := v.request.answer.Time
			o.log.ackedAt[slot] = min(o.log.ackedAt[slot], at)
			if v.request.gone >= at { // else the sidecar had gone before the answer, and can't have heard it
				o.acked[slot-o.base] = min(o.acked[slot-o.base], at)
			}
		}
	}
}
