package fetch_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const within = 20 * time.Second

func config(t *testing.T, broker, group string, topics ...string) fetch.Config {
	cfg := fetch.DefaultConfig()
	cfg.Brokers = []string{broker}
	cfg.Group = group
	cfg.Topics = topics
	cfg.MetadataInterval = time.Hour // what a test is about must not wait for it, nor be healed by it
	cfg.Log = zerolog.New(zerolog.NewTestWriter(t))
	return cfg
}

func tp(topic string, partition int32) record.TopicPartition {
	return record.TopicPartition{Topic: topic, Partition: partition}
}

func from(offset int64) record.Position { return record.Position{Offset: offset, LeaderEpoch: -1} }

// member is a membership that runs, with the assignment as its events tell it.
type member struct {
	*fetch.Membership
	leave func() // ends Run and waits for it

	mu       sync.Mutex
	joined   int // calls of Assigned
	now      map[record.TopicPartition]bool
	lost     int
	problems []string // every reason reported, with "" for cleared
	detail   string   // of the last problem
}

func join(t *testing.T, cfg fetch.Config) *member {
	t.Helper()
	ms, err := fetch.NewMembership(cfg)
	require.NoError(t, err)
	m := &member{Membership: ms, now: map[record.TopicPartition]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- ms.Run(ctx, record.GroupEvents{Assigned: m.assigned, Revoked: m.revoked, Problem: m.problem})
	}()
	m.leave = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(m.leave)
	return m
}

func (m *member) assigned(parts []record.TopicPartition) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.joined++
	for _, p := range parts {
		m.now[p] = true
	}
}

func (m *member) revoked(parts []record.TopicPartition, lost bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range parts {
		delete(m.now, p)
	}
	if lost {
		m.lost++
	}
}

func (m *member) problem(reason, detail string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problems = append(m.problems, reason)
	m.detail = detail
}

func (m *member) assignment() []record.TopicPartition {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Keys(m.now), record.TopicPartition.Compare)
}

// waitFor waits until the members together have n partitions, each member at least so many, none twice.
func waitFor(t *testing.T, n, least int, members ...*member) {
	t.Helper()
	testenv.Eventually(t, within, fmt.Sprintf("%d partitions to be assigned", n), func() error {
		all := map[record.TopicPartition]bool{}
		sum := 0
		for _, m := range members {
			parts := m.assignment()
			if len(parts) < least {
				return fmt.Errorf("a member has %v", parts)
			}
			sum += len(parts)
			for _, p := range parts {
				all[p] = true
			}
		}
		if sum != n || len(all) != n {
			return fmt.Errorf("%d partitions are assigned, %d different ones", sum, len(all))
		}
		return nil
	})
}

// running is a reader that runs, with everything it handed over.
type running struct {
	*fetch.Reader
	t    *testing.T
	gate sync.Mutex // held by a test that wants the sink to block

	mu     sync.Mutex
	chunks []record.Chunk // records are copied, chunks are released
}

func newReader(t *testing.T, cfg fetch.Config) *fetch.Reader {
	t.Helper()
	rd, err := fetch.NewReader(cfg)
	require.NoError(t, err)
	return rd
}

func read(t *testing.T, cfg fetch.Config) *running {
	t.Helper()
	rd := newReader(t, cfg)
	r := &running{Reader: rd, t: t}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- rd.Run(ctx, r.sink) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	return r
}

func (r *running) sink(_ context.Context, chunks []record.Chunk) error {
	r.gate.Lock()
	defer r.gate.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range chunks {
		c.Records = slices.Clone(c.Records)
		for i := range c.Records {
			c.Records[i].Key = slices.Clone(c.Records[i].Key)
			c.Records[i].Value = slices.Clone(c.Records[i].Value)
		}
		if c.Release != nil {
			c.Release()
			c.Release = nil
		}
		r.chunks = append(r.chunks, c)
	}
	return nil
}

// of is what was handed over under a claim.
func (r *running) of(claim uint64) []record.Chunk {
	r.mu.Lock()
	defer r.mu.Unlock()
	var of []record.Chunk
	for _, c := range r.chunks {
		if c.Claim == claim {
			of = append(of, c)
		}
	}
	return of
}

func (r *running) values(claim uint64) []string {
	var values []string
	for _, c := range r.of(claim) {
		for _, rec := range c.Records {
			values = append(values, string(rec.Value))
		}
	}
	return values
}

// waitNext waits until the position under a claim is next, and returns the values up to there.
func (r *running) waitNext(claim uint64, next int64) []string {
	r.t.Helper()
	testenv.Eventually(r.t, within, fmt.Sprintf("claim %d to be read up to %d", claim, next), func() error {
		chunks := r.of(claim)
		if len(chunks) == 0 {
			return fmt.Errorf("nothing was read")
		}
		if last := chunks[len(chunks)-1]; last.Err != nil || last.Next != next {
			return fmt.Errorf("position %d, error: %w", last.Next, last.Err)
		}
		return nil
	})
	return r.values(claim)
}

// waitError waits until reading under a claim has stopped, and returns why.
func (r *running) waitError(claim uint64) *record.ReadError {
	r.t.Helper()
	var re *record.ReadError
	testenv.Eventually(r.t, within, fmt.Sprintf("reading under claim %d to stop", claim), func() error {
		for _, c := range r.of(claim) {
			if c.Err != nil {
				require.ErrorAs(r.t, c.Err, &re)
				return nil
			}
		}
		return fmt.Errorf("no error yet")
	})
	return re
}

func numbered(prefix string, from, until int) []string {
	var values []string
	for i := from; i < until; i++ {
		values = append(values, fmt.Sprintf("%s-%d", prefix, i))
	}
	return values
}
