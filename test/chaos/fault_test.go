package chaos

import (
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// fault is one entry of the menu. To add one, write a value in the file of its system (fault_<system>_test.go), list it there, and
// give it a scenario of its own, Test<On><Fault>. The random run draws it by itself.
type fault struct {
	name string // unique, in words: "app answers 500"
	on   string // sidecar | app | kafka | consul; several joined by "+". What may then be excused is the oracle's decision

	// whole: it concerns all of its systems at once, so no other fault of them is on meanwhile. Else inject is told which
	// one: the replica, the app, the broker, the door to Consul of the replica; see targets.
	whole bool

	needs needs // of the world; it is not drawn in a world that lacks it

	// lasts are the bounds of a random duration from injection to heal. 0, 0 = the injection is all of it.
	lasts [2]time.Duration
	// weight is how often it is drawn compared with others: 10 for what is over in a second or two, 1 for what takes long.
	weight int
	// bound is how long after the heal everything that had been produced by then may take to be stored as done.
	bound time.Duration

	// inject makes the fault and returns what ends it. Both leave marks for processes that they kill, freeze or stop. It is
	// not called for a target that another fault is on.
	inject func(w *world, i int) (heal func())
}

// needs is what a fault needs of the world.
type needs struct {
	kafka  int // brokers of its own, at least; 0 = none
	consul int // Consul servers of its own, at least; 0 = none
	// others is how many sidecars there must be beside the one concerned.
	others int
	// letters: there must be a dead-letter topic.
	letters bool
}

func (n needs) met(w *world) bool {
	return w.kafkaNodes >= n.kafka && w.consulServers >= n.consul && w.settings.sidecars > n.others && (!n.letters || w.deadLetter == "topic")
}

// recovery is the bound of most faults: a session that has to time out, a rebalance, back-offs, and a busy machine.
const recovery = 45 * time.Second

// menu are all faults.
func menu() []*fault {
	return slices.Concat(sidecarFaults, appFaults, kafkaFaults, consulFaults, combinedFaults)
}

// targets is how many there are to choose from.
func (f *fault) targets(w *world) int {
	switch {
	case f.whole:
		return 1
	case f.on == "kafka":
		return w.kafkaNodes
	}
	return w.settings.sidecars
}

// active is a fault that was injected and not healed yet.
type active struct {
	w    *world
	line oracle.Fault
	end  func()
}

// inject carries out a fault on the i-th of its targets.
func (w *world) inject(f *fault, i int) *active {
	w.t.Helper()
	a := &active{w: w, line: oracle.Fault{Name: f.name, On: f.on, From: nanos(), Bound: oracle.Nanos(f.bound)}}
	a.end = f.inject(w, i)
	return a
}

// heal ends it. The test ends all faults before it settles.
func (a *active) heal() {
	a.w.t.Helper()
	if a.end != nil {
		a.end()
	}
	a.line.Until = nanos()
	a.w.injected.add(a.line)
}
