package oracle

import (
	"cmp"
	"slices"
	"time"
)

// tellStandstills puts into the rows how long each partition stood still under each injected fault: the longest that a record waited
// from the brokers' acknowledgement to its first delivery. It belongs to the latest fault that had begun when the record came at
// last. faults are in the order of their beginning.
func (c *court) tellStandstills(faults []Fault) {
	arrivals, longest := map[*partitionLog][]Nanos{}, map[Place][]time.Duration{}
	for i := range c.run.Produced {
		p := &c.run.Produced[i]
		l := c.logs[logID{Place{p.Topic, p.Partition}, p.TopicID}]
		if arrivals[l] == nil {
			arrivals[l] = c.arrivals(l)
		}
		if longest[l.Place] == nil {
			longest[l.Place] = slices.Repeat([]time.Duration{-1}, len(faults)) // nothing was delivered
		}
		noteWaits(longest[l.Place], faults, l, arrivals[l], p)
	}
	for _, place := range c.places() {
		for i, wait := range longest[place] {
			if wait >= 0 {
				r := c.verdict.Table.row(faults[i].Name)
				r.Standstill = append(r.Standstill, wait)
			}
		}
	}
}

// arrivals are the first deliveries of the records of a log, by slot; never = none.
func (c *court) arrivals(l *partitionLog) []Nanos {
	first := slices.Repeat([]Nanos{never}, len(l.offsets))
	for _, v := range c.visits[l.Place] {
		if v.log != l {
			continue
		}
		for _, offset := range v.Offsets {
			if slot := l.slot(offset); slot >= 0 {
				first[slot] = min(first[slot], v.request.Time)
			}
		}
	}
	return first
}

func noteWaits(longest []time.Duration, faults []Fault, l *partitionLog, arrivals []Nanos, p *Produced) {
	for _, offset := range p.Offsets {
		came := arrivals[l.slot(offset)]
		if came == never {
			continue
		}
		after, _ := slices.BinarySearchFunc(faults, came+1, func(f Fault, t Nanos) int { return cmp.Compare(f.From, t) })
		if after > 0 {
			longest[after-1] = max(longest[after-1], time.Duration(max(0, came-p.Acked)))
		}
	}
}
