package fetch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func newCluster(t *testing.T, cfg fetch.Config) *fetch.Cluster {
	t.Helper()
	c, err := fetch.NewCluster(cfg)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func offsets(t *testing.T, c *fetch.Cluster, at record.OffsetAt, parts ...record.TopicPartition) map[record.TopicPartition]int64 {
	t.Helper()
	got, err := c.Offsets(t.Context(), record.OffsetQuery{At: at}, parts)
	require.NoError(t, err)
	return got
}

func TestTopicsAreNotCached(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	c := newCluster(t, cfg)
	gone := testenv.Name(t, "gone")
	view, err := c.Topics(t.Context(), []string{topic, gone, topic})
	require.NoError(t, err)
	require.Len(t, view.ClusterID, 22)
	require.Len(t, view.Topics, 2)
	require.Equal(t, int32(2), view.Topics[topic].Partitions)
	require.Len(t, view.Topics[topic].ID, 22)
	require.Empty(t, view.Topics[topic].Leaderless)
	require.Equal(t, record.TopicView{Missing: true}, view.Topics[gone])

	kafka.AddPartitions(topic, 3)
	kafka.CreateTopic(gone, 1)
	again, err := c.Topics(t.Context(), []string{topic, gone})
	require.NoError(t, err)
	require.Equal(t, int32(3), again.Topics[topic].Partitions)
	require.Equal(t, view.Topics[topic].ID, again.Topics[topic].ID)
	require.False(t, again.Topics[gone].Missing)

	kafka.DeleteTopic(topic)
	kafka.CreateTopic(topic, 1)
	again, err = c.Topics(t.Context(), []string{topic})
	require.NoError(t, err)
	require.NotEqual(t, view.Topics[topic].ID, again.Topics[topic].ID)
	require.Equal(t, int32(1), again.Topics[topic].Partitions)
}

func TestOffsetsAtStartAndEnd(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	kafka.Produce(topic, 1, 10, "a")
	kafka.DeleteRecords(topic, 0, 4)
	c := newCluster(t, cfg)
	p0, p1 := tp(topic, 0), tp(topic, 1)
	require.Equal(t, map[record.TopicPartition]int64{p0: 4, p1: 0}, offsets(t, c, record.AtStart, p0, p1))
	require.Equal(t, map[record.TopicPartition]int64{p0: 10, p1: 0}, offsets(t, c, record.AtEnd, p0, p1))

	// A partition added a moment ago is asked for too.
	kafka.AddPartitions(topic, 3)
	require.Equal(t, map[record.TopicPartition]int64{tp(topic, 2): 0}, offsets(t, c, record.AtStart, tp(topic, 2)))
}

func TestOffsetsFailAsAWhole(t *testing.T) {
	_, cfg, topic := scene(t, 1)
	c := newCluster(t, cfg)
	for _, at := range []record.OffsetAt{record.AtStart, record.AtEnd, record.AtLatest, record.AtTime} {
		_, err := c.Offsets(t.Context(), record.OffsetQuery{At: at, Time: time.Now()}, []record.TopicPartition{tp(topic, 0), tp(topic, 7)})
		require.ErrorContains(t, err, topic+"/7")
	}
}

func TestLatestUnderAnOpenTransaction(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	kafka.Produce(topic, 1, 2, "a")
	cl := kafka.Client(kgo.TransactionalID(testenv.Name(t, "tx")))
	require.NoError(t, cl.BeginTransaction())
	require.NoError(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("open")}).FirstErr())
	c := newCluster(t, cfg)
	p := tp(topic, 0)
	require.Equal(t, int64(2), offsets(t, c, record.AtLatest, p)[p])
	require.Equal(t, int64(3), offsets(t, c, record.AtEnd, p)[p])
	bounds, err := c.Bounds(t.Context(), map[record.TopicPartition]record.Position{p: from(3)})
	require.NoError(t, err)
	require.Equal(t, record.Bounds{Start: 0, End: 3, Diverged: -1}, bounds[p])

	cfg.IsolationLevel = "read_uncommitted"
	u := newCluster(t, cfg)
	require.Equal(t, int64(3), offsets(t, u, record.AtLatest, p)[p])
	require.NoError(t, cl.EndTransaction(t.Context(), kgo.TryCommit))
	testenv.Eventually(t, within, "the transaction's marker", func() error {
		if latest := offsets(t, c, record.AtLatest, p)[p]; latest != 4 {
			return fmt.Errorf("latest is %d", latest)
		}
		return nil
	})
}

func TestOffsetsAtATime(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	at := time.UnixMilli(1732430000000)
	kafka.ProduceRecords(
		&kgo.Record{Topic: topic, Value: []byte("a"), Timestamp: at},
		&kgo.Record{Topic: topic, Value: []byte("b"), Timestamp: at.Add(time.Minute)},
	)
	c := newCluster(t, cfg)
	got, err := c.Offsets(t.Context(), record.OffsetQuery{At: record.AtTime, Time: at.Add(time.Second)}, []record.TopicPartition{tp(topic, 0), tp(topic, 1)})
	require.NoError(t, err)
	require.Equal(t, map[record.TopicPartition]int64{tp(topic, 0): 1, tp(topic, 1): 0}, got)
	got, err = c.Offsets(t.Context(), record.OffsetQuery{At: record.AtTime, Time: at.Add(time.Hour)}, []record.TopicPartition{tp(topic, 0)})
	require.NoError(t, err)
	require.Equal(t, int64(2), got[tp(topic, 0)])
}

func TestOffsetsCommitted(t *testing.T) {
	_, cfg, topic := scene(t, 2)
	c := newCluster(t, cfg)
	p0, p1 := tp(topic, 0), tp(topic, 1)
	testenv.Eventually(t, within, "the group's coordinator", func() error { // the broker's first group creates a topic
		got, err := c.Offsets(t.Context(), record.OffsetQuery{At: record.AtCommitted}, []record.TopicPartition{p0, p1})
		if err == nil {
			require.Equal(t, map[record.TopicPartition]int64{p0: -1, p1: -1}, got)
		}
		return err
	})
	m := join(t, cfg)
	waitFor(t, 2, 2, m)
	require.NoError(t, commit(t, m, map[record.TopicPartition]record.Position{p1: from(6)}))
	require.Equal(t, map[record.TopicPartition]int64{p0: -1, p1: 6}, offsets(t, c, record.AtCommitted, p0, p1))
}

func TestBounds(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	kafka.Produce(topic, 1, 10, "a")
	kafka.DeleteRecords(topic, 0, 4)
	c := newCluster(t, cfg)
	p := tp(topic, 0)
	for _, tc := range []struct {
		at   record.Position
		want record.Bounds
	}{
		{from(2), record.Bounds{Start: 4, End: 10, Diverged: -1}},
		{record.Position{Offset: 8, LeaderEpoch: 0}, record.Bounds{Start: 4, End: 10, Diverged: -1}},
		{record.Position{Offset: 10, LeaderEpoch: 0}, record.Bounds{Start: 4, End: 10, Diverged: -1}},
		{record.Position{Offset: 12, LeaderEpoch: 0}, record.Bounds{Start: 4, End: 10, Diverged: 10}},
	} {
		got, err := c.Bounds(t.Context(), map[record.TopicPartition]record.Position{p: tc.at})
		require.NoError(t, err)
		require.Equal(t, map[record.TopicPartition]record.Bounds{p: tc.want}, got)
	}
	got, err := c.Bounds(t.Context(), map[record.TopicPartition]record.Position{p: from(5), tp(topic, 9): from(5)})
	require.NoError(t, err, "one partition that can't be asked does not spoil the others")
	require.NoError(t, got[p].Err)
	require.Error(t, got[tp(topic, 9)].Err)
}

func TestUnreachableBrokers(t *testing.T) {
	c := newCluster(t, config(t, "127.0.0.1:1", "g", "orders"))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := c.Topics(ctx, []string{"orders"})
	require.ErrorContains(t, err, "connection refused")
	require.NoError(t, ctx.Err())
	findings := c.Check(ctx, nil)
	require.Len(t, findings, 1)
	require.False(t, findings[0].OK)
	require.Contains(t, findings[0].Detail, "connection refused")
}

func TestCheck(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	dead, missing := testenv.Name(t, "dead"), testenv.Name(t, "missing")
	kafka.CreateTopic(dead, 1)
	cfg.Topics = []string{topic, missing}
	found := map[string]record.Finding{}
	for _, f := range newCluster(t, cfg).Check(t.Context(), []string{dead, missing + "-dead"}) {
		found[f.Name] = f
	}
	require.Len(t, found, 6)
	require.True(t, found["broker 1"].OK, "%+v", found)
	require.True(t, found["topic "+topic].OK, "%+v", found)
	require.True(t, found["group "+cfg.Group].OK, "%+v", found)
	require.True(t, found["dead-letter topic "+dead].OK, "%+v", found)
	for _, name := range []string{"topic " + missing, "dead-letter topic " + missing + "-dead"} {
		require.False(t, found[name].OK)
		require.Equal(t, "does not exist", found[name].Detail)
		require.NotEmpty(t, found[name].Hint)
	}
	require.Empty(t, kafka.GroupOffsets(cfg.Group, topic))
}
