package chaos

import (
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

var sidecarFaults = []*fault{sidecarKilled, sidecarStopped, sidecarFrozenShortly, sidecarFrozenLong, rollingRestart, rebalanceStorm}

var sidecarKilled = &fault{
	name: "sidecar killed", on: "sidecar", lasts: span(0, 2*time.Second), weight: 6, bound: recovery,
	inject: func(w *world, i int) func() {
		w.sidecars[i].kill()
		return w.sidecars[i].begin
	},
}

var sidecarStopped = &fault{
	name: "sidecar stopped", on: "sidecar", lasts: span(0, time.Second), weight: 4, bound: recovery,
	inject: func(w *world, i int) func() {
		w.sidecars[i].terminate()
		w.sidecars[i].ended() // 1 when the store was away: the oracle knows what may be delivered again
		return w.sidecars[i].begin
	},
}

var sidecarFrozenShortly = &fault{
	name: "sidecar frozen shortly", on: "sidecar", lasts: span(200*time.Millisecond, sessionTimeout/2), weight: 8, bound: recovery,
	inject: freeze,
}

// After its session the group gives the partitions of a frozen replica to the others: it comes back as a zombie.
var sidecarFrozenLong = &fault{
	name: "sidecar frozen past its session", on: "sidecar", needs: needs{others: 1},
	lasts: span(sessionTimeout+3*time.Second, sessionTimeout+5*time.Second), weight: 1, bound: recovery,
	inject: freeze,
}

func freeze(w *world, i int) func() {
	w.sidecars[i].freeze()
	return w.sidecars[i].thaw
}

// Each replica is stopped and started, one after the other, as a deployment does it.
var rollingRestart = &fault{
	name: "rolling restart", on: "sidecar", whole: true, needs: needs{others: 1}, weight: 1, bound: recovery,
	inject: func(w *world, _ int) func() {
		restart(w.sidecars)
		return nil
	},
}

func restart(sidecars []*sidecar) {
	for _, s := range sidecars {
		s.terminate()
		s.ended()
		s.begin()
	}
}

// The group changes faster than it settles: members leave as soon as they can take a signal.
var rebalanceStorm = &fault{
	name: "rebalance storm", on: "sidecar", whole: true, needs: needs{others: 1}, weight: 1, bound: recovery,
	inject: func(w *world, _ int) func() {
		for range 3 {
			for _, s := range w.sidecars[1:] {
				s.waitStatus("an answer", func(*relay.Status) bool { return true })
				s.terminate()
			}
			for _, s := range w.sidecars[1:] {
				s.ended()
				s.begin()
			}
		}
		return nil
	},
}

func span(from, to time.Duration) [2]time.Duration { return [2]time.Duration{from, to} }
