package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	duration = flag.Duration("chaos.duration", 30*time.Second, "how long TestRandomFaults injects faults")
	seed     = flag.Uint64("chaos.seed", 0, "seed of TestRandomFaults; 0 = a new one, which is printed")
	nodes    = flag.Int("chaos.nodes", 1, "brokers and Consul servers of TestRandomFaults: 1 or 3. Some faults need 3")
	faults   = flag.String("chaos.faults", "", "names of the faults to draw from, separated by commas; empty = the whole menu")
)

// roundLasts is how long faults follow one another before the world is let settle and is judged.
const roundLasts = time.Minute

// TestRandomFaults draws faults from the menu, one at a time and together, lets the world settle now and then, and has all invariants
// judged each time. A seed that finds something is kept as a test that calls randomFaults.
func TestRandomFaults(t *testing.T) {
	chosen := *seed
	for chosen == 0 {
		chosen = rand.Uint64()
	}
	randomFaults(t, chosen, *duration, *nodes, *faults)
}

func randomFaults(t *testing.T, seed uint64, lasts time.Duration, nodes int, names string) {
	command := fmt.Sprintf("go test ./test/chaos -run '^TestRandomFaults$' -timeout 0 -chaos.duration=%s -chaos.seed=%d -chaos.nodes=%d -chaos.faults='%s'",
		lasts, seed, nodes, names)
	t.Logf("to run it again: %s", command)
	w := newWorld(t, settings{
		kafkaNodes: nodes, consulServers: nodes, sidecars: 3, partitions: 6, deadLetter: "topic", seed: seed, command: command,
	})
	w.start()
	w.goesOn(100)
	p := newPlanner(w, seed, menu(), names)
	end := time.Now().Add(lasts)
	for injected := 0; time.Now().Before(end); {
		round := time.Now().Add(min(roundLasts, time.Until(end)))
		for time.Now().Before(round) {
			s := p.next()
			t.Logf("%s: %v", time.Now().UTC().Format("15:04:05.000"), s)
			w.play(s)
			injected += len(s)
		}
		w.settle()
		if time.Now().Before(end) {
			v := w.judge()
			require.True(t, v.OK(), "an invariant was violated; see the report")
			w.load.Resume()
		}
		t.Logf("%d faults injected so far", injected)
	}
	w.finish()
}
