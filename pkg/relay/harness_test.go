package relay_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// rig is an engine between fakes, under fake time. Every scenario is checked against the guarantees
// by the ledger, beside what it asks for itself.
type rig struct {
	testing.TB
	cfg     relay.Config
	store   *offsetstest.Memory
	kafka   *kafka
	reader  *reader
	chunk   int    // most records of a partition in one poll
	parts   int    // most partitions in one poll; 0 = all
	group   *group // nil: without a group
	app     *app
	letters *letters
	reg     *prometheus.Registry
	logs    *logBuffer
	ledger  *ledger
	order   *order

	engine *relay.Engine
	stop   context.CancelFunc // ends the engine's Run as SIGTERM does
	ended  chan error
	quit   context.CancelFunc // ends the reader
}

// scenario plays in a bubble: topic orders with one empty partition, start earliest, one member group.
func scenario(t *testing.T, play func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { playIn(t, play) })
}

func playIn(t testing.TB, play func(r *rig)) {
	r := &rig{TB: t, cfg: relay.DefaultConfig(), store: &offsetstest.Memory{}, kafka: newKafka(), letters: &letters{}, logs: &logBuffer{}, order: &order{}, chunk: 50}
	r.cfg.Group, r.cfg.Topics, r.cfg.HostName = "billing", []string{"orders"}, "pod-1"
	r.cfg.Start.Policy = "earliest"
	r.cfg.Log = zerolog.New(r.logs)
	r.kafka.topic("orders", "id-1", 1)
	r.ledger = newLedger(r)
	r.group = &group{}
	r.app = &app{began: time.Now(), fail: r.Errorf, check: r.ledger.delivered, done: r.ledger.answered}
	r.letters.onWrite = r.ledger.buried
	r.kafka.note = r.order.note
	defer func() {
		if r.Failed() {
			r.Log(r.logs.String())
		}
	}()
	play(r)
	if r.engine != nil {
		_ = r.end()
	}
}

// start runs an engine; again after stop or crash, it is the next process.
func (r *rig) start() {
	r.reader = &reader{kafka: r.kafka, chunk: r.chunk, parts: r.parts, fail: r.Errorf, reads: map[record.TopicPartition]*reading{}}
	r.reg = prometheus.NewRegistry()
	r.app.busy, r.app.flying = map[int]bool{}, map[record.TopicPartition]bool{}
	deps := relay.Deps{Store: &witness{r.store, r.ledger, r.order}, Cluster: r.kafka, Reader: r.reader, App: r.app, DeadLetters: r.letters, Metrics: r.reg}
	if r.group != nil {
		r.group = &group{
			kafka: r.kafka, topics: r.cfg.Topics, manual: r.group.manual, refuse: r.group.refuse, note: r.order.note,
			calls: make(chan func(record.GroupEvents), 8), mine: map[record.TopicPartition]bool{},
		}
		deps.Group = r.group
	}
	r.engine = relay.New(r.cfg, deps)
	ctx, stop := context.WithCancel(context.Background())
	reading, quit := context.WithCancel(context.Background())
	r.stop, r.quit, r.ended = stop, quit, make(chan error, 1)
	engine, rd, ended := r.engine, r.reader, r.ended
	go func() { ended <- engine.Run(ctx) }()
	go rd.run(reading, engine.Feed)
}

// run is start, and a second for the first commits.
func (r *rig) run() {
	r.Helper()
	r.start()
	r.pass(2 * time.Second)
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// end is SIGTERM; it returns what Run returned.
func (r *rig) end() error {
	r.Helper()
	r.stop()
	return r.wait()
}

// endWell is SIGTERM with the final commit durable.
func (r *rig) endWell() {
	r.Helper()
	if err := r.end(); err != nil {
		r.Errorf("Run returned %v", err)
	}
}

// crash ends the engine without a last commit.
func (r *rig) crash() {
	r.Helper()
	r.engine.Abort()
	_ = r.wait()
}

// wait waits for Run and checks that everything was given back.
func (r *rig) wait() error {
	r.Helper()
	var err error
	select {
	case err = <-r.ended:
	case <-time.After(5 * time.Minute):
		r.Fatal("Run does not return")
	}
	r.quit()
	r.stop()
	r.pass(2 * time.Millisecond) // the reader's last poll
	r.engine = nil
	r.reader.mu.Lock()
	defer r.reader.mu.Unlock()
	if r.reader.unpaid != 0 && !errors.Is(err, relay.ErrAborted) { // aborted: the process is over
		r.Errorf("%d chunks were never released", r.reader.unpaid)
	}
	return err
}

// sent lists the attempts so far.
func (r *rig) sent() []string {
	r.app.mu.Lock()
	defer r.app.mu.Unlock()
	out := []string{}
	for _, a := range r.app.attempts {
		out = append(out, a.String())
	}
	return out
}

// attempts are those from the nth on.
func (r *rig) attempts(from int) []attempt {
	r.app.mu.Lock()
	defer r.app.mu.Unlock()
	return slices.Clone(r.app.attempts[min(from, len(r.app.attempts)):])
}

func (r *rig) wantSent(want ...string) {
	r.Helper()
	if got := r.sent(); !slices.Equal(got, want) {
		r.Errorf("sent\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// stored is the document of a partition or topic ("orders/_topic"); nil if absent.
func (r *rig) stored(name string) map[string]any {
	value, index := r.store.Get(name)
	if index == 0 {
		return nil
	}
	var doc map[string]any
	if err := json.Unmarshal([]byte(value), &doc); err != nil {
		r.Fatal(err)
	}
	return doc
}

// committed is the offset in the store; -1 = no key.
func (r *rig) committed(name string) int64 {
	doc := r.stored(name)
	if doc == nil {
		return -1
	}
	return int64(doc["offset"].(float64))
}

func (r *rig) wantCommitted(name string, want int64) {
	r.Helper()
	if got := r.committed(name); got != want {
		r.Errorf("%s: committed %d, want %d", name, got, want)
	}
}

// entry writes a partition's key by hand, as an operator or another replica would.
func (r *rig) entry(name string, offset int64, owner string, more string) {
	r.store.Put(name, fmt.Sprintf(`{"v":1,"offset":%d,"leaderEpoch":-1,"topicId":"id-1","owner":%q,"epoch":5000000000,"committedAt":"2026-01-01T00:00:00Z"%s}`, offset, owner, more))
}

func (r *rig) status() relay.Status {
	r.Helper()
	s, err := r.engine.Status(context.Background())
	if err != nil {
		r.Fatal(err)
	}
	return s
}

func (r *rig) part(name string) relay.PartitionStatus {
	r.Helper()
	s := r.status()
	for _, p := range s.Partitions {
		if p.Topic == tp(name).Topic && p.Partition == tp(name).Partition {
			return p
		}
	}
	r.Errorf("%s is not assigned", name)
	return relay.PartitionStatus{}
}

// wantState checks "blocked poison", or "idle".
func (r *rig) wantState(name, want string) {
	r.Helper()
	p := r.part(name)
	if got := strings.TrimSpace(p.State + " " + p.Reason); got != want {
		r.Errorf("%s: state %q, want %q (last error %q)", name, got, want, p.LastError)
	}
}

// wantReasons checks why the process is not ready; none = ready.
func (r *rig) wantReasons(want ...string) {
	r.Helper()
	got := []string{}
	for _, x := range r.status().Reasons {
		got = append(got, x.Reason)
	}
	if !slices.Equal(got, want) {
		r.Errorf("not ready because of %v, want %v", got, want)
	}
}

// metric sums the series of a metric that carry all these label values.
func (r *rig) metric(name string, labels ...string) float64 {
	r.Helper()
	sum := 0.0
	for _, s := range r.series(name) {
		has := true
		for _, l := range labels {
			has = has && slices.Contains(s.labels, l)
		}
		if has {
			sum += s.value
		}
	}
	return sum
}

type series struct {
	labels []string
	value  float64
}

func (r *rig) series(name string) []series {
	r.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		r.Fatal(err)
	}
	var out []series
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			s := series{value: m.GetCounter().GetValue() + m.GetGauge().GetValue()}
			for _, l := range m.GetLabel() {
				s.labels = append(s.labels, l.GetValue())
			}
			out = append(out, s)
		}
	}
	return out
}

// order notes in which order the outside was asked.
type order struct {
	mu    sync.Mutex
	steps []string
}

func (o *order) note(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.steps = append(o.steps, what)
}

func (o *order) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.steps, " ")
}

// witness shows the ledger what is written to the store.
type witness struct {
	*offsetstest.Memory
	ledger *ledger
	order  *order
}

func (w *witness) Topic(ctx context.Context, topic string) (record.Topic, error) {
	w.order.note("topic")
	return w.Memory.Topic(ctx, topic)
}

func (w *witness) Entries(ctx context.Context, parts []record.TopicPartition) ([]record.Entry, error) {
	w.order.note("read")
	return w.Memory.Entries(ctx, parts)
}

func (w *witness) Write(ctx context.Context, writes []record.Write) ([]uint64, error) {
	for _, x := range writes {
		if x.Entry != nil {
			w.ledger.commits(*x.Entry)
		}
	}
	w.order.note("cas")
	indexes, err := w.Memory.Write(ctx, writes)
	for _, x := range writes {
		if x.Entry != nil && err == nil {
			w.ledger.begins(*x.Entry)
		}
	}
	return indexes, err
}

// logBuffer keeps the log.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Reset()
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// ledger holds what every scenario must keep to: records are delivered in order and none is passed
// over, a batch is well formed, and no offset is written that the app's answers do not cover.
type ledger struct {
	r    *rig
	off  bool // the scenario loses records on purpose
	mu   sync.Mutex
	done map[record.TopicPartition]map[int64]bool // acknowledged, or durable as a dead letter
	from map[record.TopicPartition]int64          // where the partition began

	fence map[record.TopicPartition]int64 // the newest seen
}

func newLedger(r *rig) *ledger {
	return &ledger{r: r, done: map[record.TopicPartition]map[int64]bool{}, from: map[record.TopicPartition]int64{}, fence: map[record.TopicPartition]int64{}}
}

func (l *ledger) settle(p record.TopicPartition, offset int64) {
	if l.done[p] == nil {
		l.done[p] = map[int64]bool{}
	}
	l.done[p][offset] = true
}

// open is the first record in [from, until) of the log that is not settled; -1 if there is none.
func (l *ledger) open(p record.TopicPartition, from, until int64) int64 {
	l.r.kafka.mu.Lock()
	defer l.r.kafka.mu.Unlock()
	if log := l.r.kafka.find(p); log != nil {
		for i := range log.records {
			if o := log.records[i].Offset; o >= from && o < until && !l.done[p][o] {
				return o
			}
		}
	}
	return -1
}

// commits checks an offset that is to be written.
func (l *ledger) commits(e record.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from, ok := l.from[e.TopicPartition]
	if !ok {
		return
	}
	if o := l.open(e.TopicPartition, from, e.Offset); o >= 0 && !l.off {
		l.r.Errorf("%s: offset %d is committed though %d is not acknowledged", e.TopicPartition, e.Offset, o)
	}
}

// begins notes where a partition begins: with the first key written for it.
func (l *ledger) begins(e record.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.from[e.TopicPartition]; !ok {
		l.from[e.TopicPartition] = e.Offset
	}
}

// delivered checks a batch.
func (l *ledger) delivered(a attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range a.parts {
		p := &a.parts[i]
		if i > 0 && a.parts[i-1].Compare(p.TopicPartition) >= 0 {
			l.r.Errorf("%s: parts are not sorted", a)
		}
		if len(p.Records) == 0 || p.Records[0].Offset < p.From || p.Records[len(p.Records)-1].Offset+1 != p.Until || p.Fence <= 0 {
			l.r.Errorf("%s: part %s is malformed", a, p.TopicPartition)
			continue
		}
		if l.off {
			continue
		}
		from, ok := l.from[p.TopicPartition]
		if !ok {
			l.r.Errorf("%s: %s is delivered before its key is written", a, p.TopicPartition)
		}
		if p.Fence < l.fence[p.TopicPartition] {
			l.r.Errorf("%s: the fence went down to %d", a, p.Fence)
		}
		l.fence[p.TopicPartition] = p.Fence
		if o := l.open(p.TopicPartition, from, p.From); o >= 0 {
			l.r.Errorf("%s: delivered though %d is not acknowledged", a, o)
		}
		l.whole(a, p)
	}
}

// whole: a part holds every record of the log in its range.
func (l *ledger) whole(a attempt, p *record.Part) {
	held := map[int64]bool{}
	for i := range p.Records {
		held[p.Records[i].Offset] = true
		if i > 0 && p.Records[i].Offset <= p.Records[i-1].Offset {
			l.r.Errorf("%s: records do not ascend", a)
		}
	}
	l.r.kafka.mu.Lock()
	defer l.r.kafka.mu.Unlock()
	log := l.r.kafka.find(p.TopicPartition)
	for i := range log.records {
		if o := log.records[i].Offset; o >= p.From && o < p.Until && !held[o] {
			l.r.Errorf("%s: record %d is passed over", a, o)
		}
	}
}

// answered settles what the app acknowledged.
func (l *ledger) answered(a attempt, o record.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.Kind != record.Acked {
		return
	}
	for _, p := range a.parts {
		until := p.Until
		rejected := map[int64]bool{}
		for _, f := range o.Failures {
			switch {
			case f.TopicPartition != p.TopicPartition:
			case f.Action == record.Retry:
				until = min(until, f.Offset)
			case l.r.cfg.DeadLetterPolicy != "drop":
				rejected[f.Offset] = true
			}
		}
		for i := range p.Records {
			if x := p.Records[i].Offset; x < until && !rejected[x] {
				l.settle(p.TopicPartition, x)
			}
		}
	}
}

// buried settles a durable dead letter.
func (l *ledger) buried(d record.DeadLetter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.HasPrefix(d.Value, []byte("#")) {
		l.r.Errorf("a dead letter holds memory that was released")
	}
	n, _ := strconv.ParseInt(header(d, "sidecar-offset"), 10, 64)
	l.settle(tp(header(d, "sidecar-topic")+"/"+header(d, "sidecar-partition")), n)
}
