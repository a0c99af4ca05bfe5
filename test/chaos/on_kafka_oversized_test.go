package chaos

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/app"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/producer"
)

// oversized are settings of a topic with records above batch.max_bytes, above what is asked for per partition, and above the whole
// memory budget. Such a record is in memory several times: as it came, decoded, as a body.
func oversized() settings {
	return settings{
		partitions: 2, rate: 20, appTimeout: time.Minute, topicConfigs: []string{"max.message.bytes", "16777216"},
		set:     []testenv.SidecarOption{testenv.Set("memory.max_bytes", "4MiB")},
		produce: func(c *producer.Config) { c.Oversized = []int{2 << 20, 3 << 20, 5 << 20} },
		bounds:  oracle.Bounds{Memory: 256 << 20, Goroutines: bounds.Goroutines, Files: bounds.Files, Connections: bounds.Connections, IdleCPU: bounds.IdleCPU},
	}
}

// Records of any size are delivered, each alone, and hold up nobody.
func TestKafkaRecordsOversized(t *testing.T) {
	t.Parallel()
	w := newWorld(t, oversized())
	w.start()
	w.goesOn(200)
	require.Zero(t, repeated(w.finish()))
	alone := 0
	for _, l := range w.apps[0].log() {
		if l.Size > 1<<20 { // batch.max_bytes
			require.Len(t, l.Parts, 1, "partitions in a request of %d bytes", l.Size)
			require.Len(t, l.Parts[0].Offsets, 1, "records in a request of %d bytes", l.Size)
			alone++
		}
	}
	require.Positive(t, alone)
}

// An oversized record that the app rejects, and that the dead-letter topic does not take, blocks its partition with the broker's own
// words, until the topic takes it.
func TestKafkaDeadLetterOversized(t *testing.T) {
	t.Parallel()
	s := oversized()
	s.deadLetter = "topic"
	w := newWorld(t, s)
	w.AlterTopic(w.letters, "max.message.bytes", "65536") // the dead letters are compressed
	w.startApps()
	w.apps[0].Behave(app.Behaviour{Kind: app.Reject, OneIn: 3})
	w.startSidecars()
	w.startLoad()
	w.sidecars[0].waitStatus("a dead letter that is refused", anyPartition(func(p *relay.PartitionStatus) bool {
		return p.Reason == "dead_letter" && strings.Contains(p.LastError, "MESSAGE_TOO_LARGE") && strings.Contains(p.LastError, w.letters)
	}))
	w.apps[0].Behave(app.Behaviour{})
	w.AlterTopic(w.letters, "max.message.bytes", "16777216")
	w.goesOn(100)
	w.finish()
}
