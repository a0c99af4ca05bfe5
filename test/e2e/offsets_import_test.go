package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// After an import the first start delivers exactly from there, whatever the start policy is, and a partition that the source does not know from its log start.
func TestOffsetsImportThenFirstStart(t *testing.T) {
	s := newScene(t, 3)
	s.kafka.Produce(s.topic, 3, 90, "v")
	path := filepath.Join(t.TempDir(), "offsets.csv")
	require.NoError(t, os.WriteFile(path, fmt.Appendf(nil, "%s,0,10\n%s,1,-1\n", s.topic, s.topic), 0o600))
	watch := s.watchStore()

	require.Contains(t, s.mustOffsets("import", "--from", "csv", "--path", path), "nothing was written")
	_, ok := s.storedTopic()
	require.False(t, ok)
	out := s.mustOffsets("import", "--from", "csv", "--path", path, "--execute")
	require.Contains(t, out, "note: the source does not know partitions [2]; they begin at the log start\n")
	doc, ok := s.storedTopic()
	require.True(t, ok)
	require.Equal(t, storedTopic{Partitions: 3, Baseline: map[int32]int64{0: 10, 1: 30, 2: 0}, Start: "import"}, doc)

	sidecar := s.sidecar(testenv.Set("start", "latest"))
	s.waitCaughtUp()
	s.kafka.Produce(s.topic, 3, 3, "after")
	s.waitCaughtUp()
	require.Equal(t, 0, sidecar.Stop())
	watch.check()
	log := s.app.Deliveries()
	require.NoError(t, delivered(log, 0, 10, 31))
	require.NoError(t, delivered(log, 1, 30, 31))
	require.NoError(t, delivered(log, 2, 0, 31))
	code, out := s.offsets("import", "--from", "csv", "--path", path, "--execute")
	require.Equal(t, 1, code)
	require.Contains(t, out, "the store has offsets of topic "+s.topic+" for this group already")
}

// A group of the same brokers moves to the sidecar.
func TestOffsetsImportFromAKafkaGroup(t *testing.T) {
	s := newScene(t, 2)
	s.kafka.Produce(s.topic, 2, 40, "v")
	code, out := s.offsets("import", "--from", "kafka-group", "--group", s.group+"-old")
	require.Equal(t, 1, code)
	require.Contains(t, out, "the Kafka group "+s.group+"-old has committed nothing")
	s.kafka.Tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
		"--bootstrap-server", s.kafka.Addr(), "--group", s.group+"-old", "--reset-offsets", "--topic", s.topic, "--to-offset", "15", "--execute")
	s.mustOffsets("import", "--from", "kafka-group", "--group", s.group+"-old", "--execute")
	s.sidecar(testenv.Set("start", "latest"))
	s.waitCaughtUp()
	for partition := range int32(2) {
		require.NoError(t, delivered(s.app.Deliveries(), partition, 15, 20))
	}
}
