package oracle

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// steady is a process that is looked at each second for half a minute; figures are those of the i-th look.
func steady(t *testing.T, figures func(i int) Sample) *Verdict {
	t.Helper()
	s := newScene(t, 1)
	s.claim("s/1", 0)
	from := s.tick()
	for i := range 30 {
		s.wait(sec)
		look := figures(i)
		look.Proc, look.Time, look.CPU = "s/1", s.tick(), float64(i)/10
		s.run.Samples = append(s.run.Samples, look)
	}
	s.run.Steady = []Stretch{{"s/1", from, s.tick()}}
	return judged(t, s.finish())
}

func TestGrowth(t *testing.T) {
	flat := Sample{Memory: 40 << 20, Goroutines: 60, Files: 20, Connections: 10}
	for name, grow := range map[string]func(s *Sample, i int){
		"memory":      func(s *Sample, i int) { s.Memory += int64(2*i) << 20 },
		"goroutines":  func(s *Sample, i int) { s.Goroutines += i },
		"files":       func(s *Sample, i int) { s.Files += i },
		"connections": func(s *Sample, i int) { s.Connections += i },
	} {
		t.Run(name, func(t *testing.T) {
			v := steady(t, func(i int) Sample {
				s := flat
				grow(&s, i)
				return s
			})
			require.Equal(t, 1, v.Count[9])
			require.Len(t, v.Violations, 1)
		})
	}
}

// A single peak is no growth.
func TestNoGrowth(t *testing.T) {
	v := steady(t, func(i int) Sample {
		s := Sample{Memory: 40 << 20, Goroutines: 60, Files: 20, Connections: 10}
		if i == 29 {
			s.Memory, s.Goroutines = 90<<20, 120
		}
		return s
	})
	require.True(t, v.OK())
	require.Equal(t, "s/1 for 30s: memory 40 → 40 MiB, goroutines 60 → 60, files 20 → 20, connections 10 → 10, CPU 9.9 % of a core", v.Growth[0].String())
}

// A stretch that nobody looked at proves nothing.
func TestGrowthOfWhatWasNotLookedAt(t *testing.T) {
	s := newScene(t, 1)
	s.claim("s/1", 0)
	s.run.Steady = []Stretch{{"s/2", 1, s.tick()}}
	v := judged(t, s.finish())
	require.False(t, v.OK())
	require.Len(t, v.Contradictions, 1)
}
