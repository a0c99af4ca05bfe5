package testenv

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Produced is one record that the broker acknowledged: the producer's log.
type Produced struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       string
	Value     string
}

// Produce writes n numbered records round robin over partitions [0, partitions) with acks=all, waits for all of
// them and returns them in the order written. Values are "<prefix>-<number>".
func (b *brokers) Produce(topic string, partitions int32, n int, prefix string) []Produced {
	b.t.Helper()
	cl, err := kgo.NewClient(manual(b.seeds)...)
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = numbered(topic, int32(i)%partitions, prefix, i)
	}
	return b.send(cl, records)
}

// ProduceRecords writes the records to the partitions they name and returns them acknowledged.
func (b *brokers) ProduceRecords(records ...*kgo.Record) []Produced {
	b.t.Helper()
	cl, err := kgo.NewClient(manual(b.seeds)...)
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	return b.send(cl, records)
}

func (b *brokers) send(cl *kgo.Client, records []*kgo.Record) []Produced {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		b.t.Fatalf("produce to %s: %v", records[0].Topic, err)
	}
	log := make([]Produced, len(records))
	for i, r := range records {
		log[i] = logged(r)
	}
	return log
}

func manual(seeds []string) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(seeds...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.MetadataMinAge(50 * time.Millisecond),
	}
}

func numbered(topic string, partition int32, prefix string, i int) *kgo.Record {
	return &kgo.Record{
		Topic: topic, Partition: partition,
		Key:   fmt.Appendf(nil, "key-%d", i),
		Value: fmt.Appendf(nil, "%s-%d", prefix, i),
	}
}

func logged(r *kgo.Record) Produced {
	return Produced{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: string(r.Key), Value: string(r.Value)}
}

// Load is a producer that runs in the background and keeps a log of what was acknowledged.
type Load struct {
	stop context.CancelFunc
	done chan struct{}

	mu         sync.Mutex
	partitions int32
	log        []Produced
	err        error
}

// StartLoad produces perSecond records per second round robin over partitions [0, partitions) until Stop.
func (b *brokers) StartLoad(topic string, partitions int32, perSecond int) *Load {
	b.t.Helper()
	cl := b.Client(manual(b.seeds)...)
	ctx, stop := context.WithCancel(context.Background())
	l := &Load{stop: stop, done: make(chan struct{}), partitions: partitions}
	go l.run(ctx, cl, topic, perSecond)
	b.t.Cleanup(func() { l.stop(); <-l.done })
	return l
}

// run sends a small burst every 20 ms to the partitions its client knows; cancelling stops sending,
// and what was sent is waited for.
func (l *Load) run(ctx context.Context, cl *kgo.Client, topic string, perSecond int) {
	defer close(l.done)
	const every = 20 * time.Millisecond
	burst := max(1, perSecond*int(every)/int(time.Second))
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := 0; ; {
		select {
		case <-ctx.Done():
			flush, cancel := context.WithTimeout(context.Background(), adminWithin)
			defer cancel()
			_ = cl.Flush(flush) // what is not acknowledged by then is not in the log
			return
		case <-tick.C:
		}
		for range burst {
			l.mu.Lock()
			partition := int32(i) % l.partitions
			l.mu.Unlock()
			// The first record makes the client ask; a partition that was added is not known at once.
			if leader, _, _ := cl.PartitionLeader(topic, partition); leader < 0 && i > 0 {
				cl.ForceMetadataRefresh()
				break
			}
			cl.Produce(context.Background(), numbered(topic, partition, "load", i), l.acked)
			i++
		}
	}
}

func (l *Load) acked(r *kgo.Record, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.err = err
		return
	}
	l.log = append(l.log, logged(r))
}

// Partitions makes the load go on over [0, n) partitions.
func (l *Load) Partitions(n int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.partitions = n
}

// Len is the number of records acknowledged so far.
func (l *Load) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.log)
}

// Stop ends the load and returns everything that was acknowledged, and the last error of a produce.
func (l *Load) Stop() ([]Produced, error) {
	l.stop()
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log, l.err
}
