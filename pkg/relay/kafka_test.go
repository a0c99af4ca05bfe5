package relay_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// tp reads "orders/3".
func tp(name string) record.TopicPartition {
	i := strings.LastIndexByte(name, '/')
	n, err := strconv.Atoi(name[i+1:])
	if err != nil {
		panic(name)
	}
	return record.TopicPartition{Topic: name[:i], Partition: int32(n)}
}

// kafka is a cluster in memory: topics with logs, and the answers the engine asks for.
type kafka struct {
	mu        sync.Mutex
	clusterID string
	topics    map[string]*kafkaTopic
	committed map[record.TopicPartition]int64
	down      error // every question fails with it
	silent    bool  // no question is answered
	calls     int   // questions, and commits of the group
	waiting   int   // of them, those that wait for an answer now
	wake      chan struct{}
	asked     []string // "bounds", "offsets" and the like, in order
	note      func(what string)
}

type kafkaTopic struct {
	id         string
	logs       []*kafkaLog
	missing    bool
	leaderless []int32
	err        error
}

// kafkaLog is one partition. Offsets without a record are control records or compacted.
type kafkaLog struct {
	records    []record.Record
	start, end int64
	diverged   int64
	err        error
	epoch      int32
}

func newKafka() *kafka {
	return &kafka{
		clusterID: "cluster-1", topics: map[string]*kafkaTopic{},
		committed: map[record.TopicPartition]int64{}, wake: make(chan struct{}, 1),
	}
}

// edit changes the cluster and wakes the reader.
func (k *kafka) edit(f func()) {
	k.mu.Lock()
	f()
	k.mu.Unlock()
	k.poke()
}

func (k *kafka) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// topic creates a topic, recreates it under another id, or adds partitions to it.
func (k *kafka) topic(name, id string, partitions int) {
	k.edit(func() {
		t := k.topics[name]
		if t == nil || t.id != id {
			t = &kafkaTopic{id: id}
			k.topics[name] = t
		}
		for len(t.logs) < partitions {
			t.logs = append(t.logs, &kafkaLog{diverged: -1})
		}
	})
}

// log changes one partition.
func (k *kafka) log(name string, f func(l *kafkaLog)) {
	p := tp(name)
	k.edit(func() { f(k.topics[p.Topic].logs[p.Partition]) })
}

// produce appends n records whose values say where they are, padded to size bytes.
func (k *kafka) produce(name string, n int, size ...int) {
	k.log(name, func(l *kafkaLog) {
		for range n {
			value := fmt.Sprintf("%s:%d", name, l.end)
			if len(size) > 0 && len(value) < size[0] {
				value += strings.Repeat(".", size[0]-len(value))
			}
			l.records = append(l.records, record.Record{
				Offset: l.end, Timestamp: 1000 + l.end, LeaderEpoch: l.epoch, Key: []byte("k"), Value: []byte(value),
			})
			l.end++
		}
	})
}

// control appends n offsets without a record, as transaction markers do.
func (k *kafka) control(name string, n int64) { k.log(name, func(l *kafkaLog) { l.end += n }) }

// compact removes the records at these offsets.
func (k *kafka) compact(name string, offsets ...int64) {
	k.log(name, func(l *kafkaLog) {
		l.records = slices.DeleteFunc(l.records, func(r record.Record) bool { return slices.Contains(offsets, r.Offset) })
	})
}

// trim moves the log start, as retention does.
func (k *kafka) trim(name string, start int64) {
	k.log(name, func(l *kafkaLog) {
		l.start, l.end = start, max(l.end, start)
		l.records = slices.DeleteFunc(l.records, func(r record.Record) bool { return r.Offset < start })
	})
}

// truncate cuts the log's end off, as an unclean leader election does.
func (k *kafka) truncate(name string, end int64) {
	k.log(name, func(l *kafkaLog) {
		l.end = end
		l.records = slices.DeleteFunc(l.records, func(r record.Record) bool { return r.Offset >= end })
	})
}

func (k *kafka) find(p record.TopicPartition) *kafkaLog {
	if t := k.topics[p.Topic]; t != nil && int(p.Partition) < len(t.logs) {
		return t.logs[p.Partition]
	}
	return nil
}

// partitions lists what exists of these topics.
func (k *kafka) partitions(topics []string) []record.TopicPartition {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []record.TopicPartition
	for _, name := range topics {
		if t := k.topics[name]; t != nil {
			for i := range t.logs {
				all = append(all, record.TopicPartition{Topic: name, Partition: int32(i)})
			}
		}
	}
	return all
}

func (k *kafka) ask(what string) error {
	k.asked = append(k.asked, what)
	if k.note != nil {
		k.note(what)
	}
	return k.down
}

// reach counts a question and, while the brokers are silent, waits until its deadline.
func (k *kafka) reach(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls++
	if !k.silent {
		return nil
	}
	k.waiting++
	k.mu.Unlock()
	<-ctx.Done()
	k.mu.Lock()
	k.waiting--
	return ctx.Err()
}

// Topics implements relay.Cluster.
func (k *kafka) Topics(ctx context.Context, topics []string) (record.ClusterView, error) {
	if err := k.reach(ctx); err != nil {
		return record.ClusterView{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	view := record.ClusterView{ClusterID: k.clusterID, Topics: map[string]record.TopicView{}}
	if k.down != nil {
		return view, k.down
	}
	for _, name := range topics {
		t := k.topics[name]
		if t == nil || t.missing {
			view.Topics[name] = record.TopicView{Missing: true}
			continue
		}
		view.Topics[name] = record.TopicView{ID: t.id, Partitions: int32(len(t.logs)), Leaderless: t.leaderless, Err: t.err}
	}
	return view, nil
}

// Offsets implements relay.Cluster.
func (k *kafka) Offsets(ctx context.Context, q record.OffsetQuery, parts []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	if err := k.reach(ctx); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ask("offsets"); err != nil {
		return nil, err
	}
	out := map[record.TopicPartition]int64{}
	for _, p := range parts {
		l := k.find(p)
		if l == nil {
			return nil, fmt.Errorf("%s does not exist", p)
		}
		out[p] = l.at(q, p, k.committed)
	}
	return out, nil
}

func (l *kafkaLog) at(q record.OffsetQuery, p record.TopicPartition, committed map[record.TopicPartition]int64) int64 {
	switch q.At {
	case record.AtStart:
		return l.start
	case record.AtTime:
		for _, r := range l.records {
			if r.Timestamp >= q.Time.UnixMilli() {
				return r.Offset
			}
		}
	case record.AtCommitted:
		if o, ok := committed[p]; ok {
			return o
		}
		return -1
	}
	return l.end
}

// Bounds implements relay.Cluster.
func (k *kafka) Bounds(ctx context.Context, at map[record.TopicPartition]record.Position) (map[record.TopicPartition]record.Bounds, error) {
	if err := k.reach(ctx); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.ask("bounds"); err != nil {
		return nil, err
	}
	out := map[record.TopicPartition]record.Bounds{}
	for p := range at {
		if l := k.find(p); l != nil {
			out[p] = record.Bounds{Start: l.start, End: l.end, Diverged: l.diverged, Err: l.err}
		} else {
			out[p] = record.Bounds{Err: errors.New("unknown partition")}
		}
	}
	return out, nil
}

// reader hands records of the logs to one engine, as fetch does: polls of all partitions at once, one
// at a time, records in memory that is taken away at their release.
type reader struct {
	kafka *kafka
	chunk int // most records of a partition in one poll
	parts int // most partitions in one poll; 0 = all
	fail  func(format string, args ...any)

	mu      sync.Mutex
	reads   map[record.TopicPartition]*reading
	removed []string
	pauses  []string // "+orders/0" paused, "-orders/0" goes on
	unpaid  int      // chunks that were not released
	most    int      // bytes in flight at most, as the budget should bound them
	bytes   int
}

type reading struct {
	at     int64
	claim  uint64
	paused bool
	broken bool // an error that does not heal comes next
}

// Add implements relay.Reader.
func (r *reader) Add(p record.TopicPartition, from record.Position, claim uint64) {
	r.mu.Lock()
	r.reads[p] = &reading{at: from.Offset, claim: claim}
	r.mu.Unlock()
	r.kafka.poke()
}

// Remove implements relay.Reader.
func (r *reader) Remove(p record.TopicPartition) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.reads, p)
	r.removed = append(r.removed, p.String())
}

// Pause implements relay.Reader.
func (r *reader) Pause(p record.TopicPartition, on bool) {
	r.mu.Lock()
	if rd := r.reads[p]; rd != nil {
		rd.paused = on
		r.pauses = append(r.pauses, map[bool]string{true: "+", false: "-"}[on]+p.String())
	}
	r.mu.Unlock()
	r.kafka.poke()
}

// pauseLog lists what was paused and let go on.
func (r *reader) pauseLog() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.pauses)
}

// run polls and feeds until ctx ends. A poll takes a millisecond, so that it brings all that is there.
func (r *reader) run(ctx context.Context, feed func(context.Context, []record.Chunk) error) {
	for {
		time.Sleep(time.Millisecond)
		if chunks := r.poll(); len(chunks) > 0 {
			if feed(ctx, chunks) != nil {
				return
			}
			continue
		}
		select {
		case <-r.kafka.wake:
		case <-ctx.Done():
			return
		}
	}
}

func (r *reader) poll() []record.Chunk {
	r.kafka.mu.Lock()
	defer r.kafka.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	var chunks []record.Chunk
	for _, p := range slices.SortedFunc(maps.Keys(r.reads), record.TopicPartition.Compare) {
		l, rd := r.kafka.find(p), r.reads[p]
		if r.parts > 0 && len(chunks) == r.parts {
			break
		}
		switch {
		case rd.broken:
			delete(r.reads, p)
			chunks = append(chunks, record.Chunk{TopicPartition: p, Claim: rd.claim, LogEnd: -1,
				Err: &record.ReadError{Kind: record.ReadFailed, Err: errors.New("the reader failed")}})
		case l == nil || rd.paused || r.kafka.down != nil || r.kafka.silent || (rd.at == l.end && l.start <= rd.at):
		case rd.at < l.start || rd.at > l.end:
			delete(r.reads, p)
			chunks = append(chunks, record.Chunk{TopicPartition: p, Claim: rd.claim, LogEnd: -1,
				Err: &record.ReadError{Kind: record.OutOfRange, Err: errors.New("offset out of range")}})
		default:
			chunks = append(chunks, r.take(p, l, rd))
		}
	}
	return chunks
}

// take reads the next chunk of a partition. Its position passes the gap behind the last record.
func (r *reader) take(p record.TopicPartition, l *kafkaLog, rd *reading) record.Chunk {
	i, _ := slices.BinarySearchFunc(l.records, rd.at, func(r record.Record, o int64) int { return cmp.Compare(r.Offset, o) })
	n := min(r.chunk, len(l.records)-i)
	c := record.Chunk{TopicPartition: p, Claim: rd.claim, LogEnd: l.end, Next: l.end}
	if i+n < len(l.records) {
		c.Next = l.records[i+n-1].Offset + 1
	}
	rd.at = c.Next
	for _, rec := range l.records[i : i+n] {
		rec.Key, rec.Value = slices.Clone(rec.Key), slices.Clone(rec.Value)
		c.Records = append(c.Records, rec)
		c.Bytes += rec.Size()
	}
	if n == 0 {
		return c
	}
	r.lend(&c)
	return c
}

// lend makes use after the release visible: it spoils the bytes, then the records.
func (r *reader) lend(c *record.Chunk) {
	records, bytes, released := c.Records, c.Bytes, false
	r.unpaid++
	r.bytes += bytes
	r.most = max(r.most, r.bytes)
	c.Release = func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if released {
			r.fail("a chunk of %s was released twice", c.TopicPartition)
		}
		released = true
		r.unpaid--
		r.bytes -= bytes
		for _, rec := range records {
			for k := range rec.Value {
				rec.Value[k] = '#'
			}
		}
		clear(records)
	}
}

// Record implements relay.Cluster.
func (k *kafka) Record(ctx context.Context, p record.TopicPartition, offset int64) (record.Record, error) {
	if err := k.reach(ctx); err != nil {
		return record.Record{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if log := k.find(p); log != nil {
		for _, r := range log.records {
			if r.Offset == offset {
				return r, nil
			}
		}
	}
	return record.Record{}, &record.NoRecordError{TopicPartition: p, Offset: offset}
}
