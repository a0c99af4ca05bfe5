package relay_test

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// An outage lasts two hours and is looked at every ten minutes, while records keep being produced.
const (
	outageLooks    = 12
	outageLookEach = 10 * time.Minute
	outageLasts    = outageLooks * outageLookEach
)

// What the scenarios set, and what the bounds are made of.
const (
	outagePartitions = 4
	outageRecords    = 20  // in a batch at most
	outageSize       = 100 // bytes of a record's value
	outagePending    = 200
	outageBudget     = 100_000
	appTimeout       = 15 * time.Second
	longestProbe     = 5 * time.Second       // of the app and of the store, by the contract
	portTakes        = 50 * time.Millisecond // each call of app and store, or without a back-off time would stand still

	// The fakes' share of the heap grows by the records that are produced between the first look and the last: some 60 to 90 KiB.
	// 100 bytes that are kept per attempt, of which there are up to 1,900, are seen.
	outageHeap = 160 << 10
)

// outage is a way in which the outside fails for hours.
type outage struct {
	begin, end func(o *watch)
	most       calls         // while it lasts; what is not named here is not called
	lines      int           // most lines of the log, from begin to the end of everything; debug is off in production
	says       string        // the status while it lasts, as summary writes it
	saysFrom   time.Duration // until then it is not asked; 0 = from the first look on
	longest    time.Duration // longest wait that an end of the outage does not cut short; 0 = retry.max
}

// calls counts what reaches each port, of the store beside the look of each watch interval.
type calls struct{ attempts, probes, store, brokers int }

// waits is how many waits with full jitter from retry.min to most fit into the outage: on average they last half of both, the first ten
// or so are shorter. The number is a sum of hundreds of independent draws, so half as many again is out of reach of chance (its
// standard deviation is 1/√(3n) of it: 19 of them away for the 477 waits of up to 30 s), while a back-off that is lost exceeds it at once.
func waits(most time.Duration, took ...time.Duration) int {
	each := (relay.DefaultConfig().RetryMin + most) / 2
	for _, d := range took {
		each += d
	}
	return 10 + 3*every(each)/2
}

// every is how often something happens that comes once in d.
func every(d time.Duration) int { return int(outageLasts/d) + 1 }

var (
	retryMax   = relay.DefaultConfig().RetryMax
	looking    = every(relay.DefaultConfig().WatchInterval) // of the watch: it asks for the topics, then for the bounds
	storeLimit = relay.DefaultConfig().StoreTimeout
)

// The app is away: it is probed, nothing is sent.
func TestOutageAppRefuses(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) { o.appRefuses() },
		end:   func(o *watch) { o.appWell() },
		most:  calls{attempts: 1, probes: waits(longestProbe), brokers: 2 * looking},
		says:  "[app_down] partitions [] app- store+ kafka+",
		lines: 2,
	})
}

// The app's ready_url answers though its port refuses every request: each probe that succeeds costs one attempt.
func TestOutageAppRefusesThoughReady(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) { o.app.says(status(record.Down, "connection")) },
		end:   func(o *watch) { o.appWell() },
		most:  calls{attempts: waits(longestProbe), probes: waits(longestProbe), brokers: 2 * looking},
		says:  "[app_down] partitions [] app- store+ kafka+",
		lines: 4, // down, up, refusing though it is, up
	})
}

// The app is busy: every partition's batch waits for itself, as long as retry.max at most.
func TestOutageAppBusy(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) { o.app.says(status(record.Busy, "503")) },
		end:   func(o *watch) { o.appWell() },
		most:  calls{attempts: outagePartitions * waits(retryMax), brokers: 2 * looking},
		says:  "[app_busy] partitions [] app+ store+ kafka+",
		lines: 0,
	})
}

// The app is busy and says for how long.
func TestOutageAppBusyRetryAfter(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) {
			o.app.says(record.Outcome{Kind: record.Busy, Status: "503", RetryAfter: time.Minute})
		},
		end:     func(o *watch) { o.appWell() },
		most:    calls{attempts: outagePartitions * every(time.Minute), brokers: 2 * looking},
		says:    "[app_busy] partitions [] app+ store+ kafka+",
		longest: time.Minute,
		lines:   0,
	})
}

// failedAttempts is how often a partition is tried whose records all fail: at most max_attempts times as it is, once per
// halving, max_attempts times alone, then at the longest back-off, which has no jitter.
func failedAttempts() int {
	tries := relay.DefaultConfig().MaxAttempts
	return tries + bits.Len(outageRecords) + tries + every(retryMax)
}

// The app answers 500 to everything: no record is condemned.
func TestOutageAppFails(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) { o.app.says(status(record.Failed, "500")) },
		end:   func(o *watch) { o.appWell() },
		most:  calls{attempts: outagePartitions * failedAttempts(), brokers: 2 * looking},
		says:  "[app_failing] partitions [app_failing] app+ store+ kafka+",
		lines: 3 * outagePartitions, // it is looked for the record at fault; nothing is; it goes on
	})
}

// The app hangs: attempts follow one another in the one lane, each as long as the time-out. Until a lone record has failed max_attempts
// times nothing is said to be failing but the partitions' last errors.
func TestOutageAppHangs(t *testing.T) {
	outlast(t, outage{
		begin:    func(o *watch) { o.app.answers(after(appTimeout, status(record.Failed, "timeout"))) },
		end:      func(o *watch) { o.appWell() },
		most:     calls{attempts: every(appTimeout), brokers: 2 * looking},
		says:     "[app_failing] partitions [app_failing] app+ store+ kafka+",
		saysFrom: time.Hour,
		lines:    3 * outagePartitions,
	})
}

// The app is set up wrongly, and its answers differ in what they say.
func TestOutageAppSetup(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) {
			o.app.answers(func(_ context.Context, a attempt) record.Outcome {
				return record.Outcome{Kind: record.Setup, Status: "404", Detail: fmt.Sprintf("POST answered 404: no such page, request %d", a.at)}
			})
		},
		end:   func(o *watch) { o.appWell() },
		most:  calls{attempts: outagePartitions * waits(retryMax), brokers: 2 * looking},
		says:  "[app_setup] partitions [] app+ store+ kafka+",
		lines: 1,
	})
}

// storeLines: the store is away and up again, the document that could not be written for the added partition and was, its rebalance and claim.
const storeLines = 6

// delivered is how many attempts the app gets while the store takes nothing: what commit.max_pending allows, in batches that may each
// hold a single record, and one more that was under way.
const delivered = outagePending + 1

// The store answers errors: delivery goes on up to commit.max_pending. Partitions that are added meanwhile wait for it too.
func TestOutageStoreFails(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) {
			o.storeDoes(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
			o.addPartition()
		},
		end:   func(o *watch) { o.storeDoes(nil) },
		most:  calls{attempts: delivered, store: waits(longestProbe) + looking, brokers: 2 * looking},
		says:  "[] partitions [] app+ store- kafka+",
		lines: storeLines,
	})
}

// The store hangs, reading and writing: a write is read back at once, and then every try is a read that takes as long as its deadline.
func TestOutageStoreHangs(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) { o.storeDoes(o.storeHangs); o.addPartition() },
		end:   func(o *watch) { o.storeDoes(nil) },
		most:  calls{attempts: delivered, store: 1 + waits(longestProbe, storeLimit) + looking, brokers: 2 * looking},
		says:  "[] partitions [] app+ store- kafka+",
		lines: storeLines,
	})
}

// The store can be read but does not answer writes in time: each is read back, then tried again after a wait.
func TestOutageStoreHangsOnWrites(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) {
			o.storeDoes(func(ctx context.Context, op offsetstest.Op) error {
				if len(op.Write) == 0 {
					return nil
				}
				return o.storeHangs(ctx, op)
			})
			o.addPartition()
		},
		end:   func(o *watch) { o.storeDoes(nil) },
		most:  calls{attempts: delivered, store: 2*waits(longestProbe, storeLimit) + 2*looking, brokers: 2 * looking},
		says:  "[] partitions [] app+ store- kafka+",
		lines: storeLines,
	})
}

// claimLines: the brokers are away and up again; of the partition whose reading stopped that it did, that its claim does not
// succeed, and that it is claimed.
const claimLines = 5

// The brokers refuse connections, and the reading of a partition has broken off: its claim is tried until they are back.
func TestOutageBrokersRefuse(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) {
			o.readingBreaks("orders/0")
			o.kafka.edit(func() { o.kafka.down = errors.New("connection refused") })
		},
		end:   func(o *watch) { o.kafka.edit(func() { o.kafka.down = nil }) },
		most:  calls{store: waits(retryMax), brokers: looking + waits(retryMax)},
		says:  "[] partitions [] app+ store+ kafka-",
		lines: claimLines,
	})
}

// The brokers do not answer.
func TestOutageBrokersHang(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) {
			o.readingBreaks("orders/0")
			o.kafka.edit(func() { o.kafka.silent = true })
		},
		end:   func(o *watch) { o.kafka.edit(func() { o.kafka.silent = false }) },
		most:  calls{store: waits(retryMax), brokers: looking + waits(retryMax)},
		says:  "[] partitions [] app+ store+ kafka-",
		lines: claimLines,
	})
}

// Everything is away: the claim waits for the store already.
func TestOutageOfEverything(t *testing.T) {
	outlast(t, outage{
		begin: func(o *watch) {
			o.appRefuses()
			o.produce(1)
			o.readingBreaks("orders/0")
			o.storeDoes(o.storeHangs)
			o.kafka.edit(func() { o.kafka.silent = true })
		},
		end: func(o *watch) {
			o.appWell()
			o.storeDoes(nil)
			o.kafka.edit(func() { o.kafka.silent = false })
		},
		most: calls{attempts: 1, probes: waits(longestProbe), store: waits(retryMax), brokers: looking},
		says: "[app_down] partitions [] app- store- kafka-",
		// And the app and the store, away and up again; the store once more, when a call that hung fails after another one was answered.
		lines: claimLines + 6,
	})
}

// watch looks at an engine during an outage.
type watch struct {
	*rig
	produced int
	names    []string // partitions that are produced to

	attempts, stored, acked atomic.Int64 // attempts and store calls; records that were acknowledged
	underWay                atomic.Int64 // store calls that have not returned
	before                  calls
	lines                   int // of the log
	first                   look
}

// look is what must not grow.
type look struct {
	goroutines int
	heap       int64
}

// outlast plays an outage and checks what holds in each: nothing spins and nothing grows while it lasts, and all is
// delivered once and committed soon after it.
func outlast(t *testing.T, x outage) {
	t.Helper()
	scenario(t, func(r *rig) {
		o := newWatch(r)
		r.run()
		o.before = o.calls()
		r.logs.reset()
		x.begin(o)
		o.produce(500) // twice the budget
		for n := 1; n <= outageLooks; n++ {
			for range 10 {
				r.pass(outageLookEach / 10)
				o.produce(1)
			}
			if !o.look(n, x) {
				return
			}
		}
		x.end(o)
		o.healed(x)
	})
}

func newWatch(r *rig) *watch {
	o := &watch{rig: r}
	r.kafka.topic("orders", "id-1", outagePartitions)
	for i := range outagePartitions {
		o.names = append(o.names, fmt.Sprintf("orders/%d", i))
	}
	r.cfg.MaxRecords, r.cfg.MaxBytes = outageRecords, 4000
	r.cfg.MemoryMaxBytes, r.cfg.CommitMaxPending = outageBudget, outagePending
	r.cfg.Log = r.cfg.Log.Level(zerolog.InfoLevel)
	check, done := r.app.check, r.app.done
	r.app.check = func(a attempt) { o.attempts.Add(1); check(a) }
	r.app.probing = portTakes
	r.app.done = func(a attempt, out record.Outcome) {
		time.Sleep(portTakes)
		if out.Kind == record.Acked {
			o.acked.Add(int64(a.len()))
		}
		done(a, out)
	}
	o.storeDoes(nil)
	return o
}

// storeDoes sets how the store fails from now on; nil = it does not.
func (o *watch) storeDoes(h offsetstest.Hook) {
	o.store.Before(func(ctx context.Context, op offsetstest.Op) error {
		o.stored.Add(1)
		o.underWay.Add(1)
		defer o.underWay.Add(-1)
		time.Sleep(portTakes)
		if h == nil {
			return nil
		}
		return h(ctx, op)
	})
}

// storeHangs keeps a call until its deadline, as the store's client does: of a write nobody knows then whether it is applied.
func (o *watch) storeHangs(ctx context.Context, op offsetstest.Op) error {
	<-ctx.Done()
	if len(op.Write) > 0 {
		return record.ErrOutcomeUnknown
	}
	return record.ErrUnavailable
}

func (o *watch) appRefuses() {
	o.app.setReady(false)
	o.app.says(status(record.Down, "connection"))
}

func (o *watch) appWell() {
	o.app.setReady(true)
	o.app.answers(nil)
}

// readingBreaks makes the reader report an error, so that the partition is claimed anew.
func (o *watch) readingBreaks(name string) {
	o.reader.mu.Lock()
	o.reader.reads[tp(name)].broken = true
	o.reader.mu.Unlock()
	o.kafka.poke()
	o.pass(10 * time.Millisecond)
}

// addPartition adds one to the topic, which is produced to like the others.
func (o *watch) addPartition() {
	n := len(o.names)
	o.kafka.topic("orders", "id-1", n+1)
	o.names = append(o.names, fmt.Sprintf("orders/%d", n))
}

// produce appends n records to every partition.
func (o *watch) produce(n int) {
	for _, name := range o.names {
		o.kafka.log(name, func(l *kafkaLog) {
			if l.records == nil {
				l.records = make([]record.Record, 0, 1000) // else the heap would grow by its doubling
			}
		})
		o.kafka.produce(name, n, outageSize)
		o.produced += n
	}
}

func (o *watch) calls() calls {
	o.kafka.mu.Lock()
	defer o.kafka.mu.Unlock()
	return calls{attempts: int(o.attempts.Load()), probes: o.app.probed(), store: int(o.stored.Load()), brokers: o.kafka.calls}
}

// wantCalls: nothing spins.
func (o *watch) wantCalls(most calls) bool {
	o.Helper()
	now, well := o.calls(), true
	for _, port := range []struct {
		name             string
		was, is, allowed int
	}{
		{"attempts", o.before.attempts, now.attempts, most.attempts},
		{"probes of the app", o.before.probes, now.probes, most.probes},
		{"calls of the store", o.before.store, now.store, most.store + looking},
		{"calls of the brokers", o.before.brokers, now.brokers, most.brokers},
	} {
		if n := port.is - port.was; n > port.allowed {
			o.Errorf("%d %s, want %d at most in %v", n, port.name, port.allowed, outageLasts)
			well = false
		}
	}
	return well
}

// look is one look during the outage; the first is what the others are compared with. It reports whether there shall be
// another: what spins is slow to play.
func (o *watch) look(n int, x outage) bool {
	o.Helper()
	at := time.Duration(n) * outageLookEach
	if !o.wantCalls(x.most) {
		return false
	}
	for tries := 0; o.app.underWay.Load() > 0 && tries < 5; tries++ {
		o.pass(portTakes) // a request or a probe that is answered at once has an end, and then the status tells of it
	}
	if got := o.summary(); got != x.says && at >= x.saysFrom {
		o.Errorf("after %v the status says %q, want %q", at, got, x.says)
	}
	poll := len(o.names) * o.chunk * (&record.Record{Key: []byte("k"), Value: make([]byte, outageSize)}).Size()
	if most := o.buffered(); most > outageBudget+poll {
		o.Errorf("after %v: %d bytes were buffered", at, most)
	}
	now := o.measure()
	if n == 1 {
		o.first = now
	}
	if now.goroutines != o.first.goroutines {
		o.Errorf("%d goroutines after %v, %d at the first look", now.goroutines, at, o.first.goroutines)
	}
	if now.heap-o.first.heap > outageHeap {
		o.Errorf("the heap grew by %d bytes from the first look to %v", now.heap-o.first.heap, at)
	}
	return true
}

// buffered is the most that was in memory at once, as the reader sees it. One poll of all partitions may lie above the budget.
func (o *watch) buffered() int {
	o.reader.mu.Lock()
	defer o.reader.mu.Unlock()
	return o.reader.most
}

// measure counts goroutines, without those of calls that are under way right now, and bytes, without what the fakes note.
func (o *watch) measure() look {
	o.forget()
	runtime.GC()
	runtime.GC() // what the first one finalized
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	o.kafka.mu.Lock()
	defer o.kafka.mu.Unlock()
	return look{runtime.NumGoroutine() - int(o.underWay.Load()+o.app.underWay.Load()) - o.kafka.waiting, int64(mem.HeapAlloc)}
}

// forget clears what the fakes note; the lines of the log are counted.
func (o *watch) forget() {
	o.app.mu.Lock()
	o.app.attempts = nil
	o.app.mu.Unlock()
	o.order.mu.Lock()
	o.order.steps = nil
	o.order.mu.Unlock()
	o.kafka.mu.Lock()
	o.kafka.asked = nil
	o.kafka.mu.Unlock()
	o.reader.mu.Lock()
	o.reader.removed, o.reader.pauses = nil, nil
	o.reader.mu.Unlock()
	o.group.mu.Lock()
	o.group.commits = nil
	o.group.mu.Unlock()
	o.lines += strings.Count(o.logs.String(), "\n")
	o.logs.reset()
}

// healed: what the outage held up is delivered, once, and committed within the longest wait, the longest call under way, a look
// at the topics, a commit, and what its delivery takes; and nothing is said of the outage any more.
func (o *watch) healed(x outage) {
	o.Helper()
	c := o.cfg
	delivery := time.Duration(o.produced/outageRecords) * 2 * portTakes
	o.pass(max(x.longest, c.RetryMax) + max(appTimeout, 4*c.StoreTimeout) + c.WatchInterval + 2*c.CommitInterval + delivery)
	for _, name := range o.names {
		o.kafka.mu.Lock()
		end := o.kafka.find(tp(name)).end
		o.kafka.mu.Unlock()
		o.wantCommitted(name, end)
		o.wantState(name, "idle")
		if p := o.part(name); p.LastError != "" {
			o.Errorf("%s still shows %q", name, p.LastError)
		}
	}
	if n := int(o.acked.Load()); n != o.produced {
		o.Errorf("%d of %d records are acknowledged", n, o.produced)
	}
	s := o.status()
	if got := o.summary(); got != "[] partitions [] app+ store+ kafka+" || s.App.Error+s.Kafka.Error+s.Store.Error != "" {
		o.Errorf("afterwards the status says %q, errors %q %q %q", got, s.App.Error, s.Kafka.Error, s.Store.Error)
	}
	if s.Memory.Used != 0 {
		o.Errorf("%d bytes are charged with nothing left", s.Memory.Used)
	}
	if o.forget(); o.lines > x.lines {
		o.Errorf("%d lines in the log, want %d at most", o.lines, x.lines)
	}
}

// summary is what the status says: reasons of the process and of the partitions, what is up and what is not.
func (o *watch) summary() string {
	o.Helper()
	s := o.status()
	process, parts := []string{}, []string{}
	for _, x := range s.Reasons {
		process = append(process, x.Reason)
	}
	for _, p := range s.Partitions {
		if p.Reason != "" && !slices.Contains(parts, p.Reason) {
			parts = append(parts, p.Reason)
		}
	}
	sign := map[bool]string{true: "+", false: "-"}
	return fmt.Sprintf("%v partitions %v app%s store%s kafka%s", process, parts, sign[s.App.Up], sign[s.Store.Up], sign[s.Kafka.Up])
}
