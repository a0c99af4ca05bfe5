package chaos

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/consulproxy"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/producer"
)

// brokers is what a world asks of Kafka, past its proxies: a server of testenv or a cluster.
type brokers interface {
	Client(opts ...kgo.Opt) *kgo.Client
	CreateTopic(topic string, partitions int32, configs ...string)
	AddPartitions(topic string, total int)
	AlterTopic(topic string, configs ...string)
	DeleteTopic(topic string)
	RecreateTopic(topic string, partitions int32, configs ...string)
	TopicID(topic string) string
	DeleteRecords(topic string, partition int32, before int64)
	EndOffsets(topic string) map[int32]int64
	ForbidTopic(topic string)
	PermitTopic(topic string)
	ForbidGroup(group string)
	PermitGroup(group string)
	Leader(topic string, partition int32) int32
	MoveLeader(topic string, partition, to int32)
	Coordinator(group string) int32
	MoveCoordinator(group string, to int32)
}

// world is a scene of real processes, and what was logged of it: one topic, one group, sidecars with an app each, and a
// producer. Make it with newWorld, then startApps, startSidecars and startLoad, or start for all of them. finish settles it and has
// the oracle judge it. Everything is ended with the test.
//
// Its methods belong to the test's goroutine.
type world struct {
	t *testing.T
	settings
	dir string // of the logs; kept when the test fails

	topic, letters string // letters: the dead-letter topic
	group          string
	began          oracle.Nanos
	idle           [2]oracle.Nanos  // a stretch without load and faults
	stretches      []oracle.Stretch // of which nothing may grow
	topics         []oracle.Topic

	brokers
	seeds   string                // what sidecars and the producer know of Kafka
	kafka   *testenv.KafkaCluster // nil = shared
	network []*testenv.Proxy      // before each broker of kafka
	consuls *testenv.ConsulCluster
	consul  *testenv.ConsulServer // to ask: the shared one, or the first of consuls
	store   *consulproxy.Proxy

	sidecars []*sidecar
	apps     []*application
	load     *producer.Producer

	marks, injected, samples, contents, buried *journal

	admin                               *kadm.Client
	committed, uncommitted, deadLetters *topicReader // deadLetters: nil without a dead-letter topic
}

// newWorld starts servers and makes the topic; no app, no sidecar and no producer runs yet.
func newWorld(t *testing.T, s settings) *world {
	t.Helper()
	w := &world{t: t, settings: s.withDefaults(t), topic: testenv.Name(t, "topic"), group: testenv.Name(t, "group"), began: nanos()}
	w.letters = w.topic + ".dead"
	w.topics = []oracle.Topic{{Name: w.topic, Compacted: slices.Contains(w.topicConfigs, "compact")}}
	w.makeDir()
	w.startKafka()
	w.startConsul()
	w.CreateTopic(w.topic, w.partitions, w.topicConfigs...)
	w.admin = kadm.NewClient(w.Client())
	w.openTopic()
	if w.deadLetter == "topic" {
		w.CreateTopic(w.letters, 1, "message.timestamp.type", "LogAppendTime")
		w.deadLetters = w.reader(w.letters, true)
	}
	w.marks, w.injected, w.samples = w.newJournal(oracle.MarkLog), w.newJournal(oracle.FaultLog), w.newJournal(oracle.SampleLog)
	w.contents, w.buried = w.newJournal(oracle.ContentLog), w.newJournal(oracle.LetterLog)
	return w
}

// makeDir makes the folder of the logs, which outlives a test that failed.
func (w *world) makeDir() {
	w.t.Helper()
	dir, err := os.MkdirTemp("", "chaos-")
	require.NoError(w.t, err)
	w.dir = dir
	w.t.Cleanup(func() {
		if w.t.Failed() {
			w.t.Logf("the logs of the run are in %s", dir)
			return
		}
		_ = os.RemoveAll(dir) // a leftover in the temporary folder is no failure of a test
	})
}

func (w *world) startKafka() {
	w.t.Helper()
	if w.kafkaNodes == 0 {
		shared := testenv.SharedKafka(w.t)
		w.brokers, w.seeds = shared, shared.Addr()
		return
	}
	toxiproxy := testenv.Toxiproxy(w.t)
	behind := map[string]*testenv.Proxy{}
	advertise := testenv.KafkaAdvertise(func(addr string) string {
		p := toxiproxy.Proxy(addr)
		behind[p.Addr()] = p
		return p.Addr()
	})
	w.kafka = testenv.KafkaNodes(w.t, w.kafkaNodes, append([]testenv.KafkaOption{advertise}, w.kafkaOptions...)...)
	for _, n := range w.kafka.Nodes {
		w.network = append(w.network, behind[n.ClientAddr()])
	}
	w.brokers, w.seeds = w.kafka, strings.Join(w.kafka.ClientAddrs(), ",")
}

func (w *world) startConsul() {
	w.t.Helper()
	if w.consulServers == 0 {
		w.consul = testenv.SharedConsul(w.t)
	} else {
		options := append([]testenv.ConsulOption{testenv.ConsulOnDisk()}, w.consulOptions...)
		if w.consulToken != "" {
			options = append(options, testenv.ConsulACL(w.consulToken))
		}
		w.consuls = testenv.ConsulServers(w.t, w.consulServers, options...)
		w.consul = w.consuls.Servers[0]
	}
	w.store = consulproxy.New(w.newJournal(oracle.StoreLog))
	ctx, cancel := context.WithCancel(context.Background())
	watched := make(chan error, 1)
	go func() { watched <- w.store.Watch(ctx, w.consul.Addr(), w.prefix(), w.consulToken) }()
	w.t.Cleanup(func() {
		cancel()
		<-watched
		w.store.Close()
	})
}

// prefix is where the group's keys stand.
func (w *world) prefix() string { return "kafka-sidecar/" + w.group + "/" }

// start starts apps, sidecars and the producer.
func (w *world) start() {
	w.t.Helper()
	w.startApps()
	w.startSidecars()
	w.startLoad()
}

// startLoad starts the producer, which knows the brokers as the sidecars do. w.load pauses and resumes it.
func (w *world) startLoad() {
	w.t.Helper()
	cfg := producer.Config{
		Brokers: strings.Split(w.seeds, ","), Topic: w.topic, TopicID: w.TopicID(w.topic), Partitions: w.partitions, PerSecond: w.rate, Seed: w.seed,
	}
	if w.produce != nil {
		w.produce(&cfg)
	}
	load, err := producer.New(cfg, w.newJournal(oracle.ProducerLog))
	require.NoError(w.t, err)
	w.t.Cleanup(func() {
		if err := load.Close(); err != nil {
			w.t.Errorf("the producer's log: %v", err)
		}
	})
	w.load = load
	w.load.Resume()
}

// startSidecars starts the replicas, one for each app, and the looks at them.
func (w *world) startSidecars() {
	w.t.Helper()
	for i := range w.settings.sidecars {
		server := w.consul
		if w.consuls != nil {
			server = w.consuls.Servers[i%len(w.consuls.Servers)]
		}
		w.addSidecar(w.apps[i], server.Addr())
	}
	w.t.Cleanup(watch(w.samples, len(w.sidecars), func(i int) (subject, bool) { return w.sidecars[i].subject() }))
}
