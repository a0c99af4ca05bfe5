package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// pace is a producer that writes at a steady rate, round robin over the partitions, and notes when each record was acknowledged.
type pace struct {
	topic     topic
	perSecond int
	records   int           // in all
	linger    time.Duration // how long a record waits for others

	mu    sync.Mutex
	acked map[place]time.Time
	err   error
}

// place names a record.
type place struct {
	partition int32
	offset    int64
}

// run produces all records; it returns when the last is acknowledged.
func (p *pace) run(ctx context.Context, w *world) error {
	cl, err := w.producer(kgo.ProducerLinger(p.linger))
	if err != nil {
		return err
	}
	defer cl.Close()
	p.acked = make(map[place]time.Time, p.records)
	events := orderEvents(p.topic.size)
	began := time.Now()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for sent := 0; sent < p.records; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		// A late tick is made up for.
		for due := min(int(time.Since(began).Seconds()*float64(p.perSecond)), p.records); sent < due; sent++ {
			cl.Produce(ctx, &kgo.Record{
				Topic: p.topic.name, Partition: int32(sent % int(p.topic.partitions)),
				Key: fmt.Appendf(nil, "customer-%d", sent), Value: events[sent%distinctEvents],
			}, p.done)
		}
	}
	if err := cl.Flush(ctx); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

func (p *pace) done(r *kgo.Record, err error) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.err = fmt.Errorf("produce to %s: %w", p.topic.name, err)
		return
	}
	p.acked[place{r.Partition, r.Offset}] = now
}

// count is how many are acknowledged.
func (p *pace) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.acked)
}

// delays are the times in milliseconds from the acknowledgement of each record to its delivery, of records acknowledged at or
// after since. A record may be delivered before its producer knows.
func (p *pace) delays(got []delivery, since time.Time) series {
	var all series
	for _, d := range got {
		for offset := d.from; offset < d.until; offset++ {
			if acked, ours := p.acked[place{d.partition, offset}]; ours && !acked.Before(since) {
				all = append(all, float64(d.at.Sub(acked))/float64(time.Millisecond))
			}
		}
	}
	return all
}
