package relay_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// A batch fills across partitions, up to max_records.
func TestBatchFillsAcrossPartitions(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxRecords = 5
		r.kafka.topic("orders", "id-1", 3)
		for _, p := range []string{"orders/0", "orders/1", "orders/2"} {
			r.kafka.produce(p, 3)
		}
		r.run()
		r.wantSent("1 orders/0[0,3) orders/1[0,2)", "1 orders/1[2,3) orders/2[0,3)")
	})
}

// No partition starves: one with a long backlog takes turns with the others.
func TestNoPartitionStarves(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxRecords = 10
		r.kafka.topic("orders", "id-1", 3)
		r.app.answers(after(10*time.Millisecond, ack()))
		r.kafka.produce("orders/0", 5000)
		r.run()
		from := len(r.sent())
		r.kafka.produce("orders/1", 10)
		r.kafka.produce("orders/2", 10)
		r.pass(100 * time.Millisecond)
		seen := map[string]bool{}
		for _, a := range r.attempts(from) {
			seen[a.parts[0].String()] = true
		}
		if !seen["orders/1"] || !seen["orders/2"] {
			r.Errorf("only %v were delivered", seen)
		}
	})
}

// The encoder's cut by max_bytes is fair: what was cut out comes first in the next batch, and a single
// larger record travels alone.
func TestByteLimitIsFair(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxBytes, r.app.maxBytes = 1000, 1000
		r.kafka.topic("orders", "id-1", 3)
		r.kafka.produce("orders/0", 4, 300)
		r.kafka.produce("orders/1", 3, 300)
		r.kafka.produce("orders/2", 1, 5000)
		r.kafka.produce("orders/2", 2, 100)
		r.run()
		r.wantCommitted("orders/0", 4)
		r.wantCommitted("orders/1", 3)
		r.wantCommitted("orders/2", 3)
		for _, a := range r.attempts(0) {
			if a.holds("orders/2", 0) && a.len() != 1 {
				r.Errorf("the large record travels in %s", a)
			}
		}
	})
}

// Under a backlog of all partitions the byte limit gives every one its turn.
func TestByteLimitStarvesNobody(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxBytes, r.app.maxBytes = 1000, 1000
		r.kafka.topic("orders", "id-1", 4)
		names := []string{"orders/0", "orders/1", "orders/2", "orders/3"}
		for _, p := range names {
			r.kafka.produce(p, 200, 280)
		}
		r.app.answers(after(10*time.Millisecond, ack()))
		r.start()
		r.pass(2 * time.Second)
		count := map[string]int{}
		for _, a := range r.attempts(0) {
			for _, p := range a.parts {
				count[p.String()] += len(p.Records)
			}
		}
		for _, p := range names {
			if count[p] < 60 {
				r.Errorf("%s had %d records of %v", p, count[p], count)
			}
		}
	})
}

// {topic} in the URL: a batch holds one topic.
func TestTopicInURL(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Topics, r.cfg.TopicInURL = []string{"orders", "refunds"}, true
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.topic("refunds", "id-2", 1)
		for _, p := range []string{"orders/0", "orders/1", "refunds/0"} {
			r.kafka.produce(p, 2)
		}
		r.run()
		r.wantSent("1 orders/0[0,2) orders/1[0,2)", "1 refunds/0[0,2)")
	})
}

// min_records holds a batch back until so many records stand ready.
func TestMinRecords(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MinRecords, r.cfg.MaxWait = 10, time.Minute
		r.kafka.topic("orders", "id-1", 2)
		r.run()
		r.kafka.produce("orders/0", 6)
		r.pass(10 * time.Second)
		r.wantSent()
		r.kafka.produce("orders/1", 4)
		r.pass(time.Second)
		r.wantSent("1 orders/0[0,6) orders/1[0,4)")
	})
}

// max_wait bounds how long the oldest record waits.
func TestMaxWait(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MinRecords, r.cfg.MaxWait = 10, 30*time.Second
		r.run()
		r.kafka.produce("orders/0", 2)
		r.pass(20 * time.Second)
		r.kafka.produce("orders/0", 2)
		r.pass(9 * time.Second)
		r.wantSent()
		r.pass(2 * time.Second)
		r.wantSent("1 orders/0[0,4)")
		r.kafka.produce("orders/0", 1)
		r.pass(31 * time.Second)
		r.wantSent("1 orders/0[0,4)", "1 orders/0[4,5)")
	})
}

// While a request is in flight the next full batch is already encoded: it leaves at the same moment
// the ack arrives.
func TestEncodeAhead(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxRecords = 10
		r.kafka.produce("orders/0", 30)
		r.app.answers(after(time.Second, ack()))
		r.start()
		r.pass(1500 * time.Millisecond)
		r.wantSent("1 orders/0[0,10)", "1 orders/0[10,20)")
		r.pass(5 * time.Second)
		a := r.attempts(0)
		if a[1].at-a[0].at != time.Second || a[2].at-a[1].at != time.Second {
			r.Errorf("batches left at %v, %v, %v", a[0].at, a[1].at, a[2].at)
		}
	})
}

// What was encoded ahead is thrown away when the batch before it is not wholly acknowledged.
func TestEncodedAheadIsDiscardedOnFailure(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxRecords = 10
		r.kafka.produce("orders/0", 30)
		once := true
		r.app.answers(func(ctx context.Context, a attempt) record.Outcome {
			if once {
				once = false
				return after(time.Second, ack(retry("orders/0", 4)))(ctx, a)
			}
			return ack()
		})
		r.run()
		r.pass(3 * time.Second)
		if got := r.sent()[:2]; !slices.Equal(got, []string{"1 orders/0[0,10)", "2 orders/0[4,10)"}) {
			r.Errorf("sent %v", got)
		}
		r.wantCommitted("orders/0", 30)
	})
}

// Lanes run at the same time and never hold the same partition; the fakes check the latter.
func TestLanesRunInParallel(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Lanes, r.cfg.MaxRecords = 3, 5
		r.kafka.topic("orders", "id-1", 4)
		for _, p := range []string{"orders/0", "orders/1", "orders/2", "orders/3"} {
			r.kafka.produce(p, 50)
		}
		r.app.answers(after(time.Second, ack()))
		r.start()
		r.pass(500 * time.Millisecond)
		if n := len(r.sent()); n != 3 {
			r.Errorf("%d requests in flight", n)
		}
		r.pass(time.Minute)
		for _, p := range []string{"orders/0", "orders/1", "orders/2", "orders/3"} {
			r.wantCommitted(p, 50)
		}
		if end := r.attempts(0)[39].at; end > 16*time.Second {
			r.Errorf("40 batches in 3 lanes took %v", end)
		}
	})
}

// One lane: a handler is never called concurrently.
func TestOneLaneByDefault(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxRecords = 1
		r.kafka.topic("orders", "id-1", 4)
		for _, p := range []string{"orders/0", "orders/1", "orders/2", "orders/3"} {
			r.kafka.produce(p, 1)
		}
		r.app.answers(after(time.Second, ack()))
		r.start()
		r.pass(500 * time.Millisecond)
		if n := len(r.sent()); n != 1 {
			r.Errorf("%d requests in flight", n)
		}
	})
}

// Ranges: fromOffset is the end of the batch before, the first record may be later.
func TestRangesOverCompactedLog(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxRecords = 2
		r.kafka.produce("orders/0", 8)
		r.kafka.compact("orders/0", 0, 2, 3, 6)
		r.run()
		r.wantSent("1 orders/0[0,5)", "1 orders/0[5,8)")
		r.wantCommitted("orders/0", 8)
	})
}

// Memory is bounded: while the app hangs, no more than the budget and one poll is fetched.
func TestMemoryBudget(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MemoryMaxBytes, r.cfg.MaxBytes, r.cfg.MaxRecords = 100_000, 60_000, 10
		r.kafka.topic("orders", "id-1", 3)
		for _, p := range []string{"orders/0", "orders/1", "orders/2"} {
			r.kafka.produce(p, 1000, 1000)
		}
		r.app.answers(hang)
		r.run()
		used := r.status().Memory.Used
		poll := int64(3 * 50 * 1300)
		if used < 100_000 || used > 100_000+poll || int64(r.metric("sidecar_buffered_bytes")) != used {
			r.Errorf("%d bytes are used", used)
		}
	})
}

// A partition's queue is bounded; above it that partition alone stops being fetched, below half it goes on.
func TestPartitionIsPausedAlone(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MemoryMaxBytes, r.cfg.MaxBytes, r.cfg.MaxRecords = 1_000_000, 10_000, 10
		r.kafka.topic("orders", "id-1", 4)
		r.kafka.produce("orders/0", 1000, 1000)
		r.app.answers(func(ctx context.Context, a attempt) record.Outcome {
			if len(a.parts) == 1 && a.parts[0].TopicPartition == tp("orders/0") {
				return hang(ctx, a)
			}
			return ack()
		})
		r.cfg.Lanes = 2
		r.run()
		if got := r.reader.pauseLog(); !slices.Equal(got, []string{"+orders/0"}) {
			r.Errorf("pauses %v", got)
		}
		if used := r.status().Memory.Used; used > 250_000+50*1300 {
			r.Errorf("%d bytes are used by one of four partitions", used)
		}
		r.kafka.produce("orders/1", 30)
		r.pass(3 * time.Second)
		r.wantCommitted("orders/1", 30)
		r.app.answers(after(10*time.Millisecond, ack()))
		r.group.lose("orders/0") // ends the request that hangs
		r.group.assign("orders/0")
		r.pass(5 * time.Second)
		r.wantCommitted("orders/0", 1000)
		if got := strings.Join(r.reader.pauseLog()[1:], " "); !strings.Contains(got, "+orders/0 -orders/0") {
			r.Errorf("pauses %v", got)
		}
	})
}
