package chaos

import (
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/consulproxy"
)

var consulFaults = append(doorFaults, consulCut, consulKilled, consulFrozen, consulLeaderKilled, consulMajorityKilled)

// doorFaults are what the recording proxy can do to one sidecar's requests.
var doorFaults = []*fault{
	doorFault("Consul closes connections", 2*time.Second, consulproxy.Fault{Kind: consulproxy.Close}),
	doorFault("Consul far away", 2*time.Second, consulproxy.Fault{Kind: consulproxy.Delay, Delay: 200 * time.Millisecond}),
	doorFault("Consul hangs", 4*time.Second, consulproxy.Fault{Kind: consulproxy.Hang}),
	doorFault("Consul resets connections", 2*time.Second, consulproxy.Fault{Kind: consulproxy.Reset}),
	doorFault("Consul's answer lost", 2*time.Second, consulproxy.Fault{Kind: consulproxy.Lose}),
	doorFault("Consul's answer swallowed", 4*time.Second, consulproxy.Fault{Kind: consulproxy.Swallow}),
	doorFault("Consul answers 429", 2*time.Second, consulproxy.TooManyRequests),
	doorFault("Consul has no leader", 2*time.Second, consulproxy.NoLeader),
	doorFault("Consul answers 503", 2*time.Second, consulproxy.Unavailable),
	doorFault("Consul denies", 2*time.Second, consulproxy.Denied),
}

func doorFault(name string, longest time.Duration, f consulproxy.Fault) *fault {
	return &fault{
		name: name, on: "consul", lasts: span(200*time.Millisecond, longest), weight: 10, bound: recovery,
		inject: func(w *world, i int) func() {
			door := w.sidecars[i].door
			door.Inject(f)
			return func() { w.healDoor(door) }
		},
	}
}

func (w *world) healDoor(d *consulproxy.Door) {
	w.t.Helper()
	require.NoError(w.t, d.Heal())
}

// Connections are closed and refused.
var consulCut = &fault{
	name: "Consul cut off", on: "consul", lasts: span(100*time.Millisecond, 3*time.Second), weight: 10, bound: recovery,
	inject: func(w *world, i int) func() {
		door := w.sidecars[i].door
		door.Cut()
		return func() { w.healDoor(door) }
	},
}

// Clients of a dead server are refused.
var consulKilled = &fault{
	name: "Consul killed", on: "consul", whole: true, needs: needs{consul: 1}, lasts: span(0, time.Second), weight: 2, bound: recovery,
	inject: func(w *world, _ int) func() {
		for _, s := range w.sidecars {
			s.door.Cut()
		}
		for _, server := range w.consuls.Servers {
			server.Kill()
		}
		return func() {
			w.consuls.Start()
			require.NoError(w.t, w.store.Heal())
		}
	},
}

var consulFrozen = &fault{
	name: "Consul frozen", on: "consul", whole: true, needs: needs{consul: 1}, lasts: span(200*time.Millisecond, 4*time.Second), weight: 4, bound: recovery,
	inject: func(w *world, _ int) func() {
		for _, server := range w.consuls.Servers {
			server.Pause()
		}
		return func() {
			for _, server := range w.consuls.Servers {
				server.Resume()
			}
		}
	},
}

// The others elect a leader. Clients of the dead server are refused.
var consulLeaderKilled = &fault{
	name: "Consul leader killed", on: "consul", whole: true, needs: needs{consul: 3}, lasts: span(0, 5*time.Second), weight: 2, bound: recovery,
	inject: func(w *world, _ int) func() {
		w.consulLeader().Kill()
		return w.consuls.Start
	},
}

// consulLeader waits for an election to be over.
func (w *world) consulLeader() (leader *testenv.ConsulServer) {
	w.t.Helper()
	testenv.Eventually(w.t, soon, "a leader of Consul", func() error {
		if leader = w.consuls.Leader(); leader == nil {
			return errors.New("there is none")
		}
		return nil
	})
	return leader
}

// One server of three is left, and nothing can be written or read consistently.
var consulMajorityKilled = &fault{
	name: "Consul majority killed", on: "consul", whole: true, needs: needs{consul: 3}, lasts: span(0, 3*time.Second), weight: 2, bound: recovery,
	inject: func(w *world, _ int) func() {
		for _, server := range w.consuls.Servers[1:] {
			server.Kill()
		}
		return w.consuls.Start
	},
}
