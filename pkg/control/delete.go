package control

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// recently is how long ago an owner's commit shows that the group runs.
const recently = time.Minute

// Delete plans to forget the offsets of a topic: the next start is a first start. It is refused while an owner has written within the last minute. Kafka is not asked.
func (c *Control) Delete(ctx context.Context, topic string) (*Plan, error) {
	doc, err := c.store.Topic(ctx, topic)
	if err != nil {
		return nil, topicError(topic, err)
	}
	if doc.Index == 0 {
		return nil, notTracked(topic)
	}
	entries, err := c.entries(ctx, topic, allOf(doc.Partitions))
	if err != nil {
		return nil, err
	}
	plan := &Plan{What: Delete, Topic: topic, doc: doc, Notes: []string{"the next start of the group is a first start of this topic"}}
	for i := range entries {
		e := &entries[i]
		if !strings.HasPrefix(e.Owner, operatorPrefix) && c.now().Sub(e.CommittedAt) < recently {
			return nil, refuse(InUse, "stop the group, and wait for a minute", "%s was written at %s by %s: the group runs",
				e.TopicPartition, e.CommittedAt.Format(time.RFC3339), e.Owner)
		}
		from := int64(-1)
		if e.Index != 0 {
			plan.keys = append(plan.keys, *e)
			if e.Bad == nil {
				from = e.Offset
			}
		}
		plan.Steps = append(plan.Steps, Step{Partition: e.Partition, From: from, To: -1, WasPaused: e.Paused, LogStart: -1, LogEnd: -1})
	}
	return plan, nil
}

// forget deletes the keys of the plan, and the topic's document last: a deletion that was cut off can be repeated.
func (w *writing) forget(ctx context.Context) error {
	line := w.line(w.c.now().UTC(), w.doc.Revision+1)
	for _, s := range w.plan.Steps {
		change := record.Change{Partition: s.Partition}
		if s.From >= 0 {
			change.Before = &record.Standing{Offset: s.From, Paused: s.WasPaused}
		}
		line.Changes = append(line.Changes, change)
	}
	done := 0
	for keys := range slices.Chunk(w.plan.keys, record.MaxWrites) {
		writes := make([]record.Write, len(keys))
		for i := range keys {
			writes[i] = record.Write{Entry: &keys[i], Delete: true}
		}
		if _, err := w.c.store.Write(ctx, writes); err != nil {
			return &Partial{done, len(w.plan.keys), fmt.Errorf("delete the keys of topic %s: %w; repeat it", w.doc.Name, err)}
		}
		done += len(keys)
	}
	if _, err := w.c.store.Write(ctx, []record.Write{{Topic: &w.doc, Delete: true}, {Audit: line}}); err != nil {
		return fmt.Errorf("delete the document of topic %s: %w; repeat it", w.doc.Name, err)
	}
	w.c.prune(ctx)
	return nil
}
