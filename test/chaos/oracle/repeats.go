package oracle

import (
	"fmt"
	"math"
	"slices"
)

// checkRepeats is I5: ids of batches, nothing below a durable commit, and a cause for every repeat.
func (c *court) checkRepeats() {
	for _, q := range c.requests {
		if id := batchID(c.run.Group, q.Parts); id != q.Batch && len(q.Parts) > 0 {
			v := &visit{Part: &q.Parts[0], request: q}
			c.badRepeat(v, -1, fmt.Sprintf("the batch has the id %s, its ranges give %s", q.Batch, id))
		}
	}
	for _, o := range c.ownerships {
		c.checkDurable(o)
	}
	for _, p := range c.places() {
		c.checkCauses(p)
	}
}

// checkDurable: under one fence no record below the claimed offset comes, nor below a later commit once that stood in the
// store when the request was received.
func (c *court) checkDurable(o *ownership) {
	if o.claim == nil {
		return
	}
	durable := o.claim
	var later []*version
	for _, w := range c.keys[o.place].versions {
		if w.commits(o.fence) && w.offset > durable.offset {
			later = append(later, w)
		}
	}
	for _, v := range o.visits {
		if c.stale(v.request) {
			continue
		}
		for len(later) > 0 && later[0].Done < v.request.Time {
			durable, later = later[0], later[1:]
		}
		if len(v.Offsets) > 0 && v.Offsets[0] < durable.offset {
			c.badRepeat(v, v.Offsets[0], fmt.Sprintf("delivered although %d was stored as done before", durable.offset), durable.String())
		}
	}
}

// checkCauses counts the records that came after an app had acknowledged them, and asks why. An acknowledgement excuses one
// repeat of each record: the next one is judged by the next acknowledgement. So the repeats are bounded by the
// acknowledgements that have an excuse, which are counted beside them.
func (c *court) checkCauses(p Place) {
	visits := c.visits[p]
	marks := map[*partitionLog][]int32{} // by slot: 1 + the visit whose acknowledgement stands
	var open []int32                     // visits with an answer that is yet to be noted
	for i, v := range visits {
		if v.log == nil {
			continue
		}
		if marks[v.log] == nil {
			marks[v.log] = make([]int32, len(v.log.offsets))
		}
		open = slices.DeleteFunc(open, func(i int32) bool {
			done := visits[i].request.answer.Time <= v.request.Time
			if done {
				c.noteAcks(visits[i], i+1, marks[visits[i].log])
			}
			return done
		})
		if !c.stale(v.request) {
			c.checkVisitCauses(v, visits, marks[v.log])
		}
		if v.acks {
			open = append(open, int32(i))
		}
	}
}

// noteAcks marks the records that the visit acknowledged, and counts those that may come again.
func (c *court) noteAcks(v *visit, mark int32, marks []int32) {
	why := c.excuse(v, never)
	bound := 0
	for _, offset := range v.Offsets {
		slot := v.log.slot(offset)
		if slot < 0 || !v.acknowledged(offset) {
			continue
		}
		marks[slot] = mark
		if why.covers(offset, false) {
			bound++
		}
	}
	c.verdict.Table.repeats(v.request.answer.Time, 0, bound)
}

func (c *court) checkVisitCauses(v *visit, visits []*visit, marks []int32) {
	var bad []int64
	var before *visit
	var why excuse
	for _, offset := range v.Offsets {
		slot := v.log.slot(offset)
		if slot < 0 || marks[slot] == 0 {
			continue
		}
		if earlier := visits[marks[slot]-1]; earlier != before {
			before, why = earlier, c.excuse(earlier, v.request.Time)
		}
		if before.Fence > v.Fence {
			continue // what an owner sends that does not know of its successor is for I6
		}
		marks[slot] = 0
		c.verdict.Table.repeats(before.request.answer.Time, 1, 0)
		if !why.covers(offset, before.Fence == v.Fence) {
			bad = append(bad, offset)
		}
	}
	if bad != nil {
		c.badRepeat(v, bad[0], fmt.Sprintf("%d records come again although their acknowledgement had reached the sidecar and nothing kept it from the store", len(bad)), before.String())
	}
}

// excuse says which records that a visit acknowledged may be delivered again.
type excuse struct {
	visit   *visit
	unheard bool  // all of them: the answer may not have reached the sidecar
	durable int64 // from here on under another fence: they may not have reached the store
	seek    int64 // from here on under another fence: an operator went back
}

func (e excuse) covers(offset int64, sameFence bool) bool {
	if e.unheard || e.visit.rejectedBefore(offset) { // only what lies before a record that blocks is committed
		return true
	}
	return !sameFence && (offset >= e.durable || offset >= e.seek)
}

// excuse is what may have kept the acknowledgements of a visit from being stored, as far as it had happened by then.
func (c *court) excuse(v *visit, by Nanos) excuse {
	e := excuse{visit: v, unheard: c.unheard(v.request, v.claim), durable: math.MaxInt64, seek: math.MaxInt64}
	if e.unheard {
		return e
	}
	if c.kept(v) {
		e.durable = v.durable
	}
	for _, w := range c.keys[v.place].operators {
		if w.Done >= v.claim.Sent && w.Sent <= by {
			e.seek = min(e.seek, w.offset) // 0 when the key was deleted or can't be decoded
		}
	}
	return e
}

// unheard says whether the answer may not have reached the sidecar: it closed the connection, timed out, or one of both ends died or
// stood still around the answer.
func (c *court) unheard(q *request, claim *version) bool {
	end := q.answer.Time
	if q.gone != never || end >= q.Time+c.run.AppTimeout-c.slack || q.app.broken(q.Time, end, c.slack) || c.withdrawn(q) {
		return true
	}
	return claim == nil || c.proc(claim.Writer).broken(q.Time, end, c.slack)
}

// withdrawn says whether the sidecar may have given the request up because an operator wrote to the key of one of its partitions, which
// it notices at its next commit. The app does not always see the connection close: its answer may have been on the way.
func (c *court) withdrawn(q *request) bool {
	for i := range q.Parts {
		k := c.keys[Place{q.Parts[i].Topic, q.Parts[i].Partition}]
		if k == nil {
			continue
		}
		if slices.ContainsFunc(k.operators, func(w *version) bool { return w.Done >= q.Time-c.window() && w.Sent <= q.answer.Time }) {
			return true
		}
	}
	return false
}

// window is how long after an acknowledgement it may stand in no store when nothing is wrong: the interval with its jitter, one write,
// and the time to notice.
func (c *court) window() Nanos { return c.run.CommitEvery*5/4 + c.run.StoreWithin + c.slack }

// kept says whether something may have kept an acknowledgement, which the sidecar had, from the store: a fault within the
// window after it, or an end without the final commit, which the exit code tells.
func (c *court) kept(v *visit) bool {
	from := v.request.answer.Time
	until := from + c.window()
	return c.faulty("consul", from, until, 0) || c.cutOff(c.proc(v.claim.Writer), from, until)
}

func (c *court) badRepeat(v *visit, offset int64, what string, evidence ...string) {
	c.verdict.add(Violation{
		Invariant: 5, Place: Place{v.Topic, v.Partition}, Offset: offset, Time: v.request.Time, What: what,
		Evidence: append(evidence, v.String()),
	})
}
