package relay

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Deps are the outside systems the engine works with.
type Deps struct {
	Store       Store
	Cluster     Cluster
	Group       Group // nil without a group
	Reader      Reader
	App         App
	DeadLetters DeadLetters           // nil unless the policy is topic
	Metrics     prometheus.Registerer // never nil
}

var (
	// ErrUncommitted is returned by Run when the grace, or the deadline of a revoke during it, ran out with
	// acknowledged records that are not in the store.
	ErrUncommitted = errors.New("acknowledged records could not be committed in time; they will be delivered again")
	// ErrAborted is returned by Run after Abort.
	ErrAborted = errors.New("aborted by a second signal")
	// errEnded answers calls made after Run has returned.
	errEnded = errors.New("the engine has ended")
)

// StartError is returned by Run when the start policy can't be carried out and waiting can't help.
type StartError struct{ Detail string }

func (e *StartError) Error() string { return e.Detail }

// Engine is the relay. Its methods are safe for concurrent use; Run is called once.
type Engine struct {
	cfg  Config
	deps Deps
	log  zerolog.Logger
	m    *metrics
	name string // of this process, for people: <host name>/<6 hex>

	mailbox chan func()   // closures for the loop, in order
	done    chan struct{} // closed when the loop has ended
	tasks   sync.WaitGroup
	work    context.Context // ends when everything must stop
	stop    context.CancelFunc
	beat    atomic.Int64 // Unix seconds of the loop's last turn
	idle    atomic.Bool  // the watchdog has fired
	budget  budget

	// Owned by the loop.
	life       life
	partitions map[record.TopicPartition]*partition
	topics     map[string]*topic
	lanes      []*lane
	ready      []*partition // FIFO of partitions with records to deliver; stale entries are skipped
	due        []*plan      // plans whose time has come and whose records are there
	linger     lingerTimer
	pace       pace
	claims     claimer
	commits    committer
	app        appState
	kafka      health
	store      health
	seq        uint64 // numbers reads and claims
	answers    uint64 // numbers the app's answers, and attempts without one
	ackedAt    uint64 // the last answer that acknowledged a record: evidence when a record is condemned
	watchdog   watchdog
	catchUp    catchUp
	events     events
}

// New makes an engine. It has no side effects but the registration of its metrics.
func New(cfg Config, deps Deps) *Engine {
	e := &Engine{
		cfg:        cfg,
		deps:       deps,
		log:        cfg.Log,
		name:       cfg.HostName + "/" + nonce()[:6],
		mailbox:    make(chan func(), 64),
		done:       make(chan struct{}),
		partitions: map[record.TopicPartition]*partition{},
		topics:     map[string]*topic{},
	}
	e.work, e.stop = context.WithCancel(context.Background())
	e.budget.max, e.budget.ahead = cfg.MemoryMaxBytes, cfg.readAhead()
	e.budget.room = make(chan struct{}, 1)
	e.pace.rate = float64(cfg.MaxRate)
	e.life.since = time.Now()
	e.life.state = stateStarting
	e.life.reasons = map[string]string{}
	e.m = newMetrics(deps.Metrics, e)
	for i := range cfg.Lanes {
		e.lanes = append(e.lanes, newLane(i))
	}
	e.beat.Store(time.Now().Unix())
	return e
}

// Run starts up, relays until ctx ends, then drains and returns after everything it started has
// ended. It returns nil when the final commit is durable, else ErrUncommitted, ErrAborted or a *StartError.
func (e *Engine) Run(ctx context.Context) error {
	defer e.tasks.Wait()
	defer e.stop()
	defer close(e.done)
	for _, l := range e.lanes {
		e.startLane(l)
	}
	e.go_(e.startUp)
	stop := ctx.Done()
	heartbeat := time.NewTicker(5 * time.Second)
	defer heartbeat.Stop()
	for !e.life.ended {
		select {
		case fn := <-e.mailbox:
			fn()
			e.runPosted()
		case <-stop:
			stop = nil
			e.life.exit = true
			e.drain()
		case <-heartbeat.C:
			e.checkWatchdog()
		}
		e.schedule()
		e.beat.Store(time.Now().Unix())
	}
	e.releaseAll()
	return e.life.err
}

// runPosted carries out what else waits, bounded so that scheduling and signals get their turn.
func (e *Engine) runPosted() {
	for range cap(e.mailbox) {
		select {
		case fn := <-e.mailbox:
			fn()
		default:
			return
		}
	}
}

// post hands fn to the loop; false when the loop has ended and fn will not run.
func (e *Engine) post(fn func()) bool {
	select {
	case <-e.done: // first: the mailbox may still have room
		return false
	default:
	}
	select {
	case e.mailbox <- fn:
		return true
	case <-e.done:
		return false
	}
}

// ask runs fn in the loop and waits for it.
func (e *Engine) ask(ctx context.Context, fn func()) error {
	ran := make(chan struct{})
	select {
	case e.mailbox <- func() { fn(); close(ran) }:
	case <-e.done:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ran:
		return nil
	case <-e.done:
		return errEnded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// go_ starts a goroutine that Run waits for; its context ends when the engine stops.
func (e *Engine) go_(fn func(ctx context.Context)) {
	e.tasks.Add(1)
	go func() {
		defer e.tasks.Done()
		fn(e.work)
	}()
}

// async runs a call to the outside in a goroutine of its own and then, in the loop, the closure it returns.
func (e *Engine) async(call func(ctx context.Context) func()) {
	e.go_(func(ctx context.Context) {
		if then := call(ctx); then != nil {
			e.post(then)
		}
	})
}

// after runs fn in the loop when d has passed, unless the timer is stopped before.
func (e *Engine) after(d time.Duration, fn func()) *time.Timer {
	return time.AfterFunc(d, func() { e.post(fn) })
}

// nextSeq numbers reads and claims; never 0.
func (e *Engine) nextSeq() uint64 {
	e.seq++
	return e.seq
}

// backoff is exponential with full jitter from RetryMin to RetryMax; n is 1 for the first.
func (e *Engine) backoff(n int) time.Duration {
	return jitter(e.cfg.RetryMin, e.cfg.RetryMax, n)
}

// jitter draws from [least, ceiling], ceiling doubling with n from 2 × least up to most.
func jitter(least, most time.Duration, n int) time.Duration {
	ceiling := most
	if n < 30 && least<<n > 0 && least<<n < most {
		ceiling = least << n
	}
	if ceiling <= least {
		return ceiling
	}
	return least + rand.N(ceiling-least)
}

// pause waits for d or until ctx ends; it reports whether the time passed.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Abort ends everything at once: requests are cut, nothing more is committed. Run returns ErrAborted.
func (e *Engine) Abort() {
	e.post(func() { e.end(ErrAborted) })
}

func (e *Engine) end(err error) {
	if e.life.ended {
		return
	}
	e.life.ended = true
	e.life.err = err
}

// releaseAll gives back the memory of every queue when the loop has ended.
func (e *Engine) releaseAll() {
	for _, p := range e.partitions {
		e.dropQueue(p)
	}
}
