package chaos

import "time"

// combinedFaults concern several systems in a way that two faults at once would not.
var combinedFaults = []*fault{startDuringOutage}

// Everybody is away when all sidecars start: they say so, live on, and begin when the last one is back.
var startDuringOutage = &fault{
	name: "start during an outage of everything", on: "sidecar+app+kafka+consul", whole: true, needs: needs{kafka: 1},
	lasts: span(2*time.Second, 4*time.Second), weight: 1, bound: recovery,
	inject: func(w *world, _ int) func() {
		for i, s := range w.sidecars {
			s.kill()
			s.door.Cut()
			w.apps[i].kill()
		}
		for _, p := range w.network {
			p.Cut()
		}
		for _, s := range w.sidecars {
			s.begin()
		}
		return func() {
			for i, s := range w.sidecars {
				w.healDoor(s.door)
				w.apps[i].begin()
			}
			for _, p := range w.network {
				p.Heal()
			}
		}
	},
}
