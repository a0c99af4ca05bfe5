package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// offsets runs `sidecar offsets …` for the scene's group and topic, beside whatever runs, and returns the exit code and the output. app.url is not needed.
func (s *scene) offsets(args ...string) (code int, output string) {
	s.t.Helper()
	return testenv.RunSidecar(s.t, append(append([]string{"offsets"}, args...),
		"--set", "group="+s.group, "--set", "kafka.topics="+s.topic, "--set", "kafka.brokers="+s.kafka.Addr(), "--set", "offsets.consul.address="+s.consul.Addr(), "--as", "ann@desk")...)
}

func (s *scene) mustOffsets(args ...string) string {
	s.t.Helper()
	code, out := s.offsets(args...)
	require.Equal(s.t, 0, code, out)
	return out
}

// listed is what `sidecar offsets list -o json` says of a partition.
type listed struct {
	Committed, LogEnd, Lag int64
	Owner, State, PausedBy string
	CommittedAt            time.Time
}

func (s *scene) list() []listed {
	s.t.Helper()
	var doc struct {
		Topics []struct{ Partitions []listed }
	}
	require.NoError(s.t, json.Unmarshal([]byte(s.mustOffsets("list", "-o", "json")), &doc))
	require.Len(s.t, doc.Topics, 1)
	return doc.Topics[0].Partitions
}

func TestOffsetsListWhileItRunsAndWhileNot(t *testing.T) {
	s := newScene(t, 2)
	code, out := s.offsets("list")
	require.Equal(t, 1, code)
	require.Contains(t, out, "the store has no offsets of topic "+s.topic)

	s.kafka.Produce(s.topic, 2, 20, "first")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitCaughtUp()
	host, err := os.Hostname()
	require.NoError(t, err)
	for _, p := range s.list() {
		require.Equal(t, []any{int64(10), int64(10), int64(0), "ok"}, []any{p.Committed, p.LogEnd, p.Lag, p.State})
		require.True(t, strings.HasPrefix(p.Owner, host+"/"), p.Owner)
		require.WithinDuration(t, time.Now(), p.CommittedAt, 2*soon)
	}
	require.Equal(t, 0, sidecar.Stop())
	s.kafka.Produce(s.topic, 2, 6, "second")
	for _, p := range s.list() {
		require.Equal(t, []any{int64(10), int64(13), int64(3), "ok"}, []any{p.Committed, p.LogEnd, p.Lag, p.State})
	}
	require.Contains(t, s.mustOffsets("list"), s.topic+": 2 partitions, lag 6, revision 1\n")
}

// A reset is followed by the sidecar that runs, also when nothing is delivered or committed at that time; the other partitions go on undisturbed.
func TestOffsetsResetWhileItRuns(t *testing.T) {
	s := newScene(t, 2)
	s.kafka.Produce(s.topic, 2, 100, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitCaughtUp()
	before := len(s.app.Deliveries())
	stands, _ := s.stored(1)

	require.Contains(t, s.mustOffsets("reset", "--topic", s.topic+":1", "--to-offset", "20"), "nothing was written; add --execute to do it")
	doc, _ := s.stored(1)
	require.Equal(t, stands, doc, "a plan changes nothing")
	out := s.mustOffsets("reset", "--topic", s.topic+":1", "--to-offset", "20", "--execute")
	require.Contains(t, out, "total: 1 partition, 0 skipped, 30 repeated\n")
	require.Contains(t, out, "done: seek of 1 partition of "+s.topic+", revision 2\n")

	s.eventually("the records from 20 on once more", func() error {
		return delivered(s.app.Deliveries()[before:], 1, 20, 50)
	})
	s.waitStored(1, 50)
	again := visits(s.app.Deliveries()[before:])
	require.Empty(t, again[0])
	require.Greater(t, again[1][0].Fence, stands.Epoch)
	require.True(t, sidecar.Running())
	require.Equal(t, 0, sidecar.Stop())
	require.Regexp(t, `(?m)^\S+Z  ann@desk  seek  `+s.topic+` +1 +50 +20$`, s.mustOffsets("log"))
}

// delivered: these requests hold the partition's records from (inclusive) to until (exclusive), in order, and no others of it.
func delivered(log []testenv.Delivery, partition int32, from, until int64) error {
	next := from
	for _, v := range visits(log)[partition] {
		for _, r := range v.Records {
			if r.Offset != next {
				return testenv.GiveUp("offset %d came where %d was due", r.Offset, next)
			}
			next++
		}
	}
	if next != until {
		return fmt.Errorf("delivered up to %d, not %d", next, until)
	}
	return nil
}

// A reset to a place in the middle of the load loses nothing that lies behind it.
func TestOffsetsResetUnderLoad(t *testing.T) {
	s := newScene(t, 2)
	s.sidecar(testenv.Set("start", "earliest"))
	load := s.kafka.StartLoad(s.topic, 2, 500)
	s.waitDelivery(20)
	s.mustOffsets("reset", "--to-earliest", "--execute")
	s.waitDelivery(len(s.app.Deliveries()) + 20)
	produced, err := load.Stop()
	require.NoError(t, err)
	s.waitCaughtUp()
	require.NoError(t, noLoss(produced, s.app.Deliveries()))
	for partition, seen := range visits(s.app.Deliveries()) {
		second := slices.IndexFunc(seen[1:], func(v visit) bool { return v.FromOffset == 0 })
		require.GreaterOrEqual(t, second, 0, "partition %d begins a second time", partition)
	}
}

func TestOffsetsPauseAndResumeWhileItRuns(t *testing.T) {
	s := newScene(t, 2)
	s.kafka.Produce(s.topic, 2, 20, "first")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitCaughtUp()
	s.mustOffsets("pause", "--topic", s.topic+":0", "--execute")
	paused := func(st relay.Status) bool {
		return slices.ContainsFunc(st.Partitions, func(p relay.PartitionStatus) bool { return p.Partition == 0 && p.State == "paused" })
	}
	waitStatus(t, sidecar, "partition 0 paused", paused)
	before := len(s.app.Deliveries())
	s.kafka.Produce(s.topic, 2, 20, "second")
	s.waitStored(1, 20)
	require.Empty(t, visits(s.app.Deliveries()[before:])[0])
	p := s.list()[0]
	require.Equal(t, []any{int64(10), int64(10), "paused", "ann@desk"}, []any{p.Committed, p.Lag, p.State, p.PausedBy})

	// It is kept by a restart.
	require.Equal(t, 0, sidecar.Stop())
	sidecar.Start()
	waitStatus(t, sidecar, "partition 0 paused", paused)
	require.Empty(t, visits(s.app.Deliveries()[before:])[0])

	s.mustOffsets("resume", "--topic", s.topic+":0", "--execute")
	s.waitStored(0, 20)
	require.NoError(t, delivered(s.app.Deliveries()[before:], 0, 10, 20))
}

// A group that runs is not forgotten; one that has stopped begins as for the first time.
func TestOffsetsDelete(t *testing.T) {
	s := newScene(t, 2)
	s.kafka.Produce(s.topic, 2, 20, "first")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitCaughtUp()
	code, out := s.offsets("delete", "--topic", s.topic, "--execute")
	require.Equal(t, 1, code)
	require.Contains(t, out, "the group runs; stop the group, and wait for a minute")
	require.Equal(t, 0, sidecar.Stop())

	for partition := range int32(2) { // a minute has passed
		raw, _ := s.consul.Get(s.partitionKey(partition))
		var doc map[string]any
		require.NoError(t, json.Unmarshal(raw, &doc))
		doc["committedAt"] = time.Now().UTC().Add(-2 * time.Minute).Format(time.RFC3339Nano)
		raw, err := json.Marshal(doc)
		require.NoError(t, err)
		s.consul.Put(s.partitionKey(partition), raw)
	}
	s.kafka.Produce(s.topic, 2, 10, "while it is down")
	require.Contains(t, s.mustOffsets("delete", "--topic", s.topic, "--execute"), "done: delete of 2 partitions of "+s.topic+"\n")
	_, ok := s.storedTopic()
	require.False(t, ok)

	s.sidecar(testenv.Set("start", "latest")).WaitReady()
	doc, ok := s.storedTopic()
	require.True(t, ok)
	require.Equal(t, storedTopic{Partitions: 2, Baseline: map[int32]int64{0: 15, 1: 15}, Start: "latest"}, doc)
}
