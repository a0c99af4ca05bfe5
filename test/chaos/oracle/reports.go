package oracle

import (
	"fmt"
	"slices"
)

// checkReports is I11: what was lost, dead-lettered or blocked stands in an event, in the metrics and in the status.
func (c *court) checkReports() {
	c.checkLetterEvents()
	for _, topic := range c.documented() {
		c.checkRecreated(c.keys[topic])
	}
	c.checkLossEvents()
	c.checkCounters()
	c.checkBlocks()
}

func (e *Event) String() string {
	text := fmt.Sprintf("%s: %s said %s %s", stamp(e.Time), e.Proc, e.What, Place{e.Topic, e.Partition})
	switch e.What {
	case Lost:
		text += fmt.Sprintf(" from %d to %d, %d records, %s", e.Offset, e.Until, e.Count, e.Reason)
	case DeadLettered, Dropped:
		text += fmt.Sprintf(" offset %d", e.Offset)
	case Blocked:
		text += " " + e.Reason
	}
	return text
}

func (c *court) unreported(p Place, offset int64, t Nanos, what string, evidence ...string) {
	c.verdict.add(Violation{Invariant: 11, Place: p, Offset: offset, Time: t, What: what, Evidence: evidence})
}

// aSidecarBroke says whether a sidecar died or stood still around t, and took with it what it was about to say.
func (c *court) aSidecarBroke(t Nanos) bool {
	for name := range c.writers {
		if c.proc(name).broken(t, t+c.slack, c.slack) {
			return true
		}
	}
	return false
}

// checkLetterEvents: every record in the dead-letter topic was reported by somebody.
func (c *court) checkLetterEvents() {
	type record struct {
		Place
		offset int64
	}
	said := map[record]bool{}
	for i := range c.run.Events {
		if e := &c.run.Events[i]; e.What == DeadLettered {
			said[record{Place{e.Topic, e.Partition}, e.Offset}] = true
		}
	}
	for i := range c.run.Letters {
		l := &c.run.Letters[i]
		p := Place{l.Topic, l.Partition}
		if !said[record{p, l.Offset}] && !c.aSidecarBroke(l.Time) {
			c.unreported(p, l.Offset, l.Time, "a dead letter that no sidecar reported", "appended at "+stamp(l.Time))
		}
	}
}

// checkRecreated: a baseline that replaced one of another incarnation was reported.
func (c *court) checkRecreated(docs *key) {
	for _, v := range docs.versions {
		before := v.replaced
		if v.byOperator() || v.bad || v.Deleted || before == nil || before.bad || sameLog(before.topicID, v.topicID) {
			continue
		}
		said := slices.ContainsFunc(c.run.Events, func(e Event) bool { return e.What == Recreated && e.Topic == v.place.Topic && e.Proc == v.Writer })
		if !said && !c.proc(v.Writer).broken(v.Sent, v.Done, c.slack) {
			c.unreported(v.place, -1, v.Sent, "the topic's baseline was replaced and nobody reported it", before.String(), v.String())
		}
	}
}

// checkLossEvents: a claim that moves the offset is reported, with the right count. A claim never moves it for another reason.
func (c *court) checkLossEvents() {
	for _, p := range c.places() {
		k := c.keys[p]
		if k == nil {
			continue
		}
		for _, v := range k.versions {
			before := v.replaced
			if before == nil || before.bad || v.bad || v.Deleted || v.byOperator() || !sameLog(before.topicID, v.topicID) {
				continue
			}
			found := slices.ContainsFunc(k.unknown, func(u *version) bool { return u.offset == v.offset && u.Sent < v.Sent })
			if v != k.claim(v.epoch) || v.offset == before.offset || found {
				continue // no claim, or one that may have found the offset in a write that nobody saw
			}
			if _, ok := c.declared(k, before, v); !ok {
				c.unreported(p, before.offset, v.Sent, fmt.Sprintf("a claim moved the offset from %d to %d and nobody reported a loss", before.offset, v.offset), before.String(), v.String())
			}
		}
		for _, e := range c.losses[p] {
			if e.Count != max(e.Until-e.Offset, e.Offset-e.Until) {
				c.unreported(p, e.Offset, e.Time, "a loss with a wrong count", e.String())
			}
		}
	}
}

// checkCounters: what a process said in its log is counted in its metrics by the next look at them.
func (c *court) checkCounters() {
	last := map[string]*Sample{}
	for i := range c.run.Samples {
		last[c.run.Samples[i].Proc] = &c.run.Samples[i]
	}
	for _, name := range sortedKeys(last) {
		s := last[name]
		var lost, letters, dropped int64
		for _, e := range c.run.Events {
			if e.Proc != name || e.Time+c.slack > s.Time {
				continue
			}
			switch e.What {
			case Lost:
				lost += e.Count
			case DeadLettered:
				letters++
			case Dropped:
				dropped++
			}
		}
		for _, m := range []struct {
			metric          string
			counted, events int64
		}{
			{"sidecar_records_lost_total", s.LostTotal, lost},
			{`sidecar_dead_letters_total{policy="topic"}`, s.LettersTotal, letters},
			{`sidecar_dead_letters_total{policy="drop"}`, s.DroppedTotal, dropped},
		} {
			if m.counted < m.events {
				c.unreported(Place{}, -1, s.Time, fmt.Sprintf("%s of %s is %d at %s, its log told of %d", m.metric, name, m.counted, stamp(s.Time), m.events))
			}
		}
	}
}

// blocking is a stretch in which, by its events, a process had a partition blocked.
type blocking struct {
	Block
	span
	event *Event
}

// checkBlocks compares events, status and metrics, which are looked at at different moments: a stretch begins and ends
// give or take the slack.
func (c *court) checkBlocks() {
	told := c.blockings()
	samples := map[string][]*Sample{}
	for i := range c.run.Samples {
		s := &c.run.Samples[i]
		samples[s.Proc] = append(samples[s.Proc], s)
		for _, b := range append(slices.Clone(s.Blocked), s.MetricBlocked...) {
			covered := slices.ContainsFunc(told[s.Proc], func(t blocking) bool {
				return t.Block == b && t.meets(s.Time-c.slack, s.Time+c.slack)
			})
			if !covered {
				c.unreported(b.Place, -1, s.Time, fmt.Sprintf("%s shows the partition blocked (%s) at %s, and no event told of it", s.Proc, b.Reason, stamp(s.Time)))
			}
		}
	}
	for _, name := range sortedKeys(told) {
		for _, t := range told[name] {
			c.checkShown(name, t, samples[name])
		}
	}
}

// blockings reads the stretches from the events. An unblocking, another reason, or the end of the process ends one.
func (c *court) blockings() map[string][]blocking {
	told := map[string][]blocking{}
	for i := range c.run.Events {
		e := &c.run.Events[i]
		if e.What != Blocked && e.What != Unblocked {
			continue
		}
		place := Place{e.Topic, e.Partition}
		for j := range told[e.Proc] {
			if t := &told[e.Proc][j]; t.Place == place && t.until > e.Time {
				t.until = e.Time
			}
		}
		if e.What == Blocked {
			until := c.proc(e.Proc).died(0)
			told[e.Proc] = append(told[e.Proc], blocking{Block{place, e.Reason}, span{e.Time, until}, e})
		}
	}
	return told
}

// checkShown: every look within the stretch shows the block, in the status and in the metrics.
func (c *court) checkShown(name string, t blocking, samples []*Sample) {
	for _, s := range samples {
		if s.Time < t.from+c.slack || t.until != never && s.Time > t.until-c.slack {
			continue
		}
		for _, shown := range []struct {
			by     string
			blocks []Block
		}{{"status", s.Blocked}, {"metrics", s.MetricBlocked}} {
			if !slices.Contains(shown.blocks, t.Block) {
				c.unreported(t.Place, -1, s.Time, fmt.Sprintf("the %s of %s at %s does not show the block", shown.by, name, stamp(s.Time)), t.event.String())
				return
			}
		}
	}
}
