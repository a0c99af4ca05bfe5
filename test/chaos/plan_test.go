package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// planned is one fault of a plan.
type planned struct {
	*fault
	target int
	after  time.Duration // from the beginning of its step to the injection
	lasts  time.Duration // from there to the heal
}

// step is some faults that are on together, each for its time. They concern different targets.
type step []planned

// planner draws steps from a menu. All its choices come from the seed; the same menu, world and seed give the same steps.
type planner struct {
	random *rand.Rand
	world  *world
	menu   []*fault
}

// newPlanner keeps those faults of the menu that the world has everything for; names picks some ("" = all).
func newPlanner(w *world, seed uint64, menu []*fault, names string) *planner {
	w.t.Helper()
	p := &planner{random: rand.New(rand.NewPCG(seed, 0)), world: w}
	wanted := strings.Split(names, ",")
	for _, name := range wanted {
		if known := slices.ContainsFunc(menu, func(f *fault) bool { return f.name == name }); name != "" && !known {
			w.t.Fatalf("-chaos.faults: there is no fault %q in the menu", name)
		}
	}
	for _, f := range menu {
		if f.needs.met(w) && (names == "" || slices.Contains(wanted, f.name)) {
			p.menu = append(p.menu, f)
		}
	}
	if len(p.menu) == 0 {
		w.t.Fatalf("no fault can be injected into this world: -chaos.faults=%s", names)
	}
	return p
}

// mixes are the systems that a step takes one fault of each from; "" = any. Most steps are a single fault, because then the oracle
// excuses the least.
var mixes = [][]string{
	{""}, {""}, {""}, {""}, {""},
	{"app", "consul"}, {"app", "consul"},
	{"kafka", "consul"}, {"sidecar", "app"}, {"sidecar", "consul"},
	{"sidecar", "app", "kafka", "consul"},
	{"app", "app", "app", "consul", "consul", "consul"},
}

// next draws a step.
func (p *planner) next() step {
	var s step
	for _, system := range mixes[p.random.IntN(len(mixes))] {
		if f := p.draw(s, system); f != nil {
			s = append(s, *f)
		}
	}
	if s == nil { // the menu was narrowed to systems that the mix lacks
		return step{*p.draw(nil, "")}
	}
	return s
}

// draw picks a fault of a system and a target that no fault of the step is on; nil = there is none.
func (p *planner) draw(s step, system string) *planned {
	var free []planned
	total := 0
	for _, f := range p.menu {
		if system != "" && f.on != system {
			continue
		}
		for i := range f.targets(p.world) {
			if candidate := (planned{fault: f, target: i}); !slices.ContainsFunc(s, candidate.clashes) {
				free = append(free, candidate)
				total += f.weight
			}
		}
	}
	if free == nil {
		return nil
	}
	at := p.random.IntN(total)
	for i := range free {
		if at -= free[i].weight; at < 0 {
			f := &free[i]
			f.after = time.Duration(p.random.Int64N(int64(500 * time.Millisecond)))
			f.lasts = f.fault.lasts[0] + time.Duration(p.random.Int64N(int64(f.fault.lasts[1]-f.fault.lasts[0])+1))
			return f
		}
	}
	panic("unreachable: at is below the sum of the weights")
}

// clashes says whether two faults concern the same target.
func (f planned) clashes(g planned) bool {
	common := slices.ContainsFunc(strings.Split(f.on, "+"), func(system string) bool {
		return slices.Contains(strings.Split(g.on, "+"), system)
	})
	return common && (f.whole || g.whole || f.target == g.target)
}

func (f planned) String() string {
	return fmt.Sprintf("%s (%s %d) after %s for %s", f.name, f.on, f.target+1, f.after.Round(time.Millisecond), f.lasts.Round(time.Millisecond))
}

// play carries out a step: each fault is injected and healed at its time, or as soon as the ones before it have let it.
func (w *world) play(s step) {
	w.t.Helper()
	type moment struct {
		at time.Duration
		do func()
	}
	var moments []moment
	for _, f := range s {
		var on *active
		moments = append(moments,
			moment{f.after, func() { on = w.inject(f.fault, f.target) }},
			moment{f.after + f.lasts, func() { on.heal() }})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return int(a.at - b.at) })
	begin := time.Now()
	for _, m := range moments {
		time.Sleep(time.Until(begin.Add(m.at)))
		m.do()
	}
}

// What a run does is decided by its seed alone.
func TestSeedDecidesThePlan(t *testing.T) {
	w := &world{t: t, settings: settings{kafkaNodes: 1, consulServers: 1, sidecars: 3, deadLetter: "topic"}}
	steps := func(seed uint64) (text []string) {
		p := newPlanner(w, seed, menu(), "")
		for range 200 {
			s := p.next()
			for i := range s {
				require.False(t, slices.ContainsFunc(s[:i], s[i].clashes), "two faults of one target: %v", s)
			}
			text = append(text, fmt.Sprint(s))
		}
		return text
	}
	require.Equal(t, steps(1), steps(1))
	require.NotEqual(t, steps(1), steps(2))
}

// Each fault can be named on the command line, is drawn now and then, and has a bound.
func TestMenu(t *testing.T) {
	names := map[string]bool{}
	for _, f := range menu() {
		require.False(t, names[f.name], "two faults are called %q", f.name)
		names[f.name] = true
		require.NotContains(t, f.name, ",")
		require.Positive(t, f.weight, f.name)
		require.Positive(t, f.bound, f.name)
		require.LessOrEqual(t, f.lasts[0], f.lasts[1], f.name)
	}
}
