package chaos

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

var soak = flag.Duration("chaos.soak", 20*time.Second, "how long TestSoak lasts")

// TestSoak restarts three of four replicas in turn, each minute, under a steady load: nothing is repeated, and nothing of the replica
// that stays grows. Half of what it holds it gets from the group anew each time.
func TestSoak(t *testing.T) {
	w := newWorld(t, settings{
		kafkaNodes: 1, consulServers: 1, sidecars: 4, partitions: 8,
		command: fmt.Sprintf("go test ./test/chaos -run '^TestSoak$' -timeout 0 -chaos.soak=%s", *soak),
	})
	w.start()
	for _, s := range w.sidecars {
		s.waitHeld(2)
	}
	begin, every := time.Now(), min(time.Minute, *soak/4)
	rounds := int(*soak / every)
	warm := oracle.Nanos(begin.Add(*soak / 6).UnixNano())
	for round := range rounds {
		time.Sleep(time.Until(begin.Add(time.Duration(round) * every)))
		w.inject(threeRestarted, 0).heal()
		for _, s := range w.sidecars[:3] {
			require.Zero(t, s.code, "exit code of %s", s.name)
		}
		t.Logf("round %d of %d; %d records so far", round+1, rounds, w.load.Counts().Acked)
	}
	time.Sleep(time.Until(begin.Add(*soak)))
	w.steady(w.sidecars[3], warm)
	require.Zero(t, repeated(w.finish()))
}

// threeRestarted leaves the last replica alone.
var threeRestarted = &fault{
	name: "three of four restarted in turn", on: "sidecar", whole: true, bound: recovery,
	inject: func(w *world, _ int) func() {
		restart(w.sidecars[:len(w.sidecars)-1])
		return nil
	},
}

// steady names the time from a moment to now as one in which nothing of the sidecar's process may grow.
func (w *world) steady(s *sidecar, from oracle.Nanos) {
	w.stretches = append(w.stretches, oracle.Stretch{Proc: s.life(), From: from, Until: nanos()})
}
