package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// The times and isolation levels that a ListOffsets request knows beside real times.
const (
	timeEnd   = -1
	timeStart = -2

	uncommitted = 0 // the end is the high watermark
	committed   = 1 // the end is the last stable offset
)

var errNoAnswer = errors.New("the broker did not answer for this partition")

// answers is what a question about partitions brought: of each partition either an offset or an error.
type answers struct {
	offsets map[record.TopicPartition]int64
	errs    map[record.TopicPartition]error
}

func newAnswers() answers {
	return answers{map[record.TopicPartition]int64{}, map[record.TopicPartition]error{}}
}

// note takes one partition's answer: an error, or an offset.
func (a answers) note(topic string, partition int32, code int16, offset int64) {
	tp := record.TopicPartition{Topic: topic, Partition: partition}
	if err := kerr.ErrorForCode(code); err != nil {
		a.errs[tp] = err
	} else {
		a.offsets[tp] = offset
	}
}

// complete gives every partition without an answer an error.
func (a answers) complete(parts []record.TopicPartition, why error) answers {
	for _, tp := range parts {
		if _, ok := a.offsets[tp]; !ok && a.errs[tp] == nil {
			a.errs[tp] = why
		}
	}
	return a
}

// all is the offsets when there is one of each partition, else the error of the first without.
func (a answers) all(parts []record.TopicPartition, what string) (map[record.TopicPartition]int64, error) {
	for _, tp := range slices.SortedFunc(slices.Values(parts), record.TopicPartition.Compare) {
		if err := a.errs[tp]; err != nil {
			return nil, fmt.Errorf("ask for %s of %s: %w", what, tp, err)
		}
	}
	return a.offsets, nil
}

// Offsets answers for every partition asked, or fails as a whole with the first partition that has no
// answer named. AtCommitted is -1 where the group has committed nothing.
func (c *Cluster) Offsets(ctx context.Context, q record.OffsetQuery, parts []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	switch q.At {
	case record.AtStart:
		return c.list(ctx, parts, timeStart, uncommitted).all(parts, "the log start")
	case record.AtEnd:
		return c.list(ctx, parts, timeEnd, uncommitted).all(parts, "the log end")
	case record.AtLatest:
		return c.list(ctx, parts, timeEnd, c.latest()).all(parts, "the latest offset")
	case record.AtTime:
		return c.atTime(ctx, q.Time.UnixMilli(), parts)
	case record.AtCommitted:
		return c.committed(ctx, parts)
	}
	return nil, fmt.Errorf("ask for offsets: unknown query %d", q.At)
}

// latest is the isolation that makes the end of the log mean what `latest` means.
func (c *Cluster) latest() int8 {
	if c.cfg.IsolationLevel == "read_committed" {
		return committed
	}
	return uncommitted
}

// atTime asks a second time for partitions that have no record so late. The end is asked for first:
// a record that arrives between the two questions is then found by its time or lies above the end.
func (c *Cluster) atTime(ctx context.Context, millis int64, parts []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	ends, err := c.list(ctx, parts, timeEnd, c.latest()).all(parts, "the latest offset")
	if err != nil {
		return nil, err
	}
	found, err := c.list(ctx, parts, max(millis, 0), c.latest()).all(parts, "the offset at a time")
	if err != nil {
		return nil, err
	}
	for _, tp := range parts {
		if found[tp] < 0 {
			found[tp] = ends[tp]
		}
	}
	return found, nil
}

// list asks the leaders for offsets by time.
func (c *Cluster) list(ctx context.Context, parts []record.TopicPartition, millis int64, isolation int8) answers {
	req := kmsg.NewPtrListOffsetsRequest()
	req.IsolationLevel = isolation
	for topic, ps := range partitionsOf(parts) {
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic = topic
		for _, p := range ps {
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp = p, millis
			t.Partitions = append(t.Partitions, rp)
		}
		req.Topics = append(req.Topics, t)
	}
	a := newAnswers()
	why := ask(ctx, c.client, req, func(resp *kmsg.ListOffsetsResponse) {
		for i := range resp.Topics {
			t := &resp.Topics[i]
			for _, p := range t.Partitions {
				a.note(t.Topic, p.Partition, p.ErrorCode, p.Offset)
			}
		}
	})
	return a.complete(parts, why)
}

// ask sends a request that is split between brokers and returns why there may be parts without an answer.
func ask[R kmsg.Response](ctx context.Context, cl *kgo.Client, req kmsg.Request, each func(R)) error {
	why := errNoAnswer
	for _, shard := range cl.RequestSharded(ctx, req) {
		if shard.Err != nil {
			why = shard.Err
		} else if resp, ok := shard.Resp.(R); ok {
			each(resp)
		}
	}
	return why
}

// committed asks for the group's commits. Offsets of open transactions make it fail rather than lie.
func (c *Cluster) committed(ctx context.Context, parts []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	topics := []kmsg.OffsetFetchRequestGroupTopic{} // nil would be all of them
	for topic, ps := range partitionsOf(parts) {
		t := kmsg.NewOffsetFetchRequestGroupTopic()
		t.Topic, t.Partitions = topic, ps
		topics = append(topics, t)
	}
	g, err := c.fetchCommits(ctx, c.cfg.Group, topics)
	if err != nil {
		return nil, err
	}
	a := newAnswers()
	for _, t := range g.Topics {
		for _, p := range t.Partitions {
			a.note(t.Topic, p.Partition, p.ErrorCode, max(p.Offset, -1))
		}
	}
	return a.complete(parts, errNoAnswer).all(parts, "the group's commit")
}
