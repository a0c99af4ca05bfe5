package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// breakReading stops the reading of a partition as an error that does not heal does; the log stays whole.
func (r *rig) breakReading(name string) {
	r.reader.mu.Lock()
	if rd := r.reader.reads[tp(name)]; rd != nil {
		rd.broken = true
	}
	r.reader.mu.Unlock()
	r.kafka.poke()
}

// When reading stops while a batch is in flight, its records' memory is gone: what the app rejects is
// not dead-lettered from it, it comes again.
func TestReadingStopsBeforeReject(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.kafka.produce("orders/0", 3)
		r.app.answers(func(_ context.Context, a attempt) record.Outcome {
			time.Sleep(5 * time.Second)
			return poisonedByName("orders/0", 1)(nil, a)
		})
		r.run()
		r.breakReading("orders/0")
		r.pass(time.Minute)
		r.wantLetters("orders/0:1")
		if got := r.letters.all(); len(got) > 0 && string(got[0].Value) != "orders/0:1" {
			r.Errorf("dead letter %q", got[0].Value)
		}
		r.wantCommitted("orders/0", 3)
	})
}

// The same for a lone record that has failed often enough.
func TestReadingStopsBeforeLastFailure(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.cfg.MaxAttempts, r.cfg.Lanes = 1, 2
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 1)
		r.app.answers(func(_ context.Context, a attempt) record.Outcome {
			if !a.holds("orders/0", 0) {
				return ack()
			}
			time.Sleep(5 * time.Second)
			return status(record.Failed, "500")
		})
		r.run()
		r.kafka.produce("orders/1", 1) // evidence that the app is well
		r.pass(time.Second)
		r.breakReading("orders/0")
		for range 60 {
			r.kafka.produce("orders/1", 1)
			r.pass(time.Second)
		}
		r.wantLetters("orders/0:0")
		r.wantCommitted("orders/0", 1)
	})
}

// What is acknowledged after reading stopped is committed with an unknown leader epoch: by the epoch
// of an earlier record the log would look truncated.
func TestReadingStopsBeforeAck(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.log("orders/0", func(l *kafkaLog) { l.epoch = 3 })
		r.kafka.produce("orders/0", 2)
		r.run()
		r.kafka.log("orders/0", func(l *kafkaLog) { l.epoch = 4 })
		r.app.answers(after(5*time.Second, ack()))
		r.kafka.produce("orders/0", 3)
		r.pass(time.Second)
		r.breakReading("orders/0")
		r.pass(10 * time.Second)
		r.wantCommitted("orders/0", 5)
		if epoch := r.stored("orders/0")["leaderEpoch"]; epoch != -1.0 {
			r.Errorf("leader epoch %v", epoch)
		}
	})
}

// A batch that waited long is read again for its next try. When the budget is full before all of it is
// here and nothing else is under way, what is here goes on, else nothing ever would.
func TestPlannedBatchBeyondTheBudget(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxBytes, r.cfg.MemoryMaxBytes = 10_000, 100_000
		r.kafka.topic("orders", "id-1", 3)
		names := []string{"orders/0", "orders/1", "orders/2"}
		for _, name := range names {
			r.kafka.produce(name, 1, 1000)
		}
		busy := status(record.Busy, "429")
		busy.RetryAfter = time.Minute
		r.app.says(busy)
		r.run()
		r.reader.mu.Lock()
		r.reader.parts = 1
		r.reader.mu.Unlock()
		for _, name := range names {
			r.kafka.produce(name, 99, 1000)
		}
		r.app.says(ack())
		r.pass(5 * time.Minute)
		for _, name := range names {
			r.wantCommitted(name, 100)
		}
	})
}

// The group's end may take longer than the grace; nothing that was acknowledged is uncommitted then.
func TestSlowLeaveIsNotUncommitted(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 3)
		r.run()
		r.group.do(func(record.GroupEvents) {}) // joined
		go r.group.do(func(record.GroupEvents) { time.Sleep(time.Minute) })
		r.pass(time.Millisecond)
		r.endWell()
		r.wantCommitted("orders/0", 3)
	})
}
