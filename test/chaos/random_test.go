package chaos

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/producer"
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
	s := settings{kafkaNodes: nodes, consulServers: nodes, sidecars: 3, partitions: 6, deadLetter: "topic", seed: seed, command: command}
	t.Logf("the topic's records: %s", s.drawRecords(seed))
	w := newWorld(t, s)
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

// drawRecords decides by the seed what kind of records the topic has, and says it: compressed or not, in transactions of which some are
// aborted, in a topic that is compacted all the time. The last two don't go together: when the end of a log has nothing but aborted
// records that were compacted away, no consumer hears that it is at the end.
func (s *settings) drawRecords(seed uint64) string {
	codecs := []string{"none", "gzip", "snappy", "lz4", "zstd"}
	codec := codecs[seed%5]
	transactions, compaction := seed/5%3 == 1, seed/5%3 == 2
	if compaction {
		s.compact()
	}
	s.produce = func(c *producer.Config) {
		c.Compression, c.Keyed = codec, compaction
		if transactions {
			c.TransactionalID, c.AbortOneIn = c.Topic, 3
		}
	}
	return fmt.Sprintf("compression %s, transactions %t, compaction %t", codec, transactions, compaction)
}
