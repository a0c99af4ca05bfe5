package oracle

import (
	"fmt"
	"slices"
)

func indexOf(offsets []int64, offset int64) (int, bool) { return slices.BinarySearch(offsets, offset) }

// checkOrder is I4: the shape of requests, order within one ownership, and never two requests of a partition at once.
func (c *court) checkOrder() {
	for _, q := range c.requests {
		c.checkShape(q)
	}
	for _, o := range c.ownerships {
		c.checkOwnership(o)
	}
	for _, p := range c.places() {
		c.checkOverlap(p)
	}
}

// checkShape: partitions sorted and once, records ascending within their range, which ends with the last of them.
func (c *court) checkShape(q *request) {
	for i := range q.Parts {
		p := &q.Parts[i]
		wrong := ""
		switch n := len(p.Offsets); {
		case i > 0 && !sortedBefore(&q.Parts[i-1], p):
			wrong = fmt.Sprintf("stands after %s", Place{q.Parts[i-1].Topic, q.Parts[i-1].Partition})
		case n == 0:
			wrong = "has no records"
		case !slices.IsSorted(p.Offsets) || len(slices.Compact(slices.Clone(p.Offsets))) != n:
			wrong = "has records that do not ascend"
		case p.Offsets[0] < p.From || p.Offsets[n-1]+1 != p.Until:
			wrong = fmt.Sprintf("holds records %d to %d", p.Offsets[0], p.Offsets[n-1])
		default:
			continue
		}
		c.outOfOrder(&visit{Part: p, request: q}, p.From, fmt.Sprintf("the range [%d,%d) %s", p.From, p.Until, wrong))
	}
}

func sortedBefore(a, b *Part) bool {
	return a.Topic < b.Topic || a.Topic == b.Topic && a.Partition < b.Partition
}

// stale says whether the request may have been sent long before the app read it: the app had stood still, and what waited in its
// sockets came then, in any order. It tells nothing about what happened at that time.
func (c *court) stale(q *request) bool { return q.app.justThawed(q.Time, c.slack) }

// checkOwnership follows the frontier, the first record that was not settled under the fence when a request came. No
// request may begin above it. What was not delivered in its turn holds the frontier, so records that come first out of
// order, and ranges that leave out a record, show at the next request.
func (c *court) checkOwnership(o *ownership) {
	if o.log == nil {
		return
	}
	begin := o.visits[0].From
	if o.claim != nil {
		begin = o.claim.offset
	}
	frontier := o.log.at(begin)
	for _, v := range o.visits {
		for frontier < len(o.log.offsets) && c.settledUnder(o, frontier, v.request.Time) {
			frontier++
		}
		if frontier < len(o.log.offsets) && o.log.offsets[frontier] < v.From {
			waiting := o.log.offsets[frontier]
			c.outOfOrder(v, waiting, fmt.Sprintf("records from %d on were delivered under fence %d, while this record was neither acknowledged under it nor dead-lettered", v.From, v.Fence),
				c.visitsOf(o.place, waiting)...)
			frontier = o.log.at(v.From) // say it once
		}
	}
}

// settledUnder says whether a later record may be delivered under the fence at t, as far as this one goes.
func (c *court) settledUnder(o *ownership, slot int, t Nanos) bool {
	return !o.log.owed[slot] || o.ackedAt(slot) <= t || c.handedOver(o.log, o.log.offsets[slot], t)
}

// checkOverlap: while a request of a partition is handled no other one of it comes.
func (c *court) checkOverlap(p Place) {
	var running []*visit
	for _, v := range c.visits[p] {
		running = slices.DeleteFunc(running, func(old *visit) bool { return old.request.ended(c.slack) <= v.request.Time })
		for _, old := range running {
			if !c.mayOverlap(old, v) {
				c.outOfOrder(v, v.From, "two requests of the partition at the same time", old.String())
			}
		}
		running = append(running, v)
	}
}

// mayOverlap says whether the sidecars may have thought that one of the two requests was over when the other was sent. v
// came while old was handled.
func (c *court) mayOverlap(old, v *visit) bool {
	a, b := old.request, v.request
	switch {
	case a == b:
		return false
	case a.gone <= b.Time+c.slack: // let go; the app noticed a little later
		return true
	case b.gone <= b.Time+c.slack, c.stale(a), c.stale(b): // one of them was dead on arrival
		return true
	case b.Time >= a.Time+c.run.AppTimeout-c.slack: // timed out: the earlier handler may still be running
		return true
	case a.app.wasFrozen(a.Time, b.Time): // it could not notice that it was let go
		return true
	case old.Fence == v.Fence:
		return false
	}
	return c.lostTouch(old, v)
}

// lostTouch says whether the owner under the lower fence may not have known of its successor when the later of two requests came.
func (c *court) lostTouch(old, v *visit) bool {
	zombie := old
	if v.Fence < old.Fence {
		zombie = v
	}
	return zombie.claim != nil && c.cutOff(c.proc(zombie.claim.Writer), old.request.Time, v.request.Time)
}

func (c *court) outOfOrder(v *visit, offset int64, what string, evidence ...string) {
	c.verdict.Table.outOfOrder(v.request.Time, 1)
	c.verdict.add(Violation{
		Invariant: 4, Place: Place{v.Topic, v.Partition}, Offset: offset, Time: v.request.Time, What: what,
		Evidence: append(evidence, v.String()),
	})
}
