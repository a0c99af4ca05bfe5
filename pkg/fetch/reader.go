package fetch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const (
	// maxPartitionBytes is asked for per partition: a larger record still comes, alone.
	maxPartitionBytes = 1 << 20
	minFetchBytes     = 1 << 20
	// maxFetchBytes: 5 MB per broker is as fast as 50 and needs half the memory.
	maxFetchBytes = 5 << 20

	// fetchWait is how long a broker may wait for records. A partition that is added or resumed waits
	// for the fetch under way, so it bounds that too; the client's default is 5 s, Kafka's own is this.
	fetchWait = 500 * time.Millisecond

	// fitEvery is how often the fetch size is fitted to the number of brokers.
	fitEvery = 10 * time.Second
)

// Reader reads the partitions it is told to. Add, Remove and Pause may be called from any goroutine,
// before, during and after Run, and return at once.
type Reader struct {
	cfg    Config
	opts   []kgo.Opt
	log    zerolog.Logger
	client atomic.Pointer[kgo.Client] // set by Run; read by BufferedBytes
	slabs  slabs                      // used by Run's goroutine, given back by any

	mu       sync.Mutex // protects the two below
	commands []command
	wake     context.CancelFunc // ends the poll that runs; nil before the first

	// The rest belongs to Run's goroutine.
	reading map[record.TopicPartition]*reading
	paused  map[record.TopicPartition]bool
	known   map[string]bool // topics the client has metadata of
	stale   bool            // errors of removed partitions may wait in the client
	fitted  time.Time       // when the fetch size was last fitted to the brokers
	ignored map[string]bool // errors of the whole client that were logged
}

// reading is a partition in the client's set.
type reading struct {
	claim uint64
	next  int64 // the position: the offset a following record must reach
}

// command is one call of Add, Remove or Pause.
type command struct {
	record.TopicPartition
	verb  verb
	from  record.Position
	claim uint64
	on    bool
}

type verb int

const (
	add verb = iota
	remove
	pause
)

// NewReader checks the configuration; nothing is started and nobody is called before Run.
func NewReader(cfg Config) (*Reader, error) {
	isolation, err := cfg.isolation()
	if err != nil {
		return nil, err
	}
	opts, err := commonOptions(cfg, "reader")
	if err != nil {
		return nil, err
	}
	opts = append(
		opts,
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(isolation),
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(fetchBytes(cfg.MemoryBudget, 1)),
		kgo.FetchMaxPartitionBytes(maxPartitionBytes),
		kgo.FetchMaxWait(fetchWait),
		kgo.MaxDecompressBatchBytes(int(min(max(cfg.MemoryBudget, minFetchBytes), math.MaxInt32))), // the client's own bound
		kgo.WithPools(&pools{}),
	)
	if cfg.Rack != "" {
		opts = append(opts, kgo.Rack(cfg.Rack))
	}
	if opts, err = checked(opts); err != nil {
		return nil, err
	}
	return &Reader{
		cfg: cfg, opts: opts, log: cfg.Log,
		reading: map[record.TopicPartition]*reading{},
		paused:  map[record.TopicPartition]bool{},
		known:   map[string]bool{},
		ignored: map[string]bool{},
	}, nil
}

// fetchBytes is how much one fetch asks for: a quarter of the budget, shared by the brokers.
func fetchBytes(budget int64, brokers int) int32 {
	return int32(min(max(budget/4/int64(max(brokers, 1)), minFetchBytes), maxFetchBytes))
}

// Add starts to read p at from under a claim. A partition that is read already is removed first.
func (r *Reader) Add(p record.TopicPartition, from record.Position, claim uint64) {
	r.enqueue(command{TopicPartition: p, verb: add, from: from, claim: claim})
}

// Remove stops reading p and drops what was fetched of it.
func (r *Reader) Remove(p record.TopicPartition) {
	r.enqueue(command{TopicPartition: p, verb: remove})
}

// Pause stops fetching p, or goes on; its position is kept. Remove ends a pause.
func (r *Reader) Pause(p record.TopicPartition, on bool) {
	r.enqueue(command{TopicPartition: p, verb: pause, on: on})
}

func (r *Reader) enqueue(c command) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commands = append(r.commands, c)
	if r.wake != nil {
		r.wake()
	}
}

// take returns the commands to carry out and registers what ends the poll that follows: a command
// that comes later either is taken or ends the poll.
func (r *Reader) take(wake context.CancelFunc) []command {
	r.mu.Lock()
	defer r.mu.Unlock()
	commands := r.commands
	r.commands = nil
	r.wake = wake
	return commands
}

// BufferedBytes is what the client has fetched and not handed over yet.
func (r *Reader) BufferedBytes() int64 {
	if cl := r.client.Load(); cl != nil {
		return cl.BufferedFetchBytes()
	}
	return 0
}

// Run reads until ctx ends, then returns nil. Brokers that can't be reached are tried again for as long.
// It is called once. sink takes what one poll brought; while it blocks, nothing is polled: it is the
// back-pressure. An error of it ends Run.
func (r *Reader) Run(ctx context.Context, sink func(ctx context.Context, chunks []record.Chunk) error) error {
	cl, err := kgo.NewClient(r.opts...)
	if err != nil {
		return fmt.Errorf("start the reader's client: %w", err)
	}
	r.client.Store(cl)
	defer func() {
		r.client.Store(nil)
		r.stop(cl, slices.Collect(maps.Keys(r.reading))) // franz-go 1.22.2 races with its own fetches in Close
		cl.Close()
	}()
	for ctx.Err() == nil {
		if err := r.turn(ctx, cl, sink); err != nil {
			if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
				return nil
			}
			return fmt.Errorf("hand records over: %w", err)
		}
	}
	return nil
}

// turn carries out the commands, polls once and hands over.
func (r *Reader) turn(ctx context.Context, cl *kgo.Client, sink func(context.Context, []record.Chunk) error) error {
	polling, wake := context.WithCancel(ctx)
	defer wake()
	if commands := r.take(wake); len(commands) > 0 {
		plan := r.plan(commands)
		if chunks := r.apply(cl, plan); len(chunks) > 0 {
			if err := sink(ctx, chunks); err != nil {
				return err
			}
		}
		r.begin(cl, plan)
	}
	r.fit(cl)
	if chunks := r.receive(cl, cl.PollFetches(polling)); len(chunks) > 0 {
		return sink(ctx, chunks)
	}
	return nil
}

// fit shares the budget between the brokers that are known by now.
func (r *Reader) fit(cl *kgo.Client) {
	if now := time.Now(); now.Sub(r.fitted) >= fitEvery {
		r.fitted = now
		cl.UpdateFetchMaxBytes(fetchBytes(r.cfg.MemoryBudget, len(cl.DiscoveredBrokers())), maxPartitionBytes)
	}
}

// partitionsOf is the form the client takes partitions in.
func partitionsOf(parts []record.TopicPartition) map[string][]int32 {
	byTopic := map[string][]int32{}
	for _, p := range parts {
		if !slices.Contains(byTopic[p.Topic], p.Partition) {
			byTopic[p.Topic] = append(byTopic[p.Topic], p.Partition)
		}
	}
	return byTopic
}
