package control

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// cluster is Kafka with one topic, orders: all partitions have the same bounds, and a last stable offset below the end.
type cluster struct {
	id, cluster        string
	partitions         int32
	start, stable, end int64
	down               error
}

func (c *cluster) Topics(_ context.Context, topics []string) (record.ClusterView, error) {
	view := record.ClusterView{ClusterID: c.cluster, Topics: map[string]record.TopicView{}}
	for _, t := range topics {
		view.Topics[t] = record.TopicView{Missing: true}
		if t == "orders" {
			view.Topics[t] = record.TopicView{ID: c.id, Partitions: c.partitions}
		}
	}
	return view, c.down
}

func (c *cluster) Offsets(_ context.Context, q record.OffsetQuery, parts []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	out := map[record.TopicPartition]int64{}
	for _, p := range parts {
		switch q.At {
		case record.AtStart:
			out[p] = c.start
		case record.AtEnd:
			out[p] = c.end
		case record.AtLatest:
			out[p] = c.stable
		default:
			out[p] = q.Time.Unix()
		}
	}
	return out, c.down
}

// scene is a group that stands at 50 in each of three partitions, of logs that hold 10 to 100, the stable ones to 90.
type scene struct {
	*Control
	t       *testing.T
	store   *offsetstest.Memory
	cluster *cluster
	at      time.Time
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, store: &offsetstest.Memory{}, cluster: &cluster{"id-1", "c-1", 3, 10, 90, 100, nil}, at: time.Date(2026, 11, 29, 10, 0, 0, 0, time.UTC)}
	s.Control = New(s.store, s.cluster, "ann@host")
	s.now = func() time.Time { s.at = s.at.Add(time.Millisecond); return s.at }
	return s
}

// runs has the group as its owners leave it.
func (s *scene) runs() *scene {
	s.t.Helper()
	doc := record.Topic{Name: "orders", TopicID: "id-1", ClusterID: "c-1", Partitions: 3, Baseline: map[int32]int64{0: 20, 1: 20, 2: 20}, Start: "latest", Revision: 1, CreatedAt: s.at}
	writes := []record.Write{{Topic: &doc}}
	for n := range int32(2) { // partition 2 was never claimed
		writes = append(writes, record.Write{Entry: &record.Entry{
			TopicPartition: record.TopicPartition{Topic: "orders", Partition: n}, Offset: 50, LeaderEpoch: 3, TopicID: "id-1", Owner: "pod-1/0123456789abcdef", Epoch: 7, CommittedAt: s.at,
		}})
	}
	_, err := s.store.Write(s.t.Context(), writes)
	require.NoError(s.t, err)
	return s
}

// commits has the owner of partition 0 commit an offset.
func (s *scene) commits(offset int64) {
	s.t.Helper()
	e := s.entry(0)
	e.Offset, e.CommittedAt = offset, e.CommittedAt.Add(time.Second)
	_, err := s.store.Write(s.t.Context(), []record.Write{{Entry: &e}})
	require.NoError(s.t, err)
}

func (s *scene) entry(n int32) record.Entry {
	s.t.Helper()
	entries, err := s.store.Entries(s.t.Context(), []record.TopicPartition{{Topic: "orders", Partition: n}})
	require.NoError(s.t, err)
	return entries[0]
}

func (s *scene) doc() record.Topic {
	s.t.Helper()
	doc, err := s.store.Topic(s.t.Context(), "orders")
	require.NoError(s.t, err)
	return doc
}

// refuses requires a refusal of that code, which says something.
func (s *scene) refuses(err error, code, says string) {
	s.t.Helper()
	var r *Refusal
	require.ErrorAs(s.t, err, &r)
	require.Equal(s.t, code, r.Code, r.Error())
	require.Contains(s.t, r.Error(), says)
}
