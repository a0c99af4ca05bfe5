package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// What kafka-consumer-groups exports is reset to, and what is exported here is what it would export. The names of both lengths are written
// differently by it.
func TestOffsetsExportRoundTripWithKafka(t *testing.T) {
	s := newScene(t, 3)
	short := strings.ReplaceAll(s.topic[len(s.topic)-8:], "-", "x")
	s.kafka.CreateTopic(short, 1)
	both := s.topic + "," + short
	produced := append(s.kafka.Produce(s.topic, 3, 30, "v"), s.kafka.Produce(short, 1, 7, "v")...)
	sidecar := s.sidecar(testenv.Set("start", "earliest"), testenv.Set("kafka.topics", both))
	s.waitAcked(produced)
	require.Equal(t, 0, sidecar.Stop())
	groups := func(args ...string) string {
		return s.kafka.Tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", append([]string{"--bootstrap-server", s.kafka.Addr(), "--reset-offsets", "--group", s.group + "-other"}, args...)...)
	}

	exported := s.mustOffsets("export", "--topic", s.topic, "--topic", short)
	require.Equal(t, fmt.Sprintf("%q,0,10\n%q,1,10\n%q,2,10\n%s,0,7\n", s.topic, s.topic, s.topic, short), exported)
	file := filepath.Join(t.TempDir(), "offsets.csv")
	require.NoError(t, os.WriteFile(file, []byte(exported), 0o600))
	groups("--from-file", file, "--execute")
	require.Equal(t, map[int32]int64{0: 10, 1: 10, 2: 10}, s.kafka.GroupOffsets(s.group+"-other", s.topic))
	theirs := groups("--all-topics", "--to-current", "--export", "--dry-run")
	require.Equal(t, slices.Sorted(strings.Lines(exported)), linesOf(theirs, s.topic, short), theirs)

	// And back.
	theirs = groups("--topic", s.topic+":0,2", "--topic", short, "--shift-by", "-3", "--export", "--dry-run")
	require.NoError(t, os.WriteFile(file, []byte(theirs), 0o600))
	out := s.mustOffsets("reset", "--from-file", file, "--execute")
	require.Contains(t, out, "total: 2 partitions, 0 skipped, 6 repeated\n")
	require.Contains(t, s.mustOffsets("export", "--topic", short), short+",0,4\n")
	for partition, offset := range map[int32]int64{0: 7, 1: 10, 2: 7} {
		doc, _ := s.stored(partition)
		require.Equal(t, offset, doc.Offset, "partition %d", partition)
	}
}

// linesOf are the lines of an output that name one of the topics, sorted.
func linesOf(output string, topics ...string) []string {
	var all []string
	for line := range strings.Lines(output) {
		if slices.ContainsFunc(topics, func(topic string) bool { return strings.HasPrefix(strings.Trim(line, `"`), topic) }) {
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return all
}
