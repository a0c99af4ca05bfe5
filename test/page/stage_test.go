package page

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/admin"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// hostile is a text that an app could answer with, to be shown and never run.
const hostile = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`

const (
	logStart = 100
	logEnd   = 5000
	blocked  = 7 // the partition of orders that is
)

// topics are those of the stage, a thousand partitions in all.
var topics = map[string]int32{"orders": 600, "payments": 400}

// stage is the real listener before an engine, a store and a Kafka that are played: they hold more partitions, and stranger texts, than a
// test can make for real.
type stage struct {
	store *offsetstest.Memory
	addr  string

	mu      sync.Mutex
	stop    func() // ends the listener; nil = it is not there
	member  int
	stuck   map[record.TopicPartition]string // why
	events  []relay.Event
	letters []int64
	retried []record.TopicPartition
}

func newStage(t *testing.T) *stage {
	s := &stage{store: &offsetstest.Memory{}, addr: testenv.FreeAddr(t), stuck: map[record.TopicPartition]string{}}
	now := time.Now()
	for topic, n := range topics {
		doc := record.Topic{Name: topic, TopicID: "id", ClusterID: "c", Partitions: n, Baseline: map[int32]int64{}, Revision: 1, CreatedAt: now}
		_, err := s.store.Write(t.Context(), []record.Write{{Topic: &doc}})
		require.NoError(t, err)
		for p := range n {
			e := &record.Entry{
				TopicPartition: record.TopicPartition{Topic: topic, Partition: p}, Offset: logEnd - int64(p%40)*10, TopicID: "id",
				Owner: "pod-1/0123456789abcdef", Epoch: 1764000041, CommittedAt: now,
			}
			_, err := s.store.Write(t.Context(), []record.Write{{Entry: e}})
			require.NoError(t, err)
		}
	}
	s.block(record.TopicPartition{Topic: "orders", Partition: blocked}, hostile)
	s.start(t)
	t.Cleanup(s.end)
	return s
}

func (s *stage) start(t *testing.T) {
	s.member++
	group := &admin.Groups{Store: s, Cluster: s, Own: "billing"}
	cfg := admin.Config{MetricsListen: "127.0.0.1:0", AdminListen: s.addr, Groups: group}
	operators := func(who string) admin.Operator { return control.New(s.store, s, cmp.Or(who, "admin")+"@host") }
	server := admin.New(cfg, s, operators, prometheus.NewRegistry(), "v1.2.3")
	require.NoError(t, server.Listen())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	s.stop = func() { cancel(); <-done }
}

func (s *stage) end() {
	if s.stop != nil {
		s.stop()
	}
	s.stop = nil
}

// direct lets the browser's part change the scene.
func (s *stage) direct(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /stop", func(http.ResponseWriter, *http.Request) { s.end() })
	mux.HandleFunc("POST /start", func(http.ResponseWriter, *http.Request) { s.start(t) })
	mux.HandleFunc("POST /block", func(_ http.ResponseWriter, r *http.Request) {
		var n int32
		_, err := fmt.Sscan(r.URL.Query().Get("partition"), &n)
		require.NoError(t, err)
		s.block(record.TopicPartition{Topic: "orders", Partition: n}, cmp.Or(r.URL.Query().Get("why"), hostile))
	})
	mux.HandleFunc("POST /calm", func(http.ResponseWriter, *http.Request) { s.calm() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func (s *stage) block(p record.TopicPartition, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stuck[p] = why
	s.tell("blocked", p, why)
}

// calm ends all trouble and forgets the events.
func (s *stage) calm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.stuck)
	s.events = nil
}

// tell is called with the lock held.
func (s *stage) tell(kind string, p record.TopicPartition, text string) {
	n := p.Partition
	s.events = append(s.events, relay.Event{Seq: int64(len(s.events)) + 1, Time: time.Now(), Type: kind, Topic: p.Topic, Partition: &n, Text: text})
}

func (s *stage) Status(ctx context.Context) (relay.Status, error) {
	tracked, err := s.store.Tracked(ctx)
	if err != nil {
		return relay.Status{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	status := relay.Status{
		Group: "billing", Member: fmt.Sprintf("pod-1/%06d", s.member), State: "running", Since: now,
		App:   relay.AppStatus{Up: true, URL: "http://127.0.0.1:8080/batches"},
		Kafka: relay.SystemStatus{Up: true, Since: now}, Store: relay.SystemStatus{Up: true, Kind: "consul", Since: now},
		Memory: relay.MemoryStatus{Used: 3 << 20, Max: 128 << 20},
	}
	for i := range tracked {
		t := &tracked[i]
		status.Topics = append(status.Topics, relay.TopicStatus{Topic: t.Name, Partitions: t.Partitions, Tracked: t.Partitions, Revision: t.Revision})
		for j := range t.Entries {
			status.Partitions = append(status.Partitions, s.partition(&t.Entries[j]))
		}
	}
	return status, nil
}

func (s *stage) partition(e *record.Entry) relay.PartitionStatus {
	p := relay.PartitionStatus{
		Topic: e.Topic, Partition: e.Partition, State: "idle", Committed: e.Offset, Acked: e.Offset, Fetched: logEnd, LogStart: logStart, LogEnd: logEnd,
		Lag: logEnd - e.Offset, Epoch: e.Epoch,
	}
	why, stuck := s.stuck[e.TopicPartition]
	switch {
	case e.Paused:
		p.State, p.Reason = "paused", "paused"
	case stuck:
		p.State, p.Reason, p.LastError, p.Attempt, p.LastStatus, p.OldestUnackedSeconds = "blocked", "poison", why, 5, 500, 75
	case p.Lag > 0:
		p.State, p.OldestUnackedSeconds = "inflight", 0.12
	}
	return p
}

func (s *stage) Events(_ context.Context, after int64) ([]relay.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]relay.Event{}, s.events[min(after, int64(len(s.events))):]...), nil
}

func (s *stage) Retry(_ context.Context, p record.TopicPartition) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retried = append(s.retried, p)
	delete(s.stuck, p)
	s.tell("unblocked", p, "")
	return nil
}

func (s *stage) DeadLetter(_ context.Context, p record.TopicPartition, offset int64, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, offset)
	delete(s.stuck, p)
	s.tell("dead_lettered", p, fmt.Sprintf("offset %d", offset))
	return nil
}

func (s *stage) Record(context.Context, record.TopicPartition, int64) ([]byte, error) {
	return []byte("{}"), nil
}
func (s *stage) Live() error                 { return nil }
func (s *stage) Drain(context.Context) error { return nil }

// Groups has a second group beside that of the process.
func (s *stage) Groups(ctx context.Context) ([]record.Group, error) {
	tracked, err := s.store.Tracked(ctx)
	if err != nil {
		return nil, err
	}
	return []record.Group{{Name: "billing", Topics: tracked}, {Name: hostile, Topics: tracked[:1]}}, nil
}

// Topics and Offsets are the Kafka of the stage.
func (s *stage) Topics(_ context.Context, names []string) (record.ClusterView, error) {
	view := record.ClusterView{ClusterID: "c", Topics: map[string]record.TopicView{}}
	for _, name := range names {
		view.Topics[name] = record.TopicView{Missing: topics[name] == 0, ID: "id", Partitions: topics[name]}
	}
	return view, nil
}

func (s *stage) Offsets(_ context.Context, q record.OffsetQuery, parts []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	at := map[record.TopicPartition]int64{}
	for _, p := range parts {
		at[p] = logEnd
		if q.At == record.AtStart {
			at[p] = logStart
		}
	}
	return at, nil
}
