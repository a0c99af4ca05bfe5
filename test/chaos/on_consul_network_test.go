package chaos

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/consulproxy"
)

// storeFault runs a world under a fault of Consul that costs nothing but time: what was acknowledged meanwhile is stored after it,
// no claim is lost, and nothing comes twice.
func storeFault(t *testing.T, s settings, f *fault, look func(*world)) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, s)
	w.start()
	w.goesOn(100)
	epochs := w.epochs()
	on := w.inject(f, 0)
	look(w)
	on.heal()
	w.goesOn(200)
	w.requireKept(epochs)
	require.Zero(t, repeated(w.finish()))
}

// storeAway is said, and delivery goes on without it.
func storeAway(w *world) {
	w.t.Helper()
	w.sidecars[0].waitStatus("an outage of the store, and deliveries in it", func(s *relay.Status) bool {
		waiting := int64(0)
		for i := range s.Partitions {
			waiting += s.Partitions[i].Acked - s.Partitions[i].Committed
		}
		return !s.Store.Up && s.Store.Error != "" && waiting >= 100
	})
}

// Refused, slow, broken and lost: all but the delay are an outage. An answer that is lost is that of a write which was applied.
func TestConsulDisturbed(t *testing.T) {
	for _, f := range doorFaults {
		t.Run(strings.ReplaceAll(f.name, " ", "_"), func(t *testing.T) {
			look := storeAway
			if f.name == "Consul far away" {
				look = func(w *world) { w.goesOn(200) }
			}
			storeFault(t, settings{}, f, look)
		})
	}
}

func TestConsulCutOff(t *testing.T) { storeFault(t, settings{}, consulCut, storeAway) }

// Commits land and their answers do not come, again and again: each is recognised as the sidecar's own, nothing is fenced by it.
func TestConsulAnswersToCommitsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.start()
	w.goesOn(100)
	epochs, door := w.epochs(), w.sidecars[0].door
	for lost := range 5 {
		door.Inject(consulproxy.Fault{Kind: consulproxy.Lose, Writes: true, Times: 1})
		w.eventually("an answer to be lost", func() error {
			if n := door.Lost(); n != lost+1 {
				return fmt.Errorf("%d so far", n)
			}
			return nil
		})
		w.goesOn(100)
	}
	w.healDoor(door)
	w.requireKept(epochs)
	require.Contains(t, w.sidecars[0].proc.Metrics(), "\nsidecar_fenced_total 0\n")
	require.Zero(t, repeated(w.finish()))
}

// The claim that moved an offset by policy.data_loss landed, its answer did not come: the loss is told all the same.
func TestConsulAnswerToAClaimLost(t *testing.T) {
	t.Parallel()
	w, down := stopped(t, settings{dataLoss: "earliest"}, 50)
	const deleted = 17
	w.DeleteRecords(w.topic, 0, w.stored()[0]+deleted)
	door := w.sidecars[0].door
	door.Inject(consulproxy.Fault{Kind: consulproxy.Lose, Writes: true, Times: 1})
	down.heal()
	w.load.Resume()
	w.goesOn(200)
	require.Equal(t, 1, door.Lost(), "answers to writes that were applied")
	w.healDoor(door)
	require.EqualValues(t, deleted, w.sidecars[0].lost())
	w.finish()
}
