package fetch_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func TestReaderReadsFromTheGivenPosition(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	kafka.Produce(topic, 1, 10, "a")
	r := read(t, cfg)
	r.Add(tp(topic, 0), from(4), 1)
	require.Equal(t, numbered("a", 4, 10), r.waitNext(1, 10))
	first := r.of(1)[0]
	require.Equal(t, int64(4), first.Records[0].Offset)
	require.Equal(t, int64(10), first.LogEnd)
	require.Positive(t, first.Bytes)
	require.GreaterOrEqual(t, first.Records[0].LeaderEpoch, int32(0))

	kafka.Produce(topic, 1, 5, "b")
	require.Equal(t, append(numbered("a", 4, 10), numbered("b", 0, 5)...), r.waitNext(1, 15))
	require.Equal(t, int64(10), r.of(1)[len(r.of(1))-1].Records[0].Offset)
}

func TestReaderKeepsEverythingOfARecord(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	at := time.UnixMilli(1732430000123)
	kafka.ProduceRecords(
		&kgo.Record{Topic: topic, Timestamp: at, Key: []byte("k"), Value: []byte{}, Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "a"}}},
		&kgo.Record{Topic: topic, Timestamp: at, Value: nil, Key: []byte{0xff}},
		&kgo.Record{Topic: topic, Timestamp: at, Value: []byte("v"), Headers: []kgo.RecordHeader{{Key: "b", Value: []byte("2")}}},
	)
	r := read(t, cfg)
	r.Add(tp(topic, 0), from(0), 1)
	r.waitNext(1, 3)
	var got []record.Record
	for _, c := range r.of(1) {
		got = append(got, c.Records...)
	}
	require.Len(t, got, 3)
	require.Equal(t, int64(1732430000123), got[0].Timestamp)
	require.Equal(t, "k", string(got[0].Key))
	require.NotNil(t, got[0].Value)
	require.Empty(t, got[0].Value)
	require.Equal(t, []record.Header{{Name: "a", Value: []byte("1")}, {Name: "a"}}, got[0].Headers)
	require.Nil(t, got[1].Value)
	require.Equal(t, []byte{0xff}, got[1].Key)
	require.Nil(t, got[1].Headers)
	require.Nil(t, got[2].Key)
	require.Equal(t, []record.Header{{Name: "b", Value: []byte("2")}}, got[2].Headers)
}

// Removing and adding again under load: every claim gets exactly the records from its position on.
func TestReaderClaims(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	kafka.Produce(topic, 2, 100, "first")
	load := kafka.StartLoad(topic, 2, 2000)
	r := read(t, cfg)
	r.Add(tp(topic, 1), from(0), 1000)
	for claim := uint64(1); claim <= 20; claim++ {
		r.Add(tp(topic, 0), from(int64(claim)), claim)
		testenv.Eventually(t, within, "records of the claim", func() error {
			if len(r.values(claim)) < 20 {
				return fmt.Errorf("claim %d has %d", claim, len(r.values(claim)))
			}
			return nil
		})
		if claim%2 == 0 {
			r.Remove(tp(topic, 0))
		}
	}
	r.Remove(tp(topic, 0))
	r.Remove(tp(topic, 1))
	_, err := load.Stop()
	require.NoError(t, err)
	for claim := uint64(1); claim <= 21; claim++ {
		name, next := claim, int64(claim)
		if claim == 21 {
			name, next = 1000, 0
		}
		for _, c := range r.of(name) {
			require.NoError(t, c.Err)
			for _, rec := range c.Records {
				require.Equal(t, next, rec.Offset, "claim %d", name)
				next++
			}
			require.Equal(t, next, c.Next)
		}
	}
}

func TestReaderPause(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	r := read(t, cfg)
	r.Add(tp(topic, 0), from(0), 1)
	r.Add(tp(topic, 1), from(0), 2)
	r.Pause(tp(topic, 0), true)
	kafka.Produce(topic, 2, 20, "a")
	r.waitNext(2, 10)
	kafka.Produce(topic, 2, 20, "b")
	r.waitNext(2, 20)
	require.Empty(t, r.of(1), "nothing is read while paused")
	r.Pause(tp(topic, 0), false)
	require.Len(t, r.waitNext(1, 20), 20)
}

// While the sink blocks nothing is polled, and commands still return at once.
func TestReaderBackPressure(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	r := read(t, cfg)
	r.gate.Lock()
	r.Add(tp(topic, 0), from(0), 1)
	kafka.Produce(topic, 1, 10, "a")
	kafka.Produce(topic, 1, 10, "b")
	testenv.Eventually(t, within, "records to be buffered behind the sink", func() error {
		if r.BufferedBytes() == 0 {
			kafka.Produce(topic, 1, 1, "c")
			return fmt.Errorf("nothing is buffered")
		}
		return nil
	})
	r.Add(tp(topic, 1), from(0), 2)
	r.Remove(tp(topic, 0))
	require.Empty(t, r.of(1))
	r.gate.Unlock()
	kafka.Produce(topic, 2, 2, "d")
	r.waitNext(2, 1)
}

func TestReaderOutOfRangeComesOnce(t *testing.T) {
	kafka, cfg, topic := scene(t, 3)
	kafka.Produce(topic, 3, 30, "a")
	kafka.DeleteRecords(topic, 0, 5)
	r := read(t, cfg)
	r.Add(tp(topic, 0), from(2), 1)
	r.Add(tp(topic, 1), from(99), 2)
	r.Add(tp(topic, 2), from(0), 3)
	require.Equal(t, record.OutOfRange, r.waitError(1).Kind)
	require.Equal(t, record.OutOfRange, r.waitError(2).Kind)
	r.waitNext(3, 10)
	kafka.Produce(topic, 3, 30, "b")
	r.waitNext(3, 20) // the others go on, and more polls were made
	require.Len(t, r.of(1), 1)
	require.Len(t, r.of(2), 1)
	require.Empty(t, r.of(1)[0].Records)

	r.Add(tp(topic, 0), from(5), 4)
	require.Len(t, r.waitNext(4, 20), 15)
}

func TestReaderFindsATruncatedLog(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	kafka.Produce(topic, 1, 5, "a")
	r := read(t, cfg)
	r.Add(tp(topic, 0), record.Position{Offset: 8, LeaderEpoch: 0}, 1)
	require.Equal(t, record.Truncated, r.waitError(1).Kind)
	r.Add(tp(topic, 0), record.Position{Offset: 3, LeaderEpoch: 0}, 2)
	require.Equal(t, numbered("a", 3, 5), r.waitNext(2, 5))
	for _, c := range r.of(1) {
		require.Empty(t, c.Records)
	}
}

// transact writes values in one transaction and ends it.
func transact(t *testing.T, kafka *testenv.KafkaServer, topic string, commit bool, values ...string) {
	t.Helper()
	cl := kafka.Client(kgo.TransactionalID(testenv.Name(t, "tx")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, cl.BeginTransaction())
	for _, v := range values {
		require.NoError(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(v)}).FirstErr())
	}
	require.NoError(t, cl.EndTransaction(t.Context(), kgo.TransactionEndTry(commit)))
}

func TestReaderPassesControlRecords(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	transact(t, kafka, topic, true, "a", "b") // 0, 1, marker 2
	transact(t, kafka, topic, false, "c")     // 3, marker 4
	transact(t, kafka, topic, true, "d")      // 5, marker 6
	r := read(t, cfg)
	r.Add(tp(topic, 0), from(0), 1)
	require.Equal(t, []string{"a", "b", "d"}, r.waitNext(1, 7))

	cfg.IsolationLevel = "read_uncommitted"
	u := read(t, cfg)
	u.Add(tp(topic, 0), from(0), 1)
	require.Equal(t, []string{"a", "b", "c", "d"}, u.waitNext(1, 7))

	transact(t, kafka, topic, false, "e") // 7, marker 8: nothing to hand over but the position
	require.Equal(t, []string{"a", "b", "d"}, r.waitNext(1, 9))
}

func TestReaderReadsARecreatedTopic(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	kafka.Produce(topic, 2, 20, "old")
	r := read(t, cfg)
	r.Add(tp(topic, 0), from(0), 1)
	r.Add(tp(topic, 1), from(0), 2)
	r.waitNext(1, 10)
	r.waitNext(2, 10)
	kafka.DeleteTopic(topic)
	kafka.CreateTopic(topic, 1)
	kafka.Produce(topic, 1, 3, "new")
	r.Remove(tp(topic, 0))
	r.Remove(tp(topic, 1))
	r.Add(tp(topic, 0), from(0), 3)
	require.Equal(t, numbered("new", 0, 3), r.waitNext(3, 3))
}

func TestReaderReadsPartitionsAddedLater(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	r := read(t, cfg)
	r.Add(tp(topic, 0), from(0), 1)
	kafka.Produce(topic, 1, 1, "a")
	r.waitNext(1, 1)
	kafka.AddPartitions(topic, 2)
	kafka.Produce(topic, 2, 2, "b")
	r.Add(tp(topic, 1), from(0), 2)
	require.Equal(t, []string{"b-1"}, r.waitNext(2, 1))
}

// Chunks and compressed batches come from pooled memory: what was handed over stays intact until its release, however much is
// read meanwhile.
func TestReaderMemoryIsNotReusedBeforeTheRelease(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	var producers []*kgo.Client
	for _, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.ZstdCompression(), kgo.Lz4Compression()} {
		producers = append(producers, kafka.Client(kgo.ProducerBatchCompression(codec)))
	}
	var want []string
	for batch := range 200 { // more than one poll brings
		var records []*kgo.Record
		for i := range 100 {
			v := fmt.Sprintf("%d-%d-%s", batch, i, slices.Repeat([]byte{'x'}, 500))
			want = append(want, v)
			records = append(records, &kgo.Record{Topic: topic, Value: []byte(v)})
		}
		require.NoError(t, producers[batch%len(producers)].ProduceSync(t.Context(), records...).FirstErr())
	}
	rd := newReader(t, cfg)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var held []record.Chunk
	rounds, next := uint64(1), int64(0)
	rd.Add(tp(topic, 0), from(0), rounds)
	require.NoError(t, rd.Run(ctx, func(_ context.Context, chunks []record.Chunk) error {
		for _, c := range chunks {
			if c.Claim == rounds {
				next = c.Next
			}
			held = append(held, c)
		}
		if next < int64(len(want)) {
			return nil
		}
		var got []string
		for _, c := range held {
			for i := range c.Records {
				if c.Claim == rounds {
					got = append(got, string(c.Records[i].Value))
				}
			}
		}
		require.Equal(t, want, got, "in round %d", rounds)
		for _, c := range held {
			c.Release()
		}
		if held, next = nil, 0; rounds == 3 {
			stop()
			return nil
		}
		rounds++ // again, from memory that was used before
		rd.Add(tp(topic, 0), from(0), rounds)
		return nil
	}))
	require.EqualValues(t, 3, rounds)
}

func TestReaderEndsWithoutBrokers(t *testing.T) {
	cfg := config(t, "127.0.0.1:1", "", "orders")
	r := read(t, cfg) // the clean-up waits for Run
	r.Add(tp("orders", 0), from(0), 1)
	r.Remove(tp("orders", 0))
}

func TestReaderEndsWithTheSinksError(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	kafka.Produce(topic, 1, 1, "a")
	rd := newReader(t, cfg)
	rd.Add(tp(topic, 0), from(0), 1)
	err := rd.Run(t.Context(), func(context.Context, []record.Chunk) error { return context.DeadlineExceeded })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Zero(t, rd.BufferedBytes())
}
