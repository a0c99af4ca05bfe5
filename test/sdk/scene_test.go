package sdk

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// soon is the bound for everything that should happen within seconds; generous for a busy machine.
const soon = 45 * time.Second

// scene is one topic and one group on the shared servers.
type scene struct {
	t        *testing.T
	kafka    *testenv.KafkaServer
	consul   *testenv.ConsulServer
	topic    string
	group    string
	produced []*kgo.Record // as the broker acknowledged them

	sidecars []*testenv.SidecarProcess
}

func newScene(t *testing.T, partitions int32) *scene {
	t.Helper()
	s := &scene{
		t: t, kafka: testenv.SharedKafka(t), consul: testenv.SharedConsul(t),
		topic: testenv.Name(t, "topic"), group: testenv.Name(t, "group"),
	}
	s.kafka.CreateTopic(s.topic, partitions)
	return s
}

// sidecar starts one in front of the app, with short intervals, and small batches so that a test sees many; later
// options win.
func (s *scene) sidecar(app *appProcess, opts ...testenv.SidecarOption) *testenv.SidecarProcess {
	s.t.Helper()
	set := testenv.Set
	p := testenv.Sidecar(s.t, append([]testenv.SidecarOption{
		set("group", s.group), set("kafka.topics", s.topic), set("kafka.brokers", s.kafka.Addr()), set("start", "earliest"),
		set("offsets.consul.address", s.consul.Addr()), set("app.url", app.url()),
		set("kafka.session_timeout", "2s"), set("watch.interval", "1s"), set("commit.interval", "200ms"),
		set("batch.max_records", "50"), set("retry.min", "50ms"), set("retry.max", "500ms"),
	}, opts...)...)
	s.sidecars = append(s.sidecars, p)
	return p
}

// inOneBatch has the sidecar wait for n records and put them into one batch.
func inOneBatch(n int) []testenv.SidecarOption {
	return []testenv.SidecarOption{testenv.Set("batch.min_records", fmt.Sprint(n)), testenv.Set("batch.max_wait", "20s")}
}

// record is one for the scene's topic.
func (s *scene) record(partition int32, key, value string) *kgo.Record {
	return &kgo.Record{Topic: s.topic, Partition: partition, Key: []byte(key), Value: []byte(value)}
}

// produce writes the records and waits for the broker's acknowledgement, which sets their offsets.
func (s *scene) produce(records ...*kgo.Record) {
	s.t.Helper()
	s.kafka.ProduceRecords(records...)
	s.produced = append(s.produced, records...)
}

// produceValues writes one record per value to the partition.
func (s *scene) produceValues(partition int32, values ...string) {
	s.t.Helper()
	records := make([]*kgo.Record, len(values))
	for i, v := range values {
		records[i] = s.record(partition, fmt.Sprintf("key-%d", i), v)
	}
	s.produce(records...)
}

// produceNumbered writes n records round robin over the partitions.
func (s *scene) produceNumbered(partitions int32, n int) {
	s.t.Helper()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = s.record(int32(i)%partitions, fmt.Sprintf("key-%d", i), fmt.Sprintf("value-%d", i))
	}
	s.produce(records...)
}

// eventually waits for cond, but not for a sidecar that has crashed.
func (s *scene) eventually(what string, cond func() error) {
	s.t.Helper()
	testenv.Eventually(s.t, soon, what, func() error {
		for _, p := range s.sidecars {
			if err := p.Crashed(); err != nil {
				return err
			}
		}
		return cond()
	})
}

// settle waits until everything is acknowledged and checks what holds whenever nothing was frozen: all that can be
// applied was, with the content that was produced, in order, and never twice at once. It returns the app's log.
func (s *scene) settle(app *appProcess) []line {
	s.t.Helper()
	s.waitStored()
	log := app.lines()
	require.NoError(s.t, intact(s.produced, log))
	require.NoError(s.t, complete(s.produced, log))
	require.NoError(s.t, inOrder(log))
	require.NoError(s.t, noOverlap(log))
	return log
}

// waitStored waits until the store stands at the log end of every partition: everything is acknowledged.
func (s *scene) waitStored() {
	s.t.Helper()
	for partition, end := range s.kafka.EndOffsets(s.topic) {
		s.eventually(fmt.Sprintf("offset %d of partition %d in the store", end, partition), func() error {
			if at := s.stored(partition); at != end {
				return fmt.Errorf("the store has %d", at)
			}
			return nil
		})
	}
}

// stored is the offset that the store holds of the partition; 0 if none.
func (s *scene) stored(partition int32) int64 {
	s.t.Helper()
	var doc struct{ Offset int64 }
	if raw, ok := s.consul.Get(fmt.Sprintf("kafka-sidecar/%s/%s/%d", s.group, s.topic, partition)); ok {
		require.NoError(s.t, json.Unmarshal(raw, &doc))
	}
	return doc.Offset
}

// waitReason waits until the sidecar is not ready for the reason.
func (s *scene) waitReason(p *testenv.SidecarProcess, reason string) {
	s.t.Helper()
	s.eventually("reason "+reason, func() error {
		var status relay.Status
		if err := p.Status(&status); err != nil {
			return err
		}
		for _, r := range status.Reasons {
			if r.Reason == reason {
				return nil
			}
		}
		return fmt.Errorf("the reasons are %v", status.Reasons)
	})
}

// waitBatches waits until the sidecar has counted n batches of the outcome.
func (s *scene) waitBatches(p *testenv.SidecarProcess, outcome string, n float64) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%v batches %q", n, outcome), func() error {
		if got := batches(p, outcome); got < n {
			return fmt.Errorf("%v so far", got)
		}
		return nil
	})
}

// batches is how many batches of the outcome the sidecar has counted since its start.
func batches(p *testenv.SidecarProcess, outcome string) float64 {
	for metric := range strings.Lines(p.Metrics()) {
		if value, ok := strings.CutPrefix(metric, fmt.Sprintf("sidecar_batches_total{outcome=%q} ", outcome)); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(value), 64) // 0 makes the test fail
			return n
		}
	}
	return 0
}
