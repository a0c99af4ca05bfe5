package fetch

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// change is what a run of commands comes to: first the removals, then the additions, then the pauses.
// Collecting them matters because each removal makes the client drop and fetch again what it has
// buffered of all partitions.
type change struct {
	removed []record.TopicPartition
	added   map[record.TopicPartition]command
	paused  map[record.TopicPartition]bool
}

// plan reduces commands to their effect. The order of the commands of one partition decides.
func (r *Reader) plan(commands []command) change {
	c := change{added: map[record.TopicPartition]command{}, paused: map[record.TopicPartition]bool{}}
	for _, cmd := range commands {
		tp := cmd.TopicPartition
		switch cmd.verb {
		case add:
			c.removed = append(c.removed, tp)
			c.added[tp] = cmd
			c.paused[tp] = false
		case remove:
			c.removed = append(c.removed, tp)
			delete(c.added, tp)
			c.paused[tp] = false
		case pause:
			c.paused[tp] = cmd.on
		}
	}
	return c
}

// apply carries out the removals and returns what the client has handed over in the meantime, of other
// partitions.
//
// A record fetched under a former claim can't be handed over under a new one: a removal stops the
// client's fetches and drops everything it has buffered. What survives a removal is an error waiting in
// the client, so everything that waits is polled away, partitions removed being unknown by now, before
// any partition is added.
func (r *Reader) apply(cl *kgo.Client, c change) []record.Chunk {
	r.stop(cl, c.removed)
	if len(c.added) == 0 || !r.stale {
		return nil
	}
	r.stale = false
	return r.receive(cl, cl.PollFetches(nil)) //nolint:staticcheck // nil is documented: return what is there
}

// stop removes those of the partitions that are read from the client's set.
func (r *Reader) stop(cl *kgo.Client, parts []record.TopicPartition) {
	var inUse []record.TopicPartition
	for _, tp := range parts {
		if r.reading[tp] == nil {
			continue
		}
		delete(r.reading, tp)
		inUse = append(inUse, tp)
		if r.paused[tp] {
			delete(r.paused, tp)
			cl.ResumeFetchPartitions(partitionsOf([]record.TopicPartition{tp}))
		}
	}
	if len(inUse) > 0 {
		cl.RemoveConsumePartitions(partitionsOf(inUse))
		r.stale = true
	}
}

// begin carries out the additions and pauses.
//
// The first partition of a topic that is not read any more is added to a client that knows nothing of
// the topic: the client keeps to the topic's id it saw first and would never read a recreated topic.
func (r *Reader) begin(cl *kgo.Client, c change) {
	used := map[string]bool{}
	for tp := range r.reading {
		used[tp.Topic] = true
	}
	offsets := map[string]map[int32]kgo.Offset{}
	for tp, cmd := range c.added {
		if !used[tp.Topic] && r.known[tp.Topic] {
			cl.PurgeTopicsFromConsuming(tp.Topic)
			delete(r.known, tp.Topic)
		}
		if offsets[tp.Topic] == nil {
			offsets[tp.Topic] = map[int32]kgo.Offset{}
		}
		// With the epoch the client finds out whether the log was truncated below the position.
		offsets[tp.Topic][tp.Partition] = kgo.NewOffset().At(cmd.from.Offset).WithEpoch(cmd.from.LeaderEpoch)
		r.reading[tp] = &reading{claim: cmd.claim, next: cmd.from.Offset}
	}
	for topic := range offsets {
		r.known[topic] = true
	}
	r.pause(cl, c.paused)
	if len(offsets) > 0 {
		cl.AddConsumePartitions(offsets)
	}
}

// pause applies the pauses that are news, of partitions that are read.
func (r *Reader) pause(cl *kgo.Client, paused map[record.TopicPartition]bool) {
	for tp, on := range paused {
		if r.reading[tp] == nil || r.paused[tp] == on {
			continue
		}
		if on {
			r.paused[tp] = true
			cl.PauseFetchPartitions(partitionsOf([]record.TopicPartition{tp}))
		} else {
			delete(r.paused, tp)
			cl.ResumeFetchPartitions(partitionsOf([]record.TopicPartition{tp}))
		}
	}
}
