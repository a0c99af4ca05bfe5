package oracle

import "fmt"

// checkBounds is I9: no sample of a sidecar is above a bound.
func (c *court) checkBounds() {
	b := c.run.Bounds
	for i := range c.run.Samples {
		s := &c.run.Samples[i]
		for _, m := range []struct {
			what         string
			found, bound int64
		}{
			{"bytes of resident memory", s.Memory, b.Memory},
			{"goroutines", int64(s.Goroutines), int64(b.Goroutines)},
			{"open files", int64(s.Files), int64(b.Files)},
			{"connections", int64(s.Connections), int64(b.Connections)},
		} {
			if m.bound > 0 && m.found > m.bound {
				c.verdict.add(Violation{
					Invariant: 9, Offset: -1, Time: s.Time,
					What: fmt.Sprintf("%s: %s had %d %s, the bound is %d", stamp(s.Time), s.Proc, m.found, m.what, m.bound),
				})
			}
		}
	}
}
