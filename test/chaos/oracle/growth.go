package oracle

import (
	"fmt"
	"slices"
	"time"
)

// Growth is how the figures of one process changed over a stretch: the medians of its first and of its last third.
type Growth struct {
	Stretch
	Samples     int
	First, Last Sample  // only the figures below are set
	CPU         float64 // seconds per second
}

// measure is one figure of a sample that must not grow, and what is no growth yet.
type measure struct {
	name      string
	of        func(*Sample) int64
	set       func(*Sample, int64)
	allowance int64 // above the first median, beside a tenth of it
}

var measures = []measure{
	{"bytes of resident memory", func(s *Sample) int64 { return s.Memory }, func(s *Sample, n int64) { s.Memory = n }, 16 << 20},
	{"goroutines", func(s *Sample) int64 { return int64(s.Goroutines) }, func(s *Sample, n int64) { s.Goroutines = int(n) }, 8},
	{"open files", func(s *Sample) int64 { return int64(s.Files) }, func(s *Sample, n int64) { s.Files = int(n) }, 6},
	{"connections", func(s *Sample) int64 { return int64(s.Connections) }, func(s *Sample, n int64) { s.Connections = int(n) }, 6},
}

// fewest is how many samples a stretch must have to be judged.
const fewest = 9

// checkGrowth is the other half of I9: over a stretch that the frame names, nothing of a process grows.
func (c *court) checkGrowth() {
	for _, stretch := range c.run.Steady {
		g := c.growth(stretch)
		c.verdict.Growth = append(c.verdict.Growth, g)
		if g.Samples < fewest {
			c.verdict.contradiction("%s was looked at %d times from %s to %s; its growth can't be judged", g.Proc, g.Samples, stamp(g.From), stamp(g.Until))
			continue
		}
		for _, m := range measures {
			if first, last := m.of(&g.First), m.of(&g.Last); last > first+first/10+m.allowance {
				c.verdict.add(Violation{
					Invariant: 9, Offset: -1, Time: g.Until,
					What: fmt.Sprintf("%s had %d %s in the first third from %s to %s, and %d in the last", g.Proc, first, m.name, stamp(g.From), stamp(g.Until), last),
				})
			}
		}
	}
}

func (c *court) growth(stretch Stretch) Growth {
	var all []*Sample
	for i := range c.run.Samples {
		if s := &c.run.Samples[i]; s.Proc == stretch.Proc && stretch.From <= s.Time && s.Time <= stretch.Until {
			all = append(all, s)
		}
	}
	g := Growth{Stretch: stretch, Samples: len(all)}
	if g.Samples < fewest {
		return g
	}
	for _, m := range measures {
		m.set(&g.First, medianOf(all[:len(all)/3], m.of))
		m.set(&g.Last, medianOf(all[len(all)-len(all)/3:], m.of))
	}
	begin, end := all[0], all[len(all)-1]
	g.CPU = (end.CPU - begin.CPU) / time.Duration(end.Time-begin.Time).Seconds()
	return g
}

func medianOf(samples []*Sample, figure func(*Sample) int64) int64 {
	all := make([]int64, len(samples))
	for i, s := range samples {
		all[i] = figure(s)
	}
	slices.Sort(all)
	return all[median(len(all))]
}

// String is the growth for a person, in one line.
func (g Growth) String() string {
	const mib = 1 << 20
	return fmt.Sprintf("%s for %s: memory %d → %d MiB, goroutines %d → %d, files %d → %d, connections %d → %d, CPU %.1f %% of a core",
		g.Proc, time.Duration(g.Until-g.From).Round(time.Second), g.First.Memory/mib, g.Last.Memory/mib, g.First.Goroutines, g.Last.Goroutines,
		g.First.Files, g.Last.Files, g.First.Connections, g.Last.Connections, 100*g.CPU)
}
