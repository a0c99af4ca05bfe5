package main

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// demoPlace is where a record lies in the demo's topic.
type demoPlace struct {
	partition int32
	offset    int64
}

// demoProducer is the only writer of the topic and keeps a log of what the broker has accepted.
type demoProducer struct {
	broker string

	mu         sync.Mutex // held over a produce, so that log holds everything that lies in the topic
	client     *kgo.Client
	partitions int32
	log        map[demoPlace]string // value by place
	next       map[int32]int64      // log end by partition
	serial     int                  // of the last record, written into its value
}

func newDemoProducer(broker string, partitions int32) (*demoProducer, error) {
	p := &demoProducer{broker: broker, partitions: partitions, log: map[demoPlace]string{}, next: map[int32]int64{}}
	return p, p.connect()
}

// connect opens a client. A fresh one knows partitions that were added a moment ago.
func (p *demoProducer) connect() error {
	client, err := kgo.NewClient(kgo.SeedBrokers(p.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return fmt.Errorf("open the producer: %w", err)
	}
	if p.client != nil {
		p.client.Close()
	}
	p.client = client
	return nil
}

func (p *demoProducer) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.client.Close()
}

// write produces n records to every one of the partitions and waits for the broker's answer.
func (p *demoProducer) write(ctx context.Context, n int, partitions ...int32) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var records []*kgo.Record
	for range n {
		for _, partition := range partitions {
			p.serial++
			records = append(records, &kgo.Record{
				Topic: demoTopic, Partition: partition,
				Key:   fmt.Appendf(nil, "customer-%d", p.serial%17),
				Value: fmt.Appendf(nil, `{"order":%d}`, p.serial),
			})
		}
	}
	for _, result := range p.client.ProduceSync(ctx, records...) {
		if result.Err != nil {
			return fmt.Errorf("produce to %s: %w", demoTopic, result.Err)
		}
		r := result.Record
		p.log[demoPlace{r.Partition, r.Offset}] = string(r.Value)
		p.next[r.Partition] = max(p.next[r.Partition], r.Offset+1)
	}
	return nil
}

// all lists the partitions of this moment.
func (p *demoProducer) all() []int32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]int32, p.partitions)
	for i := range out {
		out[i] = int32(i)
	}
	return out
}

// addPartition makes the topic one partition larger and returns the new one's number.
func (p *demoProducer) addPartition(ctx context.Context) (int32, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answers, err := kadm.NewClient(p.client).CreatePartitions(ctx, 1, demoTopic)
	if err == nil {
		err = answers.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("add a partition to %s: %w", demoTopic, err)
	}
	p.partitions++
	return p.partitions - 1, p.connect()
}

// ends are the log ends of all partitions.
func (p *demoProducer) ends() []int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]int64, p.partitions)
	for i := range out {
		out[i] = p.next[int32(i)]
	}
	return out
}

// written is a copy of the log.
func (p *demoProducer) written() map[demoPlace]string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.log)
}

// count is how many records were written.
func (p *demoProducer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.log)
}

// load writes one record to every partition at each tick until the returned function is called,
// which waits for the last produce and returns the first error.
func (p *demoProducer) load(ctx context.Context, tick time.Duration) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				ended <- nil
				return
			case <-ticker.C:
			}
			// A produce that was cut may or may not lie in the topic: let it end, the broker is in this process.
			if err := p.write(context.WithoutCancel(ctx), 1, p.all()...); err != nil {
				ended <- err
				return
			}
		}
	}()
	return sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
}
