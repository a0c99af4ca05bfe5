package control

import (
	"context"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Skip plans to pass over one record: the next one to deliver, at offset. Whether it blocks its partition is for the caller to know.
func (c *Control) Skip(ctx context.Context, p record.TopicPartition, offset int64) (*Plan, error) {
	t, err := c.Look(ctx, p.Topic)
	if err != nil {
		return nil, err
	}
	if _, err := t.Choose([]int32{p.Partition}); err != nil {
		return nil, err
	}
	at := &t.Partitions[p.Partition]
	switch {
	case at.Bad != nil:
		return nil, unreadable(at)
	case t.Replaced():
		return nil, anotherLog(p.Topic, "reset it first")
	case at.Next != offset:
		return nil, refuse(NotBlocked, "look at the status again", "%s does not stand at offset %d: the next record to deliver is %d", p, offset, at.Next)
	case offset >= at.LogEnd:
		return nil, refuse(OutOfRange, "", "there is no record at offset %d of %s; the log ends at %d", offset, p, at.LogEnd)
	}
	plan := &Plan{What: Skip, Topic: p.Topic, doc: t.Topic}
	return plan, plan.move(at, offset+1, true)
}
