package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// checkLiveness is I8: what was produced before a heal is stored as done within the bound after it; at the end everything is, every
// partition has one owner, and an idle sidecar does nothing.
func (c *court) checkLiveness() {
	progress := c.progress()
	for _, f := range c.run.Faults {
		c.checkRecovery(f, progress)
	}
	for _, p := range c.places() {
		c.checkCaughtUp(p)
	}
	c.checkOwners()
	c.checkIdle()
}

// milestone is an offset that was reached at a moment; both only grow along a slice of them.
type milestone struct {
	at     Nanos
	offset int64
}

// pace is how a log grew and how its stored offset followed.
type pace struct {
	log      *partitionLog
	produced []milestone
	stored   []milestone
}

func (c *court) progress() []*pace {
	paces := map[*partitionLog]*pace{}
	for i := range c.run.Produced {
		p := &c.run.Produced[i]
		l := c.logs[logID{Place{p.Topic, p.Partition}, p.TopicID}]
		if paces[l] == nil {
			paces[l] = &pace{log: l}
		}
		if n := len(p.Offsets); n > 0 {
			paces[l].produced = append(paces[l].produced, milestone{p.Acked, p.Offsets[n-1] + 1})
		}
	}
	var all []*pace
	for _, p := range c.places() {
		for _, l := range c.byPlace[p] {
			if pc := paces[l]; pc != nil {
				pc.stored = c.storedBy(l)
				pc.produced = rising(pc.produced)
				all = append(all, pc)
			}
		}
	}
	return all
}

func (c *court) storedBy(l *partitionLog) []milestone {
	var all []milestone
	if k := c.keys[l.Place]; k != nil {
		for _, v := range k.versions {
			if !v.bad && !v.Deleted && c.logOf(l.Place, v.topicID) == l {
				all = append(all, milestone{v.Done, v.offset})
			}
		}
	}
	return rising(all)
}

// rising sorts by time and leaves out what does not rise.
func rising(all []milestone) []milestone {
	slices.SortStableFunc(all, func(a, b milestone) int { return cmp.Compare(a.at, b.at) })
	var kept []milestone
	for _, m := range all {
		if len(kept) == 0 || m.offset > kept[len(kept)-1].offset {
			kept = append(kept, m)
		}
	}
	return kept
}

// consumed is when everything that the brokers had acknowledged by t was stored as done, not before t; never = it was not. The log
// that took longest comes with it.
func (c *court) consumed(t Nanos, paces []*pace) (Nanos, *pace) {
	when, last := t, (*pace)(nil)
	for _, p := range paces {
		target := int64(0)
		for _, m := range p.produced {
			if m.at <= t {
				target = m.offset
			}
		}
		reached := never
		if target == 0 {
			continue
		}
		for _, m := range p.stored {
			if m.offset >= target {
				reached = m.at
				break
			}
		}
		if reached == never && p.log.deleted != 0 {
			continue // it was deleted with records in it
		}
		if reached > when {
			when, last = reached, p
		}
	}
	return when, last
}

// checkRecovery measures the time from the heal of a fault to the moment its backlog is consumed. While other faults are on
// the bound does not run.
func (c *court) checkRecovery(f Fault, paces []*pace) {
	when, last := c.consumed(f.Until, paces)
	c.verdict.Table.recovered(f, when)
	if f.Bound == 0 {
		return
	}
	deadline := f.Until + f.Bound
	for again := true; again; {
		again = false
		for _, g := range c.run.Faults {
			if g.From <= min(when, deadline) && g.Until >= f.From && g.Until+f.Bound > deadline {
				deadline, again = g.Until+f.Bound, true
			}
		}
	}
	if when <= deadline || deadline > c.run.Ended && when == never {
		return // in the second case the end of the run judges
	}
	c.verdict.add(Violation{
		Invariant: 8, Place: last.log.Place, Offset: -1, Time: deadline,
		What: fmt.Sprintf("%s was healed at %s, and what had been produced by then was stored as done only at %s; the bound was %s",
			f.Name, stamp(f.Until), stamp(when), stamp(deadline)),
	})
}

// checkCaughtUp: at the end the stored offset is the end of the log.
func (c *court) checkCaughtUp(p Place) {
	if c.topic(p.Topic).Gone {
		return
	}
	for _, l := range c.byPlace[p] {
		if !l.read || l.deleted != 0 {
			continue
		}
		stored, evidence := int64(-1), []string{"its key was never written"}
		if k := c.keys[p]; k != nil {
			if _, last := c.firstAndLast(k, l); last != nil {
				stored, evidence = last.offset, []string{last.String()}
			}
		}
		if stored < l.end {
			c.verdict.add(Violation{
				Invariant: 8, Place: p, Offset: stored, Time: c.run.Ended,
				What: fmt.Sprintf("at the end of the run the log ends at %d, and the stored offset is %d", l.end, stored), Evidence: evidence,
			})
		}
	}
}

// checkOwners: by the last status of every living sidecar, each partition is held once.
func (c *court) checkOwners() {
	last := map[string]*Sample{}
	for i := range c.run.Samples {
		s := &c.run.Samples[i]
		if s.Time <= c.run.Ended && c.proc(s.Proc).died(0) > c.run.Ended {
			last[s.Proc] = s
		}
	}
	holders := map[Place][]string{}
	for _, name := range sortedKeys(last) {
		for _, p := range last[name].Held {
			holders[p] = append(holders[p], name)
		}
	}
	for _, p := range c.places() {
		there := slices.ContainsFunc(c.byPlace[p], func(l *partitionLog) bool { return l.read && l.deleted == 0 })
		if n := len(holders[p]); there && n != 1 && !c.topic(p.Topic).Gone {
			c.verdict.add(Violation{
				Invariant: 8, Place: p, Offset: -1, Time: c.run.Ended,
				What: fmt.Sprintf("at the end of the run the partition is held by %d sidecars: %v", n, holders[p]),
			})
		}
	}
}

// checkIdle: without load and faults a sidecar uses next to no CPU.
func (c *court) checkIdle() {
	if c.run.Bounds.IdleCPU == 0 || c.run.IdleUntil == 0 {
		return
	}
	type pair struct{ first, last *Sample }
	within := map[string]*pair{}
	for i := range c.run.Samples {
		s := &c.run.Samples[i]
		if s.Time < c.run.IdleFrom || s.Time > c.run.IdleUntil {
			continue
		}
		if within[s.Proc] == nil {
			within[s.Proc] = &pair{first: s}
		}
		within[s.Proc].last = s
	}
	for _, name := range sortedKeys(within) {
		p := within[name]
		took := time.Duration(p.last.Time - p.first.Time).Seconds()
		if used := p.last.CPU - p.first.CPU; took > 0 && used/took > c.run.Bounds.IdleCPU {
			c.verdict.add(Violation{
				Invariant: 8, Offset: -1, Time: p.last.Time,
				What: fmt.Sprintf("%s used %.2f CPU seconds in %.1f s without load; the bound is %.2f a second", name, used, took, c.run.Bounds.IdleCPU),
			})
		}
	}
}
