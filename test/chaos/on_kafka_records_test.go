package chaos

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/producer"
)

// stopped is a world whose only sidecar has stored what it got and is down, while partition 0 grows by n records more.
func stopped(t *testing.T, s settings, n int64) (w *world, down *active) {
	t.Helper()
	w = newWorld(t, s)
	w.start()
	w.goesOn(200)
	down = w.inject(sidecarStopped, 0)
	end := w.EndOffsets(w.topic)[0]
	w.eventually("records while the sidecar is down", func() error {
		if now := w.EndOffsets(w.topic)[0]; now < end+n {
			return fmt.Errorf("%d so far", now-end)
		}
		return nil
	})
	w.load.Pause()
	return w, down
}

// lost is what the sidecar counts as lost, over all partitions.
func (s *sidecar) lost() int64 {
	s.w.t.Helper()
	subject, runs := s.subject()
	require.True(s.w.t, runs)
	sample, err := subject.look(s.w.t.Context())
	require.NoError(s.w.t, err)
	return sample.LostTotal
}

// Records that were deleted before they were read block their partition alone, with the exact number, until an operator decides.
func TestKafkaRecordsDeleted(t *testing.T) {
	t.Parallel()
	w, down := stopped(t, settings{}, 50)
	const deleted = 17
	stored := w.stored()[0]
	w.DeleteRecords(w.topic, 0, stored+deleted)
	down.heal()
	w.load.Resume()
	p := w.sidecars[0].waitPartition(0, "blocked", "offset_out_of_range")
	require.Contains(t, p.LastError, fmt.Sprintf("%d records are lost", deleted))
	w.goesOn(200) // the others
	require.Equal(t, stored, w.stored()[0])
	require.Zero(t, w.sidecars[0].lost(), "nothing is lost before somebody decides")
	restart := w.inject(sidecarStopped, 0)
	w.moveOffset(0, stored+deleted)
	restart.heal()
	w.finish()
}

// With policy.data_loss: earliest the partition goes on at the log start, and what is missing is counted.
func TestKafkaRecordsDeletedAndPolicyEarliest(t *testing.T) {
	t.Parallel()
	w, down := stopped(t, settings{dataLoss: "earliest"}, 50)
	const deleted = 17
	w.DeleteRecords(w.topic, 0, w.stored()[0]+deleted)
	down.heal()
	w.load.Resume()
	w.goesOn(200)
	require.EqualValues(t, deleted, w.sidecars[0].lost())
	w.finish()
}

// Compaction takes records from the middle of what is to be read; the gaps hold nothing up.
func TestKafkaTopicCompacted(t *testing.T) {
	t.Parallel()
	s := settings{partitions: 1, kafkaNodes: 1, produce: func(c *producer.Config) { c.Keyed = true }}
	s.compact()
	w, down := stopped(t, s, 500)
	stored := w.stored()[0]
	w.eventually("compaction of what is to be read", func() error { return w.compacted(stored) })
	down.heal()
	w.load.Resume()
	w.goesOn(600)
	w.finish()
}

// compact makes the topic one that is compacted as soon as it can be.
func (s *settings) compact() {
	s.kafkaOptions = append(s.kafkaOptions, testenv.KafkaProperty("log.cleaner.backoff.ms", "200"))
	s.topicConfigs = append(s.topicConfigs,
		"cleanup.policy", "compact", "segment.ms", "500", "min.cleanable.dirty.ratio", "0.001", "max.compaction.lag.ms", "500")
}

// compacted is nil when partition 0 has gaps above an offset.
func (w *world) compacted(from int64) error {
	w.t.Helper()
	r := w.reader(w.topic, true)
	defer r.close()
	end, found := w.EndOffsets(w.topic)[0], int64(0)
	r.readTo(w, nil, map[int32]int64{0: end}, func(rec *kgo.Record) {
		if rec.Offset >= from {
			found++
		}
	})
	if found == end-from {
		return fmt.Errorf("all %d records are there", found)
	}
	return nil
}

// Only committed records are delivered, and the markers and aborted records at the end of a log leave no lag behind.
func TestKafkaTransactionsAborted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{produce: func(c *producer.Config) { c.TransactionalID, c.AbortOneIn = c.Topic, 2 }})
	w.start()
	w.goesOn(600)
	w.finish()
	require.NotZero(t, w.load.Counts().Aborted)
	w.sidecars[0].waitStatus("no lag", func(s *relay.Status) bool {
		return !anyPartition(func(p *relay.PartitionStatus) bool { return p.Lag > 0 })(s)
	})
}

func TestKafkaCompressions(t *testing.T) {
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{produce: func(c *producer.Config) { c.Compression = codec }})
			w.start()
			w.goesOn(400)
			require.Zero(t, repeated(w.finish()))
		})
	}
}
