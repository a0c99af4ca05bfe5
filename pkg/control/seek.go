package control

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Target is where to go; exactly one way is set. Make it with one of the functions.
type Target struct {
	at      record.OffsetAt
	time    time.Time
	offset  *int64
	shift   *int64
	offsets map[int32]int64
}

// Earliest is the log start.
func Earliest() Target { return Target{at: record.AtStart} }

// Latest is the end: the last stable offset under read_committed.
func Latest() Target { return Target{at: record.AtLatest} }

// Offset is the same offset in every partition.
func Offset(n int64) Target { return Target{offset: &n} }

// At is the first record at or after a time; the end where there is none.
func At(t time.Time) Target { return Target{at: record.AtTime, time: t} }

// Shift moves on by so many offsets, or back when they are negative.
func Shift(n int64) Target { return Target{shift: &n} }

// Each is an offset of its own for each partition; -1 = the end, -2 = the log start.
func Each(offsets map[int32]int64) Target { return Target{offsets: offsets} }

// Seek plans to go on from another offset; parts nil = all partitions. With force offsets outside the log are taken as they are.
//
// Offsets of another log (the topic was recreated, or is of another cluster) are replaced as a whole: then all partitions must be meant.
func (c *Control) Seek(ctx context.Context, topic string, parts []int32, to Target, force bool) (*Plan, error) {
	t, err := c.Look(ctx, topic)
	if err != nil {
		return nil, err
	}
	if t.View.Missing {
		return nil, refuse(UnknownTopic, "create it, or correct the name", "Kafka has no topic %s", topic)
	}
	chosen, err := t.Choose(parts)
	if err != nil {
		return nil, err
	}
	plan := &Plan{What: Seek, Topic: topic, doc: t.Topic}
	if t.Replaced() {
		if len(chosen) != len(t.Partitions) || to.shift != nil {
			return nil, anotherLog(topic, "reset all partitions at once, to an absolute place")
		}
		chosen = allOf(t.View.Partitions)
		plan.replace = t.newDocument("reset by an operator", c.now())
		plan.Notes = append(plan.Notes, fmt.Sprintf("the stored offsets are of another log (topic id %s of cluster %s); all of them are replaced", t.TopicID, t.Topic.ClusterID))
	}
	targets, err := c.resolve(ctx, t, chosen, to)
	if err != nil {
		return nil, err
	}
	for _, n := range chosen {
		if err := plan.move(&t.Partitions[n], targets[n], force); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

// newDocument is the topic's document of the log that Kafka has now. Its baseline is yet to be filled.
func (t *Topic) newDocument(start string, now time.Time) *record.Topic {
	doc := t.Topic
	doc.TopicID, doc.ClusterID, doc.Partitions, doc.Start, doc.CreatedAt = t.View.ID, t.ClusterID, t.View.Partitions, start, now.UTC()
	doc.Baseline = map[int32]int64{}
	return &doc
}

// move adds the step of one partition, checked against its log.
func (p *Plan) move(at *Partition, to int64, force bool) error {
	switch {
	case at.Bad != nil && !force:
		return refuse(Unreadable, "see what it holds; with force it is written over", "the key of %s can't be read: %v", at.TopicPartition, at.Bad)
	case to < 0:
		return refuse(OutOfRange, "", "offset %d of %s is below 0; the log holds %d to %d", to, at.TopicPartition, at.LogStart, at.LogEnd)
	case at.LogStart < 0:
		return refuse(UnknownPartition, "", "Kafka has no partition %s", at.TopicPartition)
	case (to < at.LogStart || to > at.LogEnd) && !force:
		return refuse(OutOfRange, "choose an offset between them, or force it",
			"offset %d of %s is outside the log, which starts at %d and ends at %d", to, at.TopicPartition, at.LogStart, at.LogEnd)
	}
	from := at.Next
	if p.replace != nil {
		from = -1
		p.replace.Baseline[at.Partition] = to
	}
	p.Steps = append(p.Steps, Step{
		Partition: at.Partition, From: from, To: to, WasPaused: at.Paused, Paused: at.Paused, LogStart: at.LogStart, LogEnd: at.LogEnd,
	})
	return nil
}

// resolve turns a target into an offset for each partition.
func (c *Control) resolve(ctx context.Context, t *Topic, parts []int32, to Target) (map[int32]int64, error) {
	out := map[int32]int64{}
	switch {
	case to.offset != nil:
		for _, n := range parts {
			out[n] = *to.offset
		}
	case to.shift != nil:
		return shifted(t, parts, *to.shift)
	case to.offsets != nil:
		return c.each(ctx, t, parts, to.offsets)
	case to.at != 0:
		found, err := c.cluster.Offsets(ctx, record.OffsetQuery{At: to.at, Time: to.time}, idsOf(t.Name, parts))
		if err != nil {
			return nil, err
		}
		for tp, offset := range found {
			out[tp.Partition] = offset
		}
	default:
		return nil, refuse(BadRequest, "", "it is not said where to go")
	}
	return out, nil
}

func shifted(t *Topic, parts []int32, by int64) (map[int32]int64, error) {
	out := map[int32]int64{}
	for _, n := range parts {
		at := &t.Partitions[n]
		if at.Next < 0 {
			return nil, refuse(Unreadable, "choose an absolute place", "%s has no offset to move from", at.TopicPartition)
		}
		if by > 0 && at.Next > math.MaxInt64-by {
			return nil, refuse(OutOfRange, "", "%s: %d moved by %d is no offset", at.TopicPartition, at.Next, by)
		}
		out[n] = at.Next + by
	}
	return out, nil
}

// each takes the offsets given; all partitions meant must be among them.
func (c *Control) each(ctx context.Context, t *Topic, parts []int32, given map[int32]int64) (map[int32]int64, error) {
	out := map[int32]int64{}
	var latest []int32
	for _, n := range parts {
		offset, ok := given[n]
		switch {
		case !ok:
			return nil, refuse(BadRequest, "name its offset, or only the partitions that are meant", "no offset is given for %s", t.Partitions[n].TopicPartition)
		case offset == -1:
			latest = append(latest, n)
		case offset == -2:
			out[n] = t.Partitions[n].LogStart
		default:
			out[n] = offset
		}
	}
	if len(latest) > 0 {
		ends, err := c.cluster.Offsets(ctx, record.OffsetQuery{At: record.AtLatest}, idsOf(t.Name, latest))
		if err != nil {
			return nil, err
		}
		for tp, end := range ends {
			out[tp.Partition] = end
		}
	}
	return out, nil
}
