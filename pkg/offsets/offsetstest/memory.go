// Package offsetstest is for tests: Suite says what every store must do, Memory is a store without
// a server that other packages' tests can make fail.
//
// Invariants: Memory shares its compare-and-set and its documents with the file store, so it is not
// a second opinion on what a store does; the suite is, and runs against a real Consul too.
//
// Goroutines: none.
package offsetstest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/layout"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Store is what the engine needs of a store; relay declares the same.
type Store interface {
	Topic(ctx context.Context, topic string) (record.Topic, error)
	Entries(ctx context.Context, parts []record.TopicPartition) ([]record.Entry, error)
	Write(ctx context.Context, writes []record.Write) ([]uint64, error)
	Audits(ctx context.Context) ([]record.Audit, error)
}

// Op is one call of a store, as a hook of Memory sees it. Exactly one field is set.
type Op struct {
	Topic   string
	Entries []record.TopicPartition
	Write   []record.Write
	Audits  bool
}

// Hook decides about one call; an error is what the call returns. It runs on the caller's goroutine
// without a lock: it may block until its context ends, and may use Get, Put and Delete.
type Hook func(ctx context.Context, op Op) error

// Memory is a store in memory. The zero value is ready, and safe for concurrent use.
//
// Faults: a Before hook that returns record.ErrUnavailable or a *record.DeniedError makes a call
// that does nothing; an After hook that returns record.ErrOutcomeUnknown makes a write that was
// applied and whose answer was lost.
type Memory struct {
	mu            sync.Mutex
	table         layout.Table
	before, after Hook
	writes        int
}

// Before sets the hook that runs before a call; nil removes it. Calls under way keep the old one.
func (m *Memory) Before(h Hook) { m.mu.Lock(); defer m.mu.Unlock(); m.before = h }

// After sets the hook that runs after a call that succeeded; nil removes it. Calls under way may
// still see the old one.
func (m *Memory) After(h Hook) { m.mu.Lock(); defer m.mu.Unlock(); m.after = h }

// Put writes a key by hand, as an operator or another replica would: Put("orders/3", `{"v":1,…}`).
// The value need not be a valid document. It returns the new version, always a higher one.
func (m *Memory) Put(name, value string) uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.table.Index++
	m.table.Keys = maps.Clone(m.table.Keys)
	if m.table.Keys == nil {
		m.table.Keys = make(map[string]layout.Row)
	}
	m.table.Keys[name] = layout.Row{Index: m.table.Index, Value: []byte(value)}
	return m.table.Index
}

// Delete removes a key by hand.
func (m *Memory) Delete(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.table.Keys = maps.Clone(m.table.Keys)
	delete(m.table.Keys, name)
}

// Get reads a key by hand: its value and version; "" and 0 = absent.
func (m *Memory) Get(name string) (value string, index uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	row := m.table.Keys[name]
	return string(row.Value), row.Index
}

// Names lists the keys that are there, sorted.
func (m *Memory) Names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.table.Keys))
}

// Writes counts the transactions that were applied.
func (m *Memory) Writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// Topic reads a topic's document; Index 0 = absent.
func (m *Memory) Topic(ctx context.Context, topic string) (t record.Topic, err error) {
	err = m.call(ctx, Op{Topic: topic}, func() error {
		t, err = m.table.Topic(topic, "")
		return err
	})
	if err != nil {
		return record.Topic{}, err
	}
	return t, nil
}

// Entries reads partitions' documents in the order asked; Index 0 = absent.
func (m *Memory) Entries(ctx context.Context, parts []record.TopicPartition) (entries []record.Entry, err error) {
	err = m.call(ctx, Op{Entries: parts}, func() error {
		entries, err = m.table.Entries(parts, "")
		return err
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// Audits reads the operators' log, the oldest line first.
func (m *Memory) Audits(ctx context.Context) (lines []record.Audit, err error) {
	err = m.call(ctx, Op{Audits: true}, func() error {
		lines = m.table.Audits()
		return nil
	})
	return lines, err
}

// Tracked reads all topics, in the order of their names. No hook sees it.
func (m *Memory) Tracked(ctx context.Context) ([]record.Tracked, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", record.ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return layout.Tracked(m.table.Keys, ""), nil
}

// Write applies all writes or none and returns the new version of each.
func (m *Memory) Write(ctx context.Context, writes []record.Write) (indexes []uint64, err error) {
	puts, err := layout.Encode("memory", writes)
	if err != nil || len(puts) == 0 {
		return nil, err
	}
	err = m.call(ctx, Op{Write: writes}, func() error {
		next, given, stale := m.table.Apply(puts)
		if len(stale) > 0 {
			return &record.StaleError{Stale: stale}
		}
		m.table, indexes = next, given
		m.writes++
		return nil
	})
	if err != nil {
		return nil, err
	}
	return indexes, nil
}

// call runs do under the lock, between the hooks.
func (m *Memory) call(ctx context.Context, op Op, do func() error) error {
	m.mu.Lock()
	before, after := m.before, m.after
	m.mu.Unlock()
	if before != nil {
		if err := before(ctx, op); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", record.ErrUnavailable, err)
	}
	m.mu.Lock()
	err := do()
	m.mu.Unlock()
	if err == nil && after != nil {
		err = after(ctx, op)
	}
	return err
}
