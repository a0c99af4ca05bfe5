package chaos

import (
	"errors"
	"testing"
)

// The data is on the server's disk, and the keys are as they were.
func TestConsulKilled(t *testing.T) {
	storeFault(t, settings{consulServers: 1}, consulKilled, storeAway)
}

// Requests are taken and not answered; the sidecar's deadline ends them.
func TestConsulFrozen(t *testing.T) {
	storeFault(t, settings{consulServers: 1}, consulFrozen, storeAway)
}

// An election is a pause: the sidecar's own server finds the new leader.
func TestConsulLeaderKilled(t *testing.T) {
	storeFault(t, settings{consulServers: 3}, consulLeaderKilled, func(w *world) {
		w.askServing()
		w.goesOn(200)
	})
}

// askServing makes the test and the sidecars ask a server that serves, as behind an agent.
func (w *world) askServing() {
	w.t.Helper()
	w.eventually("a server of Consul that serves", func() error {
		server := w.consuls.Serving()
		if server == nil {
			return errors.New("there is none")
		}
		w.consul = server
		for _, s := range w.sidecars {
			s.door.SetUpstream(server.Addr())
		}
		return nil
	})
}

// Without a majority nothing is stored, whoever is asked.
func TestConsulMajorityKilled(t *testing.T) {
	storeFault(t, settings{consulServers: 3}, consulMajorityKilled, storeAway)
}
