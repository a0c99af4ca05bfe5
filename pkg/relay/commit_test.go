package relay_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// writeLog notes the sizes of the transactions.
func (r *rig) writeLog() func() []int {
	var mu sync.Mutex
	var sizes []int
	r.store.Before(func(_ context.Context, op offsetstest.Op) error {
		mu.Lock()
		defer mu.Unlock()
		if len(op.Write) > 0 {
			sizes = append(sizes, len(op.Write))
		}
		return nil
	})
	return func() []int {
		mu.Lock()
		defer mu.Unlock()
		return append([]int(nil), sizes...)
	}
}

// Writes per interval depend on partitions, never on the record rate.
func TestCommitsAreCoalesced(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.run()
		before := r.store.Writes()
		for range 1000 {
			r.kafka.produce("orders/0", 3)
			r.kafka.produce("orders/1", 3)
			r.pass(10 * time.Millisecond)
		}
		if n := r.store.Writes() - before; n < 8 || n > 13 {
			r.Errorf("%d transactions in 10 s", n)
		}
		r.pass(2 * time.Second)
		r.wantCommitted("orders/0", 3000)
	})
}

// 1,000 dirty partitions are 16 transactions of at most 64, and one claim takes as many.
func TestTransactionsAreBounded(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 1000)
		r.run()
		sizes := r.writeLog()
		for n := range 1000 {
			r.kafka.produce(fmt.Sprintf("orders/%d", n), 1)
		}
		r.pass(5 * time.Second)
		got, sum := sizes(), 0
		for _, n := range got {
			sum += n
			if n > record.MaxWrites {
				r.Errorf("%d writes in a transaction", n)
			}
		}
		if len(got) != 16 || sum != 1000 {
			r.Errorf("transactions of %v", got)
		}
	})
}

// Values that did not change are not written.
func TestIdlePartitionsAreNotWritten(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 1)
		r.run()
		before := r.store.Writes()
		r.pass(time.Hour)
		if n := r.store.Writes() - before; n != 0 {
			r.Errorf("%d writes while idle", n)
		}
	})
}

// While the store is away delivery goes on up to max_pending, then it waits, then it catches up.
func TestStoreAway(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.CommitMaxPending, r.cfg.MaxRecords = 100, 50
		r.run()
		r.store.Before(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
		r.kafka.produce("orders/0", 500)
		r.pass(time.Minute)
		r.wantSent("1 orders/0[0,50)", "1 orders/0[50,100)")
		r.wantReasons() // a later outage of the store does not take the app out of its services
		if s := r.status(); s.Store.Up || r.metric("sidecar_store_up") != 0 {
			r.Error("the store is shown as up")
		}
		r.store.Before(nil)
		r.pass(20 * time.Second)
		r.wantCommitted("orders/0", 500)
		if s := r.status(); !s.Store.Up {
			r.Error("the store is shown as down")
		}
		for _, a := range r.attempts(0) {
			if a.n != 1 {
				r.Errorf("delivered again: %s", a)
			}
		}
	})
}

// A transaction with stale keys names them: they are dropped, the rest is sent again.
func TestStaleKeysDoNotHoldTheRest(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 3)
		r.run()
		r.group.setRefuse(fmt.Errorf("illegal generation"))
		r.entry("orders/1", 0, "pod-2/0123456789abcdef", "")
		for _, p := range []string{"orders/0", "orders/1", "orders/2"} {
			r.kafka.produce(p, 2)
		}
		r.pass(3 * time.Second)
		r.wantCommitted("orders/0", 2)
		r.wantCommitted("orders/1", 0)
		r.wantCommitted("orders/2", 2)
	})
}

// The position passes control records and commits them, so that the lag of an idle topic is 0.
func TestControlRecordsAreCommitted(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.control("orders/0", 2)
		r.run()
		r.wantCommitted("orders/0", 2)
		r.kafka.produce("orders/0", 3)
		r.kafka.control("orders/0", 1)
		r.pass(3 * time.Second)
		r.wantCommitted("orders/0", 6)
		r.kafka.control("orders/0", 1)
		r.pass(3 * time.Second)
		r.wantCommitted("orders/0", 7)
		if p := r.part("orders/0"); p.Lag != 0 || r.group.mirrored("orders/0") != 7 {
			r.Errorf("lag %d, mirrored %d", p.Lag, r.group.mirrored("orders/0"))
		}
		r.wantSent("1 orders/0[2,5)")
	})
}

// The leader epoch says nothing about an offset behind control records: it may belong to an older
// leader than the marker, and then the log would look truncated.
func TestLeaderEpochIsThatOfTheLastRecord(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.log("orders/0", func(l *kafkaLog) { l.epoch = 7 })
		r.kafka.produce("orders/0", 3)
		r.run()
		if got := r.stored("orders/0")["leaderEpoch"]; got != 7.0 {
			r.Errorf("leader epoch %v after a record", got)
		}
		r.kafka.control("orders/0", 1)
		r.pass(3 * time.Second)
		if got := r.stored("orders/0")["leaderEpoch"]; got != -1.0 {
			r.Errorf("leader epoch %v behind a control record", got)
		}
	})
}

// Durable offsets are committed to the Kafka group too, best effort: a refusal changes nothing.
func TestMirror(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 3)
		r.run()
		if got := r.group.mirrored("orders/0"); got != 3 {
			r.Errorf("mirrored %d", got)
		}
		r.group.setRefuse(fmt.Errorf("coordinator not available"))
		r.kafka.produce("orders/0", 3)
		r.pass(3 * time.Second)
		r.wantCommitted("orders/0", 6)
		r.group.setRefuse(nil)
		r.kafka.produce("orders/0", 1)
		r.pass(3 * time.Second)
		if got := r.group.mirrored("orders/0"); got != 7 {
			r.Errorf("mirrored %d", got)
		}
	})
}

// Without offsets.mirror_to_kafka only proofs are committed.
func TestMirrorOff(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MirrorToKafka = false
		r.kafka.produce("orders/0", 3)
		r.run()
		if got := r.group.mirrored("orders/0"); got != 0 {
			r.Errorf("mirrored %d", got)
		}
	})
}

// What the app acknowledges while a write is under way counts towards max_pending; once the write has landed the
// rest is written at once, or delivery would wait at the bound for the next interval.
func TestBoundReachedDuringAWrite(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.CommitInterval, r.cfg.CommitMaxPending, r.cfg.MaxRecords = 10*time.Second, 100, 50
		r.run()
		var writing atomic.Bool
		r.store.Before(func(_ context.Context, op offsetstest.Op) error {
			if len(op.Write) > 0 && writing.CompareAndSwap(false, true) {
				time.Sleep(time.Second)
			}
			return nil
		})
		r.kafka.produce("orders/0", 1)
		for !writing.Load() {
			r.pass(10 * time.Millisecond)
		}
		r.kafka.produce("orders/0", 300)
		r.pass(1100 * time.Millisecond)
		if n := len(r.sent()); n != 7 {
			r.Errorf("%d batches are sent 0.1 s after the write has landed, want 7", n)
		}
	})
}

// A store that contradicts itself is not asked without a pause: it calls a write stale and names no key, or names
// one whose version is the one that was written. What was acknowledged is committed when it is sane again.
func TestContradictingStore(t *testing.T) {
	for name, err := range map[string]error{
		"no key is named":    &record.StaleError{},
		"the key is as read": &record.StaleError{Stale: []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.run()
				var writes atomic.Int32
				r.store.Before(func(_ context.Context, op offsetstest.Op) error {
					if len(op.Write) == 0 || writes.Add(1) > 1000 {
						return nil
					}
					return err
				})
				r.kafka.produce("orders/0", 3)
				r.pass(time.Minute)
				if n := writes.Load(); n < 5 || n > 300 {
					r.Errorf("%d writes in a minute", n)
				}
				r.store.Before(nil)
				r.pass(6 * time.Second)
				r.wantCommitted("orders/0", 3)
				r.wantSent("1 orders/0[0,3)")
			})
		})
	}
}
