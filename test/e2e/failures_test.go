package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// rejectOffset makes the app reject one record by name whenever it is in a batch.
func (s *scene) rejectOffset(partition int32, offset int64) {
	s.app.SetAnswer(func(b testenv.AppBatch) testenv.Answer {
		for _, p := range b.Parts {
			if p.Partition == partition && p.FromOffset <= offset && offset < p.UntilOffset {
				return testenv.Failures(testenv.AppFailure{Topic: p.Topic, Partition: partition, Offset: offset, Action: "reject", Reason: "not an order"})
			}
		}
		return testenv.Answer{}
	})
}

func TestRejectedRecordGoesToTheDeadLetterTopic(t *testing.T) {
	s := newScene(t, 2)
	s.kafka.CreateTopic(s.topic+".dead", 1)
	s.rejectOffset(1, 3)
	poison := &kgo.Record{Topic: s.topic, Partition: 1, Key: []byte("k\xff"), Value: nil, Headers: []kgo.RecordHeader{{Key: "own", Value: []byte("1")}}}
	produced := s.kafka.Produce(s.topic, 2, 6, "good") // 0, 1, 2 in each
	s.kafka.ProduceRecords(poison)
	produced = append(produced, s.kafka.Produce(s.topic, 2, 20, "more")...)
	s.sidecar(testenv.Set("start", "earliest"), testenv.Set("dead_letter.policy", "topic"))
	s.waitAcked(produced)
	s.waitCaughtUp()

	letter := s.kafka.Consume(s.topic+".dead", 1, soon)[0]
	require.Equal(t, "k\xff", string(letter.Key))
	require.Nil(t, letter.Value)
	require.Equal(t, kgo.RecordHeader{Key: "own", Value: []byte("1")}, letter.Headers[0])
	headers := map[string]string{}
	for _, h := range letter.Headers {
		headers[h.Key] = string(h.Value)
	}
	require.Equal(t, s.topic, headers["sidecar-topic"])
	require.Equal(t, "1", headers["sidecar-partition"])
	require.Equal(t, "3", headers["sidecar-offset"])
	require.Equal(t, s.group, headers["sidecar-group"])
	require.Equal(t, "rejected", headers["sidecar-status"])
	require.Equal(t, "not an order", headers["sidecar-reason"])
	require.NotEmpty(t, headers["sidecar-timestamp"])
	attempts, err := strconv.Atoi(headers["sidecar-attempts"])
	require.NoError(t, err)
	require.GreaterOrEqual(t, attempts, 1)
}

// An offset moves past a condemned record only when its letter is durable: without the topic it does not.
func TestMissingDeadLetterTopicBlocks(t *testing.T) {
	s := newScene(t, 1)
	s.rejectOffset(0, 3)
	produced := s.kafka.Produce(s.topic, 1, 20, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"), testenv.Set("dead_letter.policy", "topic"))
	waitReason(t, sidecar, "dead_letter")
	s.waitAcked(produced[:3])
	waitBlocked(t, sidecar, 0, "dead_letter")
	s.waitStored(0, 3)
	s.kafka.CreateTopic(s.topic+".dead", 1)
	s.waitAcked(produced[4:])
	s.waitCaughtUp()
	require.Equal(t, "v-3", string(s.kafka.Consume(s.topic+".dead", 1, soon)[0].Value))
	sidecar.WaitReady()
}

// The default policy: the partition waits for its record, the other goes on.
func TestPoisonBlocksItsPartitionOnly(t *testing.T) {
	s := newScene(t, 2)
	s.rejectOffset(1, 3)
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	produced := s.kafka.Produce(s.topic, 2, 40, "v")
	var others []testenv.Produced
	for _, r := range produced {
		if r.Partition == 0 || r.Offset < 3 {
			others = append(others, r)
		}
	}
	s.waitAcked(others)
	waitBlocked(t, sidecar, 1, "poison")
	s.waitStored(0, 20)
	s.waitStored(1, 3)
	s.app.SetAnswer(func(testenv.AppBatch) testenv.Answer { return testenv.Answer{} }) // the app was mended
	s.waitAcked(produced)
	s.waitCaughtUp()
}

// One bad record among good ones is found by halving, and only it is condemned.
func TestIsolationFindsTheRecordThatFails(t *testing.T) {
	s := newScene(t, 1)
	s.kafka.CreateTopic(s.topic+".dead", 1)
	s.app.SetAnswer(func(b testenv.AppBatch) testenv.Answer {
		for _, p := range b.Parts {
			for _, r := range p.Records {
				if string(r.Value) == "v-17" {
					return testenv.Answer{Status: 422}
				}
			}
		}
		return testenv.Answer{}
	})
	produced := s.kafka.Produce(s.topic, 1, 40, "v")
	// The evidence against the record is the app's ready_url: nothing else is acknowledged between its last failures.
	s.sidecar(testenv.Set("start", "earliest"), testenv.Set("dead_letter.policy", "topic"), testenv.Set("retry.max_attempts", "2"),
		testenv.Set("app.ready_url", "http://"+s.app.Addr()+"/ready"))
	s.waitStored(0, 40)
	require.NoError(t, noLoss(append(produced[:17:17], produced[18:]...), s.app.Deliveries()))
	require.Equal(t, "v-17", string(s.kafka.Consume(s.topic+".dead", 1, soon)[0].Value))
}

func TestAppAppearsLater(t *testing.T) {
	s := newScene(t, 2)
	s.app.Stop()
	produced := s.kafka.Produce(s.topic, 2, 20, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	waitReason(t, sidecar, "app_down")
	s.app.Start()
	s.waitAcked(produced)
	sidecar.WaitReady()
}

// A wrong path in app.url is a set-up error: said, never counted against a record.
func TestWrongPathIsASetUpError(t *testing.T) {
	s := newScene(t, 1)
	s.app.SetAnswer(func(testenv.AppBatch) testenv.Answer { return testenv.Answer{Status: 404} })
	produced := s.kafka.Produce(s.topic, 1, 5, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"), testenv.Set("retry.max_attempts", "1"), testenv.Set("dead_letter.policy", "drop"))
	waitReason(t, sidecar, "app_setup")
	s.waitDelivery(4)
	s.app.SetAnswer(func(testenv.AppBatch) testenv.Answer { return testenv.Answer{} })
	s.waitAcked(produced)
}

// Retention passed the stored offset while the sidecar was down.
func TestOffsetOutOfRange(t *testing.T) {
	s := newScene(t, 1)
	produced := s.kafka.Produce(s.topic, 1, 100, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitAcked(produced)
	require.Equal(t, 0, sidecar.Stop())
	more := s.kafka.Produce(s.topic, 1, 50, "w")
	s.kafka.DeleteRecords(s.topic, 0, 130)

	sidecar.Start()
	blocked := waitBlocked(t, sidecar, 0, "offset_out_of_range")
	require.Contains(t, blocked.LastError, "30", "it says how many are lost")
	s.waitStored(0, 100)
	require.Equal(t, 0, sidecar.Stop())

	earliest := s.sidecar(testenv.Set("policy.data_loss", "earliest"))
	s.waitAcked(more[30:])
	s.waitStored(0, 150)
	lost := metricValue(earliest.Metrics(), fmt.Sprintf("sidecar_records_lost_total{partition=\"0\",reason=\"offset_out_of_range\",topic=%q}", s.topic))
	require.Equal(t, "30", lost)
}

// A key that can't be decoded is never a first start.
func TestCorruptKeyBlocksItsPartition(t *testing.T) {
	s := newScene(t, 2)
	produced := s.kafka.Produce(s.topic, 2, 20, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitAcked(produced)
	require.Equal(t, 0, sidecar.Stop())
	s.consul.Put(s.partitionKey(0), []byte("garbage"))
	before := len(s.app.Deliveries())
	more := s.kafka.Produce(s.topic, 2, 20, "w")
	sidecar.Start()
	waitBlocked(t, sidecar, 0, "bad_key")
	s.waitStored(1, 20)
	for _, d := range s.app.Deliveries()[before:] {
		for _, p := range d.Batch.Parts {
			require.EqualValues(t, 1, p.Partition, "nothing of the blocked partition is delivered")
		}
	}
	raw, _ := s.consul.Get(s.partitionKey(0))
	require.Equal(t, "garbage", string(raw), "the evidence is kept")
	require.Len(t, more, 20)
}

// Lag tools see the group as if it were a plain consumer.
func TestStockToolsSeeTheMirror(t *testing.T) {
	s := newScene(t, 2)
	produced := s.kafka.Produce(s.topic, 2, 60, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitAcked(produced)
	s.eventually("the mirrored offsets", func() error {
		if at := s.kafka.GroupOffsets(s.group, s.topic); at[0] != 30 || at[1] != 30 {
			return fmt.Errorf("the Kafka group has %v", at)
		}
		return nil
	})
	out := s.kafka.Tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
		"--bootstrap-server", s.kafka.Addr(), "--describe", "--group", s.group)
	require.Regexp(t, s.topic+`\s+0\s+30\s+30\s+0\s`, out)
	require.Regexp(t, s.topic+`\s+1\s+30\s+30\s+0\s`, out)
	require.True(t, sidecar.Running())
}

// Content travels unchanged, byte for byte.
func TestContentIsUnchanged(t *testing.T) {
	s := newScene(t, 1)
	at := time.UnixMilli(1732430000123)
	s.kafka.ProduceRecords(&kgo.Record{
		Topic: s.topic, Timestamp: at, Key: []byte{0, 1, 0xff}, Value: []byte("a\"\\\u2028\x00\n\U0001F600"),
		Headers: []kgo.RecordHeader{{Key: "h", Value: nil}, {Key: "h", Value: []byte{0xfe}}, {Key: "n\xff", Value: []byte{}}},
	}, &kgo.Record{Topic: s.topic, Key: nil, Value: []byte{}}, &kgo.Record{Topic: s.topic, Key: []byte{}, Value: nil})
	s.sidecar(testenv.Set("start", "earliest"))
	s.waitStored(0, 3)
	var got []testenv.AppRecord
	for _, d := range s.app.Deliveries() {
		got = append(got, d.Batch.Parts[0].Records...)
	}
	require.Len(t, got, 3)
	require.Equal(t, testenv.AppRecord{
		Offset: 0, Timestamp: at.UnixMilli(), Key: []byte{0, 1, 0xff}, Value: []byte("a\"\\\u2028\x00\n\U0001F600"),
		Headers: []testenv.AppHeader{{Name: "h"}, {Name: "h", Value: []byte{0xfe}}, {Name: "n\xff", Value: []byte{}}},
	}, got[0])
	require.Nil(t, got[1].Key)
	require.Equal(t, []byte{}, got[1].Value)
	require.Equal(t, []byte{}, got[2].Key)
	require.Nil(t, got[2].Value)
}
