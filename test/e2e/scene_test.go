package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// soon is the bound for everything that should happen within seconds; generous for a busy machine.
const soon = 45 * time.Second

// scene is one topic, one group and one app, with servers that are shared unless a test breaks them.
type scene struct {
	t      *testing.T
	kafka  *testenv.KafkaServer
	consul *testenv.ConsulServer
	app    *testenv.AppServer
	topic  string
	group  string

	sidecars []*testenv.SidecarProcess
}

// newScene makes a topic of its own on the shared servers, and an app that acknowledges everything.
func newScene(t *testing.T, partitions int32) *scene {
	t.Helper()
	return sceneOn(t, testenv.SharedKafka(t), testenv.SharedConsul(t), partitions)
}

func sceneOn(t *testing.T, kafka *testenv.KafkaServer, consul *testenv.ConsulServer, partitions int32) *scene {
	t.Helper()
	s := &scene{
		t: t, kafka: kafka, consul: consul, app: testenv.App(t),
		topic: testenv.Name(t, "topic"), group: testenv.Name(t, "group"),
	}
	kafka.CreateTopic(s.topic, partitions)
	return s
}

// settings are the configuration of every sidecar of the scene: short intervals, small batches so that a test sees many.
func (s *scene) settings() []testenv.SidecarOption {
	set := testenv.Set
	return []testenv.SidecarOption{
		set("group", s.group), set("kafka.topics", s.topic), set("kafka.brokers", s.kafka.Addr()),
		set("offsets.consul.address", s.consul.Addr()), set("app.url", s.app.URL()),
		set("kafka.session_timeout", "6s"), set("watch.interval", "1s"), set("commit.interval", "200ms"),
		set("batch.max_records", "50"), set("retry.min", "50ms"), set("retry.max", "1s"),
	}
}

// sidecar starts one; later options win.
func (s *scene) sidecar(opts ...testenv.SidecarOption) *testenv.SidecarProcess {
	s.t.Helper()
	p := testenv.Sidecar(s.t, append(s.settings(), opts...)...)
	s.sidecars = append(s.sidecars, p)
	return p
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

// key is a document of the store under the scene's group and topic.
func (s *scene) key(name string) string {
	return "kafka-sidecar/" + s.group + "/" + s.topic + "/" + name
}

func (s *scene) partitionKey(partition int32) string { return s.key(fmt.Sprint(partition)) }

// stored is what the store holds of a partition.
type stored struct {
	V      int
	Offset int64
	Epoch  int64
	Owner  string
}

// storedTopic is what the store holds of the topic.
type storedTopic struct {
	Partitions int32
	Baseline   map[int32]int64
	Start      string
}

func (s *scene) storedTopic() (storedTopic, bool) {
	s.t.Helper()
	var doc storedTopic
	raw, ok := s.consul.Get(s.key("_topic"))
	if ok {
		require.NoError(s.t, json.Unmarshal(raw, &doc))
	}
	return doc, ok
}

func (s *scene) stored(partition int32) (stored, bool) {
	s.t.Helper()
	var doc stored
	raw, ok := s.consul.Get(s.partitionKey(partition))
	if ok {
		require.NoError(s.t, json.Unmarshal(raw, &doc))
	}
	return doc, ok
}

// waitStored waits until the store has the offset for the partition.
func (s *scene) waitStored(partition int32, offset int64) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("offset %d of partition %d in the store", offset, partition), func() error {
		if doc, _ := s.stored(partition); doc.Offset != offset {
			return fmt.Errorf("the store has %+v", doc)
		}
		return nil
	})
}

// waitCaughtUp waits until the store stands at the log end of every partition.
func (s *scene) waitCaughtUp() {
	s.t.Helper()
	for partition, end := range s.kafka.EndOffsets(s.topic) {
		s.waitStored(partition, end)
	}
}

// waitAcked waits until the app has acknowledged every record of the log.
func (s *scene) waitAcked(log []testenv.Produced) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%d records acknowledged", len(log)), func() error {
		return noLoss(log, s.app.Deliveries())
	})
}

// waitDelivery waits until the app has received n requests.
func (s *scene) waitDelivery(n int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%d requests at the app", n), func() error {
		if got := len(s.app.Deliveries()); got < n {
			return fmt.Errorf("%d so far", got)
		}
		return nil
	})
}

// waitStatus waits until the status is as cond wants it and returns it.
func waitStatus(t *testing.T, p *testenv.SidecarProcess, what string, cond func(relay.Status) bool) relay.Status {
	t.Helper()
	var status relay.Status
	testenv.Eventually(t, soon, what, func() error {
		if err := p.Crashed(); err != nil {
			return err
		}
		status = relay.Status{}
		if err := p.Status(&status); err != nil {
			return err
		}
		if !cond(status) {
			short, _ := json.Marshal(status) // a plain struct always encodes
			return fmt.Errorf("the status is %s", short)
		}
		return nil
	})
	return status
}

// waitReason waits until the process is not ready for the reason.
func waitReason(t *testing.T, p *testenv.SidecarProcess, reason string) {
	t.Helper()
	waitStatus(t, p, "reason "+reason, func(s relay.Status) bool {
		for _, r := range s.Reasons {
			if r.Reason == reason && r.Detail != "" {
				return true
			}
		}
		return false
	})
}

// waitBlocked waits until the partition is blocked for the reason and returns its status.
func waitBlocked(t *testing.T, p *testenv.SidecarProcess, partition int32, reason string) relay.PartitionStatus {
	t.Helper()
	var found relay.PartitionStatus
	waitStatus(t, p, fmt.Sprintf("partition %d blocked: %s", partition, reason), func(s relay.Status) bool {
		for _, found = range s.Partitions {
			if found.Partition == partition {
				return found.State == "blocked" && found.Reason == reason
			}
		}
		return false
	})
	return found
}

// waitAssigned waits until the replica holds n partitions.
func waitAssigned(t *testing.T, p *testenv.SidecarProcess, n int) {
	t.Helper()
	waitStatus(t, p, fmt.Sprintf("%d partitions assigned", n), func(s relay.Status) bool { return len(s.Partitions) == n })
}

// hold makes the app hold every request until release is called, and answer it then.
func (s *scene) hold(answer testenv.Answer) (release func()) {
	gate := make(chan struct{})
	s.app.SetAnswer(func(testenv.AppBatch) testenv.Answer {
		<-gate
		return answer
	})
	open := false
	release = func() {
		if !open {
			open = true
			close(gate)
		}
	}
	s.t.Cleanup(release)
	return release
}

// metricValue finds the value of the first series whose line starts with prefix; "" if there is none.
func metricValue(metrics, prefix string) string {
	for line := range strings.Lines(metrics) {
		if strings.HasPrefix(line, prefix) {
			fields := strings.Fields(line)
			return fields[len(fields)-1]
		}
	}
	return ""
}
