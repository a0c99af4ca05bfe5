package sdk

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// at are the offsets of the lines on the partition, in the order of the log.
func at(lines []line, partition int32) []int64 {
	var offsets []int64
	for _, l := range lines {
		if l.Partition == partition {
			offsets = append(offsets, l.Offset)
		}
	}
	return offsets
}

// What a batch could do is acknowledged, and what it could not is done later: nothing is repeated.
func TestFailuresAreAcknowledgedAround(t *testing.T) {
	inEachFormat(t, func(t *testing.T, l language, format testenv.SidecarOption) {
		s := newScene(t, 3)
		app := startApp(t, l)
		s.produceValues(0, "a", "reject:not an order", "b", "c")
		s.produceValues(1, "a", "raise:2", "b")
		s.produceValues(2, "retry:1", "a", "reject:nor this", "b")
		sidecar := s.sidecar(app, append(inOneBatch(11), format, testenv.Set("dead_letter.policy", "drop"))...)
		log := s.settle(app)
		require.Len(t, kind(log, "begin")[0].Ranges, 3, "all come in one batch")
		require.Zero(t, repeats(log))
		require.Equal(t, []int64{0, 2, 3}, at(records(log, "applied"), 0))
		require.Equal(t, []int64{0, 1, 2}, at(records(log, "applied"), 1))
		require.Equal(t, []int64{1, 1}, at(records(log, "raise"), 1))
		require.Equal(t, []int64{0, 1, 3}, at(records(log, "applied"), 2))
		require.Len(t, records(log, "reject"), 2, "a rejected record does not come again")
		require.Zero(t, batches(sidecar, "failed"), "the app has answered for each record, never failed as a whole")
		require.Zero(t, batches(sidecar, "isolated"))
	})
}

func TestRejectedRecordGoesToTheDeadLetterTopic(t *testing.T) {
	inEachFormat(t, func(t *testing.T, l language, format testenv.SidecarOption) {
		s := newScene(t, 1)
		s.kafka.CreateTopic(s.topic+".dead", 1)
		app := startApp(t, l)
		s.produceValues(0, "a", "b")
		own := []kgo.RecordHeader{{Key: "own", Value: []byte("1")}, {Key: "own", Value: []byte("\xff")}, {Key: "null"}}
		s.produce(&kgo.Record{Topic: s.topic, Key: []byte("k\xff"), Value: []byte("reject:no such user: \"é\""), Headers: own})
		s.produceValues(0, "c")
		s.sidecar(app, format, testenv.Set("dead_letter.policy", "topic"))
		log := s.settle(app)
		require.Equal(t, []int64{0, 1, 3}, at(records(log, "applied"), 0))

		letter := s.kafka.Consume(s.topic+".dead", 1, soon)[0]
		require.Equal(t, "k\xff", string(letter.Key))
		require.Equal(t, s.produced[2].Value, letter.Value)
		require.Equal(t, own, letter.Headers[:3])
		headers := map[string]string{}
		for _, h := range letter.Headers[3:] {
			headers[h.Key] = string(h.Value)
		}
		require.Equal(t, map[string]string{
			"sidecar-topic": s.topic, "sidecar-partition": "0", "sidecar-offset": "2", "sidecar-group": s.group,
			"sidecar-timestamp": fmt.Sprint(s.produced[2].Timestamp.UnixMilli()), "sidecar-attempts": "1",
			"sidecar-status": "rejected", "sidecar-reason": "no such user: \"é\"",
		}, headers)
	})
}

// A delay is kept, and what stands behind the record in its partition waits with it; the other partition does not.
func TestRetryComesNotBeforeItsTime(t *testing.T) {
	const delay = 1200 // ms
	inEachFormat(t, func(t *testing.T, l language, format testenv.SidecarOption) {
		s := newScene(t, 2)
		app := startApp(t, l)
		s.produceValues(0, "a", fmt.Sprintf("retry:%d", delay), "b")
		s.produceValues(1, "a", "b")
		s.sidecar(app, append(inOneBatch(5), format)...)
		log := s.settle(app)
		require.Zero(t, repeats(log))
		told := records(log, "retry")
		require.Len(t, told, 1)
		for _, l := range records(log, "applied") {
			if l.Partition == 0 && l.Offset >= 1 {
				require.GreaterOrEqual(t, l.At, told[0].At+delay, "offset %d", l.Offset)
			} else {
				require.Less(t, l.At, told[0].At+delay, "%d/%d is not held up", l.Partition, l.Offset)
			}
		}
	})
}
