package producer

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

const (
	// burstsPerTransaction is how many bursts go into one.
	burstsPerTransaction = 10
	// endWithin is the deadline of a commit. It is above the transaction's time-out at the broker, after which the outcome is settled.
	endWithin = 50 * time.Second
)

// transaction is what was sent in one.
type transaction struct {
	began oracle.Nanos

	mu      sync.Mutex
	records map[int32][]*kgo.Record // by partition, in the order of their offsets
	n       int
	failed  error // of a record; the transaction can only be aborted
}

// runTransactions produces transactions until ctx ends; the last one is brought to its end.
func (p *Producer) runTransactions(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 1; ctx.Err() == nil; n++ {
		if err := p.begin(); err != nil {
			select { // a client that can't begin is made anew a moment later
			case <-ctx.Done():
			case <-time.After(every):
			}
			continue
		}
		t := &transaction{began: now(), records: map[int32][]*kgo.Record{}}
		for range burstsPerTransaction {
			select {
			case <-ctx.Done():
			case <-tick.C:
				p.send(t)
			}
		}
		p.end(t, p.cfg.AbortOneIn > 0 && n%p.cfg.AbortOneIn == 0)
	}
}

func (p *Producer) begin() error {
	if p.client == nil {
		if err := p.connect(); err != nil {
			return err
		}
	}
	err := p.client.BeginTransaction()
	if err != nil {
		p.disconnect()
	}
	return err
}

func (p *Producer) send(t *transaction) {
	for _, r := range p.burst() {
		t.n++
		p.client.Produce(context.Background(), r, func(r *kgo.Record, err error) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if err != nil {
				t.failed = err
				return
			}
			t.records[r.Partition] = append(t.records[r.Partition], r)
		})
	}
}

// end commits or aborts. After an error the client is made anew: the next transaction of the same id ends this one.
func (p *Producer) end(t *transaction, abort bool) {
	given := p.flush()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed == nil {
		t.failed = given
	}
	commit := kgo.TransactionEndTry(!abort && t.failed == nil)
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	err := p.client.EndTransaction(ctx, commit)
	if err != nil || t.failed != nil {
		p.disconnect()
	}
	switch {
	case abort:
		p.mu.Lock()
		p.counts.Aborted += t.n
		p.mu.Unlock()
	case t.failed != nil:
		p.unknown(t.n, t.failed)
	case err != nil:
		p.unknown(t.n, err)
	default:
		for partition, records := range t.records {
			p.acked(partition, t.began, records)
		}
	}
}
