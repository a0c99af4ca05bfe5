package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/consulproxy"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/producer"
)

// What all sidecars of a world have in common.
const (
	sessionTimeout = 6 * time.Second
	storeWithin    = 2 * time.Second
	retryMax       = time.Second
	maxAttempts    = 5
)

const (
	// soon is the bound for what should happen within seconds; generous for a busy machine.
	soon = time.Minute
	// slack is what a busy machine may add to what is immediate in theory.
	slack = 1500 * time.Millisecond
	// idleFor is how long a world stands still so that the CPU of its sidecars can be measured.
	idleFor = 4 * time.Second
)

// bounds of a sidecar with a memory budget of 16 MiB.
var bounds = oracle.Bounds{Memory: 256 << 20, Goroutines: 300, Files: 150, Connections: 100, IdleCPU: 0.25}

// settings of a world. Zero values are the defaults.
type settings struct {
	kafkaNodes    int // brokers of its own, each behind a proxy: 1 or 3; 0 = the shared one, without a proxy
	consulServers int // servers of its own, with their data on disk: 1 or 3; 0 = the shared one

	sidecars   int   // each with an app of its own; default 1
	partitions int32 // default 4
	rate       int   // records per second; default 200

	start       string        // default earliest
	deadLetter  string        // dead_letter.policy; default block. With "topic" there is one
	dataLoss    string        // policy.data_loss; default block
	recreated   string        // policy.topic_recreated; default block
	appTimeout  time.Duration // default 3 s
	commitEvery time.Duration // commit.interval; default 200 ms

	kafkaOptions  []testenv.KafkaOption  // for brokers of its own
	consulOptions []testenv.ConsulOption // for servers of its own
	topicConfigs  []string               // key, value, key, value…

	produce func(*producer.Config) // changes what is produced; nil = nothing to change

	binary string                  // the sidecar's; "" = the one under test
	set    []testenv.SidecarOption // for all sidecars; later ones win

	seed    uint64 // for the report
	command string // to run it again; default go test -run of the test's name
}

func (s settings) withDefaults(t *testing.T) settings {
	s.sidecars = cmp.Or(s.sidecars, 1)
	s.partitions = cmp.Or(s.partitions, 4)
	s.rate = cmp.Or(s.rate, 200)
	s.start = cmp.Or(s.start, "earliest")
	s.deadLetter = cmp.Or(s.deadLetter, "block")
	s.dataLoss = cmp.Or(s.dataLoss, "block")
	s.recreated = cmp.Or(s.recreated, "block")
	s.appTimeout = cmp.Or(s.appTimeout, 3*time.Second)
	s.command = cmp.Or(s.command, fmt.Sprintf("go test ./test/chaos -run '^%s$'", t.Name()))
	s.commitEvery = cmp.Or(s.commitEvery, 200*time.Millisecond)
	return s
}

// brokers is what a world asks of Kafka, past its proxies: a server of testenv or a cluster.
type brokers interface {
	Client(opts ...kgo.Opt) *kgo.Client
	CreateTopic(topic string, partitions int32, configs ...string)
	AddPartitions(topic string, total int)
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
	idle           [2]oracle.Nanos // a stretch without load and faults
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
	w.topics = []oracle.Topic{{Name: w.topic}}
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
		w.consuls = testenv.ConsulServers(w.t, w.consulServers, append([]testenv.ConsulOption{testenv.ConsulOnDisk()}, w.consulOptions...)...)
		w.consul = w.consuls.Servers[0]
	}
	w.store = consulproxy.New(w.newJournal(oracle.StoreLog))
	ctx, cancel := context.WithCancel(context.Background())
	watched := make(chan error, 1)
	go func() { watched <- w.store.Watch(ctx, w.consul.Addr(), w.prefix(), "") }()
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

// entry is what the store holds of a partition.
type entry struct {
	Offset, Epoch int64
	TopicID       string
}

// entries are the keys of the partitions; nil when Consul does not answer.
func (w *world) entries() map[int32]entry {
	values, ok := w.consul.List(w.prefix() + w.topic + "/")
	if !ok {
		return nil
	}
	all := map[int32]entry{}
	for key, value := range values {
		var doc entry
		partition, err := strconv.Atoi(key[strings.LastIndexByte(key, '/')+1:])
		if err == nil && json.Unmarshal(value, &doc) == nil { // else it is the topic's document, or was edited by hand
			all[int32(partition)] = doc
		}
	}
	return all
}

// stored are the offsets in the store, by partition; nil when Consul does not answer.
func (w *world) stored() map[int32]int64 {
	offsets := map[int32]int64{}
	for partition, doc := range w.entries() {
		offsets[partition] = doc.Offset
	}
	return offsets
}

// consumed is nil when the store stands at the ends.
func (w *world) consumed(ends map[int32]int64) error {
	stored := w.stored()
	for partition, end := range ends {
		if offset, ok := stored[partition]; end > 0 && (!ok || offset < end) {
			return fmt.Errorf("partition %d is stored up to %d, its log ends at %d (stored: %v)", partition, offset, end, stored)
		}
	}
	return nil
}

// alive is an error that ends a wait when a sidecar has ended by itself.
func (w *world) alive() error {
	for _, s := range w.sidecars {
		if _, runs := s.subject(); runs && !s.proc.Running() {
			return testenv.GiveUp("%s ended by itself", s.life())
		}
	}
	return nil
}

// eventually waits for cond, but not for a sidecar that has ended by itself.
func (w *world) eventually(what string, cond func() error) {
	w.t.Helper()
	testenv.Eventually(w.t, soon, what, func() error {
		if err := w.alive(); err != nil {
			return err
		}
		return cond()
	})
}

// goesOn waits until n more records are stored as done: the world works.
func (w *world) goesOn(n int64) {
	w.t.Helper()
	begin := sum(w.stored())
	w.eventually(fmt.Sprintf("%d more records to be stored", n), func() error {
		if now := sum(w.stored()); now < begin+n {
			return fmt.Errorf("%d so far", now-begin)
		}
		return nil
	})
}

func sum(offsets map[int32]int64) (n int64) {
	for _, o := range offsets {
		n += o
	}
	return n
}

// settle stops the producer and waits until everything is stored as done and each partition has one owner. How long each fault may
// take to be recovered from is the oracle's business.
func (w *world) settle() {
	w.t.Helper()
	w.load.Pause()
	ends := w.EndOffsets(w.topic)
	testenv.Eventually(w.t, 2*recovery, "everything to be stored", func() error { return errors.Join(w.alive(), w.consumed(ends)) })
	w.eventually("one owner for each partition", w.owned)
}

// owned is nil when the sidecars that run hold each partition once.
func (w *world) owned() error {
	holders := map[int32]int{}
	for _, s := range w.sidecars {
		if !s.proc.Running() {
			continue
		}
		status, err := s.status()
		if err != nil {
			return err
		}
		for i := range status.Partitions {
			holders[status.Partitions[i].Partition]++
		}
	}
	for partition := range w.EndOffsets(w.topic) {
		if holders[partition] != 1 {
			return fmt.Errorf("partition %d has %d owners (of all: %v)", partition, holders[partition], holders)
		}
	}
	return nil
}

// standStill measures what the sidecars do when nothing is to be done.
func (w *world) standStill() {
	w.idle[0] = nanos()
	time.Sleep(idleFor)
	w.idle[1] = nanos()
}

// finish settles the world and requires that every invariant held.
func (w *world) finish() *oracle.Verdict {
	w.t.Helper()
	w.settle()
	w.standStill()
	v := w.judge()
	require.True(w.t, v.OK(), "an invariant was violated; see the report")
	return v
}

// judge collects the logs of all that happened so far, has the oracle judge it and prints its report.
func (w *world) judge() *oracle.Verdict {
	w.t.Helper()
	w.look()
	ended := nanos()
	w.readContents(0)
	w.writeEvents()
	w.writeFrame(w.frame(ended))
	run, err := oracle.Read(w.dir)
	require.NoError(w.t, err)
	v := oracle.Judge(run)
	var report strings.Builder
	require.NoError(w.t, oracle.Report(&report, run.Frame, v))
	w.t.Logf("\n%s", &report)
	return v
}

func (w *world) frame(ended oracle.Nanos) *oracle.Frame {
	return &oracle.Frame{
		Command: w.command, Seed: w.seed, Group: w.group, Began: w.began, Ended: ended,
		Start: w.settings.start, Isolation: "read_committed", DeadLetter: w.deadLetter, DataLoss: w.dataLoss, Recreated: w.recreated,
		AppTimeout: oracle.Nanos(w.appTimeout), CommitEvery: oracle.Nanos(w.commitEvery), StoreWithin: oracle.Nanos(storeWithin), Slack: oracle.Nanos(slack),
		Topics: w.topics, Bounds: bounds, IdleFrom: w.idle[0], IdleUntil: w.idle[1],
	}
}

// look waits until each sidecar that runs was looked at once more.
func (w *world) look() {
	w.t.Helper()
	for _, s := range w.sidecars {
		subject, ok := s.subject()
		if !ok {
			continue
		}
		testenv.Eventually(w.t, soon, "a look at "+subject.proc, func() error {
			sample, err := subject.look(context.Background())
			if err == nil {
				w.samples.add(sample)
			}
			return err
		})
	}
}

// writeEvents reads the events anew from the sidecars' logs.
func (w *world) writeEvents() {
	w.t.Helper()
	var all []oracle.Event
	for _, s := range w.sidecars {
		all = append(all, events(s.proc.Log(), s.lifeAt)...)
	}
	replace(w, oracle.EventLog, all)
}

// openTopic begins to read the topic's present incarnation.
func (w *world) openTopic() {
	w.committed, w.uncommitted = w.reader(w.topic, true), w.reader(w.topic, false)
}

// recreateTopic deletes the topic, of which everything was noted before, and makes it anew. The producer must be paused.
func (w *world) recreateTopic(partitions int32) {
	w.t.Helper()
	w.readContents(nanos())
	w.RecreateTopic(w.topic, partitions, w.topicConfigs...)
	require.NoError(w.t, w.load.Recreated(w.TopicID(w.topic), partitions))
	w.openTopic()
}

// readContents notes what the topics hold beyond what was noted before. deleted is when the topic is deleted, right after
// this; 0 = it is not.
func (w *world) readContents(deleted oracle.Nanos) {
	w.t.Helper()
	starts, ends := w.startOffsets(w.topic), w.EndOffsets(w.topic)
	id := w.TopicID(w.topic)
	found := map[int32]*oracle.Content{}
	for partition, end := range ends {
		found[partition] = &oracle.Content{Topic: w.topic, TopicID: id, Partition: partition, Start: starts[partition], End: end, Deleted: deleted}
	}
	w.committed.readTo(w, starts, ends, func(r *kgo.Record) { note(&found[r.Partition].Records, r) })
	w.uncommitted.readTo(w, starts, ends, func(r *kgo.Record) { noteAborted(found[r.Partition], r) })
	for _, partition := range slices.Sorted(maps.Keys(found)) {
		w.contents.add(found[partition])
	}
	if w.deadLetters != nil {
		w.deadLetters.readTo(w, nil, w.EndOffsets(w.letters), func(r *kgo.Record) { w.buried.add(w.readLetter(r)) })
	}
}

func (w *world) startOffsets(topic string) map[int32]int64 {
	w.t.Helper()
	starts := map[int32]int64{}
	testenv.Eventually(w.t, soon, "the log starts of "+topic, func() error {
		listed, err := w.admin.ListStartOffsets(context.Background(), topic)
		if err != nil {
			return err
		}
		listed.Each(func(o kadm.ListedOffset) { starts[o.Partition] = o.Offset })
		return listed.Error()
	})
	return starts
}
