package oracle

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// never is later than everything.
const never Nanos = math.MaxInt64

// settling is how long a group of consumers may take to see who is gone and who is back: some heartbeats, a join.
const settling Nanos = 10e9

// span is a stretch of time, both ends included.
type span struct{ from, until Nanos }

func (s span) meets(from, until Nanos) bool { return s.from <= until && from <= s.until }

// process is the life of one sidecar or app.
type process struct {
	name       string
	killed     Nanos // never, or before SIGKILL was sent
	terminated Nanos // never, or before the first SIGTERM
	exited     Nanos // never, or after its end was noticed
	code       int
	frozen     []span
}

// processes reads the marks. A process without marks ran from the beginning to the end.
func processes(marks []Mark) map[string]*process {
	all := map[string]*process{}
	sorted := slices.SortedStableFunc(slices.Values(marks), func(a, b Mark) int { return cmp.Compare(a.Time, b.Time) })
	for _, m := range sorted {
		p := all[m.Proc]
		if p == nil {
			p = newProcess(m.Proc)
			all[m.Proc] = p
		}
		switch m.What {
		case Killed:
			p.killed = min(p.killed, m.Time)
		case Terminated:
			p.terminated = min(p.terminated, m.Time)
		case Exited:
			p.exited, p.code = m.Time, m.Code
		case Frozen:
			p.frozen = append(p.frozen, span{m.Time, never})
		case Thawed:
			if n := len(p.frozen); n > 0 {
				p.frozen[n-1].until = m.Time
			}
		}
	}
	return all
}

func newProcess(name string) *process {
	return &process{name: name, killed: never, terminated: never, exited: never}
}

// died is the earliest moment at which the process may have been dead.
func (p *process) died(slack Nanos) Nanos {
	if p.exited == never {
		return p.killed
	}
	return min(p.killed, p.exited-slack)
}

// wasFrozen says whether the process stood still at a moment of the stretch.
func (p *process) wasFrozen(from, until Nanos) bool {
	return slices.ContainsFunc(p.frozen, func(s span) bool { return s.meets(from, until) })
}

// justThawed says whether what the process did at t may have waited for it since before it was frozen.
func (p *process) justThawed(t, slack Nanos) bool {
	return slices.ContainsFunc(p.frozen, func(s span) bool { return t >= s.from && s.until != never && t <= s.until+slack })
}

// broken says whether the process was killed, ended badly, or stood still in the stretch, give or take the slack.
func (p *process) broken(from, until, slack Nanos) bool {
	if p.killed != never && from <= p.killed+slack && p.killed-slack <= until {
		return true
	}
	if p.exited != never && p.code != 0 && from <= p.exited && min(p.exited, p.terminated)-slack <= until {
		return true
	}
	return p.wasFrozen(from-slack, until+slack)
}

// proc is the process of that name.
func (c *court) proc(name string) *process {
	p := c.processes[name]
	if p == nil {
		p = newProcess(name)
		c.processes[name] = p
	}
	return p
}

// faulty says whether a fault of the system was on in the stretch; it lasts for a while after its heal.
func (c *court) faulty(system string, from, until, afterwards Nanos) bool {
	return slices.ContainsFunc(c.run.Faults, func(f Fault) bool {
		return slices.Contains(strings.Split(f.On, "+"), system) && span{f.From, f.Until + afterwards}.meets(from, until)
	})
}

// cutOff says whether a sidecar may not have known, in the stretch, that it no longer owns what it owned: it stood still or died, or
// the brokers and it could not talk.
func (c *court) cutOff(p *process, from, until Nanos) bool {
	return p.broken(from-settling, until, c.slack) || c.faulty("kafka", from, until, settling)
}
