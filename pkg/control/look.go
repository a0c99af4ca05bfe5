package control

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Topic is how a topic stands in the store and in Kafka.
type Topic struct {
	record.Topic
	View       record.TopicView
	ClusterID  string // of the brokers asked
	Partitions []Partition
}

// Partition is how a partition stands. Entry.Index is 0 when it has no key yet: it begins at the baseline, or, without one, at the log start.
type Partition struct {
	record.Entry
	Next             int64 // the offset of the next record to deliver; -1 = the key can't be read
	LogStart, LogEnd int64 // -1 = Kafka has no such partition
}

// Lag is how many offsets lie between the stored one and the end of the log.
func (p *Partition) Lag() int64 {
	if p.Next < 0 || p.LogEnd < 0 {
		return 0
	}
	return max(0, p.LogEnd-p.Next)
}

// Look reads how a topic stands. It refuses a topic that is not tracked.
func (c *Control) Look(ctx context.Context, topic string) (*Topic, error) {
	t, err := c.look(ctx, topic)
	if err == nil && t.Index == 0 {
		err = notTracked(topic)
	}
	return t, err
}

func notTracked(topic string) error {
	return refuse(UnknownTopic, "see the topic's name, the group and offsets.prefix; a group that has never run has none: start it, or import them",
		"the store has no offsets of topic %s for this group", topic)
}

// look reads a topic that may not be tracked.
func (c *Control) look(ctx context.Context, topic string) (*Topic, error) {
	doc, err := c.store.Topic(ctx, topic)
	if err != nil {
		return nil, topicError(topic, err)
	}
	view, err := c.cluster.Topics(ctx, []string{topic})
	if err != nil {
		return nil, err
	}
	t := &Topic{Topic: doc, View: view.Topics[topic], ClusterID: view.ClusterID}
	if t.View.Err != nil {
		return nil, fmt.Errorf("ask for topic %s: %w", topic, t.View.Err)
	}
	entries, err := c.entries(ctx, topic, allOf(max(doc.Partitions, t.View.Partitions)))
	if err != nil {
		return nil, err
	}
	starts, ends, err := c.bounds(ctx, topic, t.View.Partitions)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		t.Partitions = append(t.Partitions, t.standing(entries[i], starts, ends))
	}
	return t, nil
}

// topicError says what to do about a document that can't be read.
func topicError(topic string, err error) error {
	var bad *record.BadKeyError
	if errors.As(err, &bad) {
		return refuse(Unreadable, "mend the value, or delete all keys of the topic to start as for the first time", "the document of topic %s can't be used: %v", topic, bad)
	}
	return err
}

func (t *Topic) standing(e record.Entry, starts, ends map[record.TopicPartition]int64) Partition {
	p := Partition{Entry: e, Next: e.Offset, LogStart: -1, LogEnd: -1}
	if start, ok := starts[e.TopicPartition]; ok {
		p.LogStart, p.LogEnd = start, ends[e.TopicPartition]
	}
	switch from, ok := t.Baseline[e.Partition]; {
	case e.Bad != nil:
		p.Next = -1
	case e.Index != 0 && !otherID(t.TopicID, e.TopicID):
	case ok:
		p.Next = from
	default:
		p.Next = p.LogStart
	}
	return p
}

// otherID: both are known and differ.
func otherID(a, b string) bool { return a != "" && b != "" && a != b }

// Replaced says whether Kafka's topic is another log than the one the stored offsets are of.
func (t *Topic) Replaced() bool {
	return t.Index != 0 && (otherID(t.TopicID, t.View.ID) || otherID(t.Topic.ClusterID, t.ClusterID))
}

// entries reads the keys of partitions, in the order asked.
func (c *Control) entries(ctx context.Context, topic string, parts []int32) ([]record.Entry, error) {
	var all []record.Entry
	for chunk := range slices.Chunk(parts, record.MaxWrites) {
		entries, err := c.store.Entries(ctx, idsOf(topic, chunk))
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	return all, nil
}

func (c *Control) bounds(ctx context.Context, topic string, n int32) (starts, ends map[record.TopicPartition]int64, err error) {
	if n == 0 {
		return nil, nil, nil
	}
	parts := idsOf(topic, allOf(n))
	if starts, err = c.cluster.Offsets(ctx, record.OffsetQuery{At: record.AtStart}, parts); err != nil {
		return nil, nil, err
	}
	ends, err = c.cluster.Offsets(ctx, record.OffsetQuery{At: record.AtEnd}, parts)
	return starts, ends, err
}

func allOf(n int32) []int32 {
	parts := make([]int32, n)
	for i := range parts {
		parts[i] = int32(i)
	}
	return parts
}

func idsOf(topic string, parts []int32) []record.TopicPartition {
	ids := make([]record.TopicPartition, len(parts))
	for i, p := range parts {
		ids[i] = record.TopicPartition{Topic: topic, Partition: p}
	}
	return ids
}

// Choose checks the partitions asked for and puts them in order; nil = all. It refuses one that the topic does not have.
func (t *Topic) Choose(parts []int32) ([]int32, error) {
	n := int32(len(t.Partitions))
	if parts == nil {
		return allOf(n), nil
	}
	if len(parts) == 0 {
		return nil, refuse(BadRequest, "name some, or leave them out for all", "no partition of topic %s is named", t.Name)
	}
	parts = slices.Compact(slices.Sorted(slices.Values(parts)))
	for _, p := range parts {
		if p < 0 || p >= n {
			return nil, refuse(UnknownPartition, "", "there is no partition %s/%d; the topic has %d, numbered from 0", t.Name, p, n)
		}
	}
	return parts, nil
}
