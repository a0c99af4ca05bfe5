package producer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

func TestMain(m *testing.M) { testenv.Main(m) }

type place struct {
	partition int32
	offset    int64
}

// logged are the digests in a producer's log. A record stands in it once, and offsets of a line ascend.
func logged(t *testing.T, log []byte, topicID string) map[place]oracle.Digest {
	t.Helper()
	found := map[place]oracle.Digest{}
	for lines := json.NewDecoder(bytes.NewReader(log)); lines.More(); {
		var line oracle.Produced
		require.NoError(t, lines.Decode(&line))
		require.LessOrEqual(t, line.Sent, line.Acked)
		if line.TopicID != topicID {
			continue
		}
		require.IsIncreasing(t, append([]int64{-1}, line.Offsets...))
		for i, offset := range line.Offsets {
			at := place{line.Partition, offset}
			require.NotContains(t, found, at)
			found[at] = line.Digests[i]
		}
	}
	return found
}

// read returns what a reader finds in a topic up to its end, and checks that "seq" ascends in each partition.
func read(t *testing.T, k *testenv.KafkaServer, topic string, isolation kgo.IsolationLevel) map[place]oracle.Digest {
	t.Helper()
	ends := k.EndOffsets(topic)
	cl := k.Client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	found, seq := map[place]oracle.Digest{}, map[int32]int64{}
	for partition, end := range ends {
		if end == 0 {
			delete(ends, partition)
		}
	}
	for len(ends) > 0 {
		fetches := cl.PollFetches(ctx)
		require.NoError(t, fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= ends[r.Partition] {
				delete(ends, r.Partition)
			}
			if r.Attrs.IsControl() {
				return
			}
			number, err := strconv.ParseInt(string(r.Headers[len(r.Headers)-1].Value), 10, 64)
			require.NoError(t, err)
			require.Greater(t, number, seq[r.Partition])
			seq[r.Partition] = number
			found[place{r.Partition, r.Offset}] = digest(r)
		})
	}
	return found
}

func waitAcked(t *testing.T, p *Producer, n int) {
	t.Helper()
	testenv.Eventually(t, time.Minute, fmt.Sprintf("%d acknowledged records", n), func() error {
		if c := p.Counts(); c.Acked < n {
			return fmt.Errorf("%+v, last error %w", c, p.LastError())
		}
		return nil
	})
}

func TestTheLogIsWhatTheTopicHolds(t *testing.T) {
	k := testenv.SharedKafka(t)
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		t.Run(compression, func(t *testing.T) {
			topic := testenv.Name(t, "topic")
			k.CreateTopic(topic, 2)
			id := k.TopicID(topic)
			var log bytes.Buffer
			p, err := New(Config{
				Brokers: []string{k.Addr()}, Topic: topic, TopicID: id, Partitions: 2, PerSecond: 2000, Compression: compression,
			}, &log)
			require.NoError(t, err)
			p.Resume()
			waitAcked(t, p, 300)
			k.AddPartitions(topic, 3)
			p.SetPartitions(3)
			waitAcked(t, p, p.Counts().Acked+300)
			p.Pause()
			require.NoError(t, p.Close())

			written := logged(t, log.Bytes(), id)
			require.Equal(t, read(t, k, topic, kgo.ReadUncommitted()), written)
			require.Equal(t, Counts{Acked: len(written)}, p.Counts())
			require.Contains(t, written, place{2, 0})
		})
	}
}

func TestOnlyCommittedTransactionsAreLogged(t *testing.T) {
	k := testenv.SharedKafka(t)
	topic := testenv.Name(t, "topic")
	k.CreateTopic(topic, 2)
	id := k.TopicID(topic)
	var log bytes.Buffer
	p, err := New(Config{
		Brokers: []string{k.Addr()}, Topic: topic, TopicID: id, Partitions: 2, PerSecond: 500,
		TransactionalID: testenv.Name(t, "producer"), AbortOneIn: 3,
	}, &log)
	require.NoError(t, err)
	p.Resume()
	waitAcked(t, p, 500)
	require.NoError(t, p.Close())

	written := logged(t, log.Bytes(), id)
	require.Equal(t, read(t, k, topic, kgo.ReadCommitted()), written)
	counts := p.Counts()
	require.Positive(t, counts.Aborted)
	require.Zero(t, counts.Unknown, "%v", p.LastError())
	require.Len(t, read(t, k, topic, kgo.ReadUncommitted()), counts.Acked+counts.Aborted)
}

func TestAProducerOutlastsItsBroker(t *testing.T) {
	k := testenv.Kafka(t)
	for name, transactional := range map[string]string{"plain": "", "transactions": "producer-1"} {
		t.Run(name, func(t *testing.T) {
			topic := testenv.Name(t, "topic")
			k.CreateTopic(topic, 2)
			id := k.TopicID(topic)
			var log bytes.Buffer
			p, err := New(Config{
				Brokers: []string{k.Addr()}, Topic: topic, TopicID: id, Partitions: 2, PerSecond: 500, TransactionalID: transactional,
			}, &log)
			require.NoError(t, err)
			p.Resume()
			waitAcked(t, p, 200)
			k.Kill()
			k.Start()
			waitAcked(t, p, p.Counts().Acked+200)
			p.Pause()
			before := p.Counts().Acked

			there := read(t, k, topic, kgo.ReadCommitted())
			written := logged(t, log.Bytes(), id)
			for at, digest := range written {
				require.Equal(t, there[at], digest)
			}
			require.LessOrEqual(t, len(there)-len(written), p.Counts().Unknown, "what is not logged is known to be unknown")

			k.RecreateTopic(topic, 1)
			next := k.TopicID(topic)
			require.NoError(t, p.Recreated(next, 1))
			p.Resume()
			waitAcked(t, p, before+100)
			require.NoError(t, p.Close())
			require.Equal(t, read(t, k, topic, kgo.ReadCommitted()), logged(t, log.Bytes(), next))
		})
	}
}

func TestEveryContentComes(t *testing.T) {
	c := newContents(&Config{Seed: 1})
	combinations, nulls, empty, largest := map[string]bool{}, 0, 0, 0
	for n := range 5 * 9 * 4 * 7 {
		r := c.next(int64(n))
		combinations[fmt.Sprint(n%len(keys), n%len(values), n%len(headers), n%7 == 0)] = true
		switch {
		case r.Value == nil:
			nulls++
		case len(r.Value) == 0:
			empty++
		}
		largest = max(largest, len(r.Value))
	}
	require.Len(t, combinations, 5*9*4*2)
	require.Positive(t, nulls)
	require.Positive(t, empty)
	require.Greater(t, largest, 10_000)
	for range 100 {
		r := newContents(&Config{Seed: 2, Keyed: true}).next(1)
		require.NotEmpty(t, r.Key)
		require.NotContains(t, r.Headers, binaryName)
	}
}
