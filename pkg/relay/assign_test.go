package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// took measures how long f takes.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

// Revoke waits for the request in flight and commits what it acknowledged, without waiting for the interval.
func TestRevokeWaitsAndCommits(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.CommitInterval = time.Hour
		r.kafka.produce("orders/0", 3)
		r.app.answers(after(5*time.Second, ack()))
		r.start()
		r.pass(time.Second)
		if d := took(func() { r.group.revoke("orders/0") }); d < 3*time.Second || d > 5*time.Second {
			r.Errorf("revoke took %v", d)
		}
		r.wantCommitted("orders/0", 3)
		r.kafka.produce("orders/0", 3)
		r.pass(time.Minute)
		r.wantSent("1 orders/0[0,3)")
	})
}

// A request that does not end within deliver.drain is cut; its records belong to the next owner.
func TestRevokeCutsAfterDrain(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 3)
		r.app.answers(hang)
		r.run()
		if d := took(func() { r.group.revoke("orders/0") }); d != 20*time.Second {
			r.Errorf("revoke took %v", d)
		}
		r.wantCommitted("orders/0", 0)
	})
}

// Lost cuts at once.
func TestLostCutsAtOnce(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 3)
		r.app.answers(hang)
		r.run()
		if d := took(func() { r.group.lose("orders/0") }); d != 0 {
			r.Errorf("lost took %v", d)
		}
		r.wantSent("1 orders/0[0,3)")
	})
}

// No attempt, half or retry starts during a revoke; the batch's other partitions go on.
func TestRevokeStartsNothing(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 3)
		r.kafka.produce("orders/1", 3)
		first := true
		r.app.answers(func(ctx context.Context, a attempt) record.Outcome {
			if first {
				first = false
				return after(5*time.Second, status(record.Failed, "500"))(ctx, a)
			}
			return ack()
		})
		r.run()
		r.group.revoke("orders/0")
		r.pass(10 * time.Second)
		r.wantSent("1 orders/0[0,3) orders/1[0,3)", "2 orders/1[0,3)")
		r.wantCommitted("orders/0", 0)
		r.wantCommitted("orders/1", 3)
	})
}

// A partition that waits in back-off or is idle is let go at once.
func TestRevokeOfWaitingPartition(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 3)
		r.app.says(status(record.Failed, "500"))
		r.run()
		r.pass(time.Minute)
		if d := took(func() { r.group.revoke("orders/0", "orders/1") }); d != 0 {
			r.Errorf("revoke took %v", d)
		}
	})
}

// A store that is away holds a revoke no longer than its deadline.
func TestRevokeGivesUpTheCommit(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.store.Before(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
		r.kafka.produce("orders/0", 3)
		r.pass(10 * time.Second)
		if d := took(func() { r.group.revoke("orders/0") }); d > r.cfg.StoreTimeout {
			r.Errorf("revoke took %v", d)
		}
		r.store.Before(nil)
		r.group.assign("orders/0")
		r.pass(10 * time.Second)
		r.wantSent("1 orders/0[0,3)", "1 orders/0[0,3)")
		r.wantCommitted("orders/0", 3)
	})
}

// A partition that comes back is claimed anew and goes on at the stored offset.
func TestRevokedAndAssignedAgain(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 3)
		r.run()
		r.group.revoke("orders/0")
		r.entry("orders/0", 5, "pod-2/0123456789abcdef", "") // the owner meanwhile
		r.kafka.produce("orders/0", 4)
		for o := int64(3); o < 5; o++ {
			r.ledger.settle(tp("orders/0"), o)
		}
		r.group.assign("orders/0")
		r.pass(3 * time.Second)
		r.wantSent("1 orders/0[0,3)", "1 orders/0[5,7)")
		if fence := r.attempts(1)[0].parts[0].Fence; fence != 5000000001 {
			r.Errorf("fence %d", fence)
		}
	})
}

// A dead letter under way is waited for, and committed.
func TestRevokeWaitsForDeadLetter(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.letters.delay = 3 * time.Second
		r.kafka.produce("orders/0", 3)
		r.app.answers(poisonedByName("orders/0", 1))
		r.start()
		r.pass(100 * time.Millisecond)
		r.group.revoke("orders/0")
		r.wantLetters("orders/0:1")
		r.wantCommitted("orders/0", 3)
	})
}

// A problem of the group that was joined does not make the process unready, and is shown with Kafka's state.
func TestGroupProblemAfterJoining(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.group.do(func(ev record.GroupEvents) { ev.Problem("kafka", "READ on the group is denied") })
		r.pass(time.Second)
		r.wantReasons()
		if got := r.status().Kafka.Error; got != "READ on the group is denied" {
			r.Errorf("error %q", got)
		}
		r.group.do(func(ev record.GroupEvents) { ev.Problem("", "") })
		r.pass(time.Second)
		if got := r.status().Kafka.Error; got != "" {
			r.Errorf("error %q", got)
		}
	})
}

// The group's problems are shown.
func TestGroupProblem(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.group.do(func(ev record.GroupEvents) { ev.Problem("instance_id_in_use", "billing-0 is in use") })
		r.pass(time.Second)
		r.wantReasons("instance_id_in_use")
		r.group.do(func(ev record.GroupEvents) { ev.Problem("", "") })
		r.pass(time.Second)
		r.wantReasons()
	})
}
