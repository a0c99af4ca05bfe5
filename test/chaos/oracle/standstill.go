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
	for _, place := range c.places() {
		longest := make([]time.Duration, len(faults))
		for i := range longest {
			longest[i] = -1 // nothing was delivered
		}
		for _, l := range c.byPlace[place] {
			arrivals := c.arrivals(l)
			for i := range c.run.Produced {
				p := &c.run.Produced[i]
				if c.logs[logID{Place{p.Topic, p.Partition}, p.TopicID}] == l {
					noteWaits(longest, faults, l, arrivals, p)
				}
			}
		}
		for i, wait := range longest {
			if wait >= 0 {
				r := c.verdict.Table.row(faults[i].Name)
				r.Standstill = append(r.Standstill, wait)
			}
		}
	}
}

// arrivals are the first deliveries of the records of a log, by slot; never = none.
func (c *court) arrivals(l *partitionLog) []Nanos {
	first := make([]Nanos, len(l.offsets))
	for i := range first {
		first[i] = never
	}
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
