package fetch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Bounds compares positions with their logs. The answer has every partition asked for; a partition that
// can't be asked has its error there. It fails as a whole only when no partition has an answer.
func (c *Cluster) Bounds(ctx context.Context, at map[record.TopicPartition]record.Position) (map[record.TopicPartition]record.Bounds, error) {
	if len(at) == 0 {
		return map[record.TopicPartition]record.Bounds{}, nil
	}
	parts := slices.SortedFunc(maps.Keys(at), record.TopicPartition.Compare)
	ends := c.list(ctx, parts, timeEnd, uncommitted)
	// The end first: retention may raise the start between the questions, and the end never falls below it.
	starts := c.list(ctx, parts, timeStart, uncommitted)
	epochs := c.epochEnds(ctx, at)
	bounds := make(map[record.TopicPartition]record.Bounds, len(at))
	failed := 0
	for _, tp := range parts {
		b := record.Bounds{Start: starts.offsets[tp], End: ends.offsets[tp], Diverged: -1}
		for _, err := range []error{ends.errs[tp], starts.errs[tp], epochs.errs[tp]} {
			if err != nil && b.Err == nil {
				b.Err = err
				failed++
			}
		}
		if end, asked := epochs.offsets[tp]; asked && end >= 0 && end < at[tp].Offset {
			b.Diverged = end
		}
		bounds[tp] = b
	}
	if failed == len(parts) {
		return nil, fmt.Errorf("ask for the bounds of %s: %w", parts[0], bounds[parts[0]].Err)
	}
	return bounds, nil
}

// epochEnds asks where the leader epochs of the positions end in the leaders' logs: below the position
// means that the log was truncated there. Positions without an epoch are not asked for. A negative
// answer means that the leader does not know the epoch any more (retention) and says nothing.
func (c *Cluster) epochEnds(ctx context.Context, at map[record.TopicPartition]record.Position) answers {
	var parts []record.TopicPartition
	for tp, pos := range at {
		if pos.LeaderEpoch >= 0 {
			parts = append(parts, tp)
		}
	}
	a := newAnswers()
	if len(parts) == 0 {
		return a
	}
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	for topic, ps := range partitionsOf(parts) {
		t := kmsg.NewOffsetForLeaderEpochRequestTopic()
		t.Topic = topic
		for _, p := range ps {
			rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
			rp.Partition, rp.LeaderEpoch = p, at[record.TopicPartition{Topic: topic, Partition: p}].LeaderEpoch
			t.Partitions = append(t.Partitions, rp)
		}
		req.Topics = append(req.Topics, t)
	}
	why := ask(ctx, c.client, req, func(resp *kmsg.OffsetForLeaderEpochResponse) {
		for i := range resp.Topics {
			t := &resp.Topics[i]
			for _, p := range t.Partitions {
				a.note(t.Topic, p.Partition, p.ErrorCode, p.EndOffset)
			}
		}
	})
	return a.complete(parts, why)
}
