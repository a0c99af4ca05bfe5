package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// topic is what a case reads.
type topic struct {
	name       string
	partitions int32
	size       int // bytes of a value
	lz4        bool
	records    int64 // 0 = it begins empty, a paced run fills it
}

// producer is a client that writes to the partitions it is told to.
func (w *world) producer(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(w.kafka.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.MetadataMinAge(50 * time.Millisecond),
	}, opts...)...)
}

// fill creates the topic unless it is there, and writes its records round robin over the partitions. There are no gaps: the
// topic's offsets are 0 to records/partitions-1 in each.
func (w *world) fill(ctx context.Context, t topic) error {
	if w.filled[t.name] {
		return nil
	}
	w.kafka.CreateTopic(t.name, t.partitions, "retention.ms", "-1", "retention.bytes", "-1")
	w.filled[t.name] = true
	if t.records == 0 {
		return nil
	}
	w.note("fill %s: %d records of %d bytes in %d partitions", t.name, t.records, t.size, t.partitions)
	codec := kgo.NoCompression()
	if t.lz4 {
		codec = kgo.Lz4Compression()
	}
	// A batch of a producer under load: 100 records of 1 KiB, where there are enough of them.
	cl, err := w.producer(kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(128<<10), kgo.ProducerLinger(50*time.Millisecond),
		kgo.MaxBufferedRecords(100_000), kgo.MaxBufferedBytes(256<<20))
	if err != nil {
		return err
	}
	defer cl.Close()
	var failed atomic.Pointer[error]
	events := orderEvents(t.size)
	for i := range t.records {
		r := &kgo.Record{
			Topic: t.name, Partition: int32(i % int64(t.partitions)),
			Key: fmt.Appendf(nil, "customer-%d", i%100_000), Value: events[i%distinctEvents],
		}
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
		if failed.Load() != nil {
			break
		}
	}
	if err := cl.Flush(ctx); err != nil {
		return fmt.Errorf("fill %s: %w", t.name, err)
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("fill %s: %w", t.name, *err)
	}
	return nil
}
