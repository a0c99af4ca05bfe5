package fetch

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Record reads one record, with memory of its own. It is a *record.NoRecordError when the log has none at that offset that an application would
// get: below its start, at its end or above, removed by compaction, of an aborted transaction, or a transaction's marker.
func (c *Cluster) Record(ctx context.Context, p record.TopicPartition, offset int64) (record.Record, error) {
	bounds, err := c.Bounds(ctx, map[record.TopicPartition]record.Position{p: {Offset: offset, LeaderEpoch: -1}})
	if err != nil {
		return record.Record{}, err
	}
	b := bounds[p]
	switch {
	case b.Err != nil:
		return record.Record{}, fmt.Errorf("ask for the bounds of %s: %w", p, b.Err)
	case offset < b.Start || offset >= b.End:
		return record.Record{}, &record.NoRecordError{TopicPartition: p, Offset: offset, Start: b.Start, End: b.End}
	}
	opts, err := c.recordOptions(p, offset)
	if err != nil {
		return record.Record{}, err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return record.Record{}, fmt.Errorf("start a client: %w", err)
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return record.Record{}, fmt.Errorf("read %s at %d: %w", p, offset, err)
		}
		for _, fe := range fetches.Errors() {
			return record.Record{}, fmt.Errorf("read %s at %d: %w", p, offset, fe.Err)
		}
		for _, kr := range fetches.Records() {
			switch {
			case kr.Offset == offset && !kr.Attrs.IsControl():
				return recordOf(kr), nil
			case kr.Offset >= offset: // the offset was passed
				return record.Record{}, &record.NoRecordError{TopicPartition: p, Offset: offset, Start: b.Start, End: b.End}
			}
		}
	}
}

// recordOptions are those of a client that reads one partition from an offset on, as the sidecar does.
func (c *Cluster) recordOptions(p record.TopicPartition, offset int64) ([]kgo.Opt, error) {
	isolation, err := c.cfg.isolation()
	if err != nil {
		return nil, err
	}
	opts, err := commonOptions(c.cfg, "record")
	if err != nil {
		return nil, err
	}
	return append(
		opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.Topic: {p.Partition: kgo.NewOffset().At(offset)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(isolation),
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(minFetchBytes),
		kgo.FetchMaxPartitionBytes(maxPartitionBytes),
		kgo.FetchMaxWait(fetchWait),
	), nil
}

// recordOf is a record without pools: its bytes are its own.
func recordOf(kr *kgo.Record) record.Record {
	r := record.Record{Offset: kr.Offset, Timestamp: timestamp(kr), LeaderEpoch: kr.LeaderEpoch, Key: kr.Key, Value: kr.Value}
	for _, h := range kr.Headers {
		r.Headers = append(r.Headers, record.Header{Name: h.Key, Value: h.Value})
	}
	return r
}
