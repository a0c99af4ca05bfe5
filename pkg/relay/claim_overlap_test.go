package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// slowClaims makes the first read of partition keys from now on take d.
func (r *rig) slowClaims(d time.Duration) {
	once := true
	r.store.Before(func(ctx context.Context, op offsetstest.Op) error {
		if op.Entries == nil || !once {
			return nil
		}
		once = false
		select {
		case <-time.After(d):
			return nil
		case <-ctx.Done():
			return record.ErrUnavailable
		}
	})
}

// A claim under way when the topic turns out to be recreated does not deliver the new log from an
// offset of the former one.
func TestRecreatedDuringClaim(t *testing.T) {
	for policy, want := range map[string][]string{
		"block":    {"1 orders/0[0,5)"},
		"earliest": {"1 orders/0[0,5)", "1 orders/0[0,8)"},
	} {
		t.Run(policy, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.cfg.TopicRecreated = policy
				r.kafka.produce("orders/0", 5)
				r.run()
				r.endWell()
				r.slowClaims(15 * time.Second)
				r.run()
				r.ledger.off = true
				r.kafka.topic("orders", "id-2", 1)
				r.kafka.produce("orders/0", 8)
				r.pass(time.Minute)
				r.wantSent(want...)
			})
		})
	}
}

// A claim under way when a topic's alarm comes and goes is not made twice, which would fence itself.
func TestAlarmDuringClaim(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.endWell()
		r.cfg.WatchInterval = 2 * time.Second
		r.slowClaims(15 * time.Second)
		r.run()
		r.kafka.edit(func() { r.kafka.topics["orders"].id = "id-2" })
		r.pass(3 * time.Second)
		r.kafka.edit(func() { r.kafka.topics["orders"].id = "id-1" })
		r.pass(20 * time.Second)
		r.kafka.produce("orders/0", 1)
		r.pass(5 * time.Second)
		r.wantSent("1 orders/0[0,5)", "1 orders/0[5,6)")
		r.wantCommitted("orders/0", 6)
		if n := r.metric("sidecar_fenced_total"); n != 0 {
			r.Errorf("fenced %v times", n)
		}
	})
}

// A topic that shows another id, then is missing, then is as it was, goes on.
func TestTopicMissingAfterOtherID(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.kafka.edit(func() { r.kafka.topics["orders"].id = "id-2" })
		r.pass(10 * time.Second)
		r.kafka.edit(func() { r.kafka.topics["orders"].missing = true })
		r.pass(10 * time.Second)
		r.kafka.edit(func() { r.kafka.topics["orders"].id, r.kafka.topics["orders"].missing = "id-1", false })
		r.kafka.produce("orders/0", 1)
		r.pass(15 * time.Second)
		r.wantSent("1 orders/0[0,1)")
	})
}

// The proof shows membership, not ownership: a claim under way is cut before the revoke returns, or it
// would take the key from the next owner. The claims it was made together with are made again.
func TestRevokeCutsClaim(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.slowClaims(3 * time.Second)
		r.start()
		r.pass(time.Second)
		if d := took(func() { r.group.revoke("orders/0") }); d > time.Second {
			r.Errorf("revoke took %v", d)
		}
		const next = "pod-2/0123456789abcdef"
		r.entry("orders/0", 0, next, "")
		r.pass(5 * time.Second)
		if owner := r.stored("orders/0")["owner"]; owner != next {
			r.Errorf("the key was taken by %v", owner)
		}
		r.wantState("orders/1", "idle")
		if !r.status().Store.Up {
			r.Error("the store counts as away")
		}
	})
}

// A dead letter under way holds a revoke and a drain no longer than a request does.
func TestDeadLetterIsCut(t *testing.T) {
	for name, c := range map[string]struct {
		leave func(r *rig)
		most  time.Duration
	}{
		"revoke": {func(r *rig) { r.group.revoke("orders/0") }, 10 * time.Second},
		"lost":   {func(r *rig) { r.group.lose("orders/0") }, 0},
		"stop":   {func(r *rig) { r.endWell() }, 16 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.deadLetterTopic()
				r.cfg.DrainTimeout, r.cfg.ShutdownGrace = 10*time.Second, 15*time.Second
				r.letters.delay = 28 * time.Second
				r.kafka.produce("orders/0", 3)
				r.app.answers(poisonedByName("orders/0", 1))
				r.run()
				if d := took(func() { c.leave(r) }); d > c.most {
					r.Errorf("took %v", d)
				}
				r.wantLetters()
				r.wantCommitted("orders/0", 1)
			})
		})
	}
}

// What remains of a batch that waits keeps its wait when one of its partitions is taken away.
func TestRevokeKeepsTheWaitOfTheOthers(t *testing.T) {
	for name, wait := range map[string]time.Duration{"short": 8 * time.Second, "long": time.Minute} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.kafka.topic("orders", "id-1", 2)
				r.kafka.produce("orders/0", 1)
				r.kafka.produce("orders/1", 1)
				busy := status(record.Busy, "429")
				busy.RetryAfter = wait
				r.app.says(busy)
				r.run()
				r.app.says(ack())
				r.group.revoke("orders/0")
				r.pass(2 * time.Minute)
				r.wantSent("1 orders/0[0,1) orders/1[0,1)", "1 orders/1[0,1)")
				if a := r.attempts(0); len(a) == 2 && a[1].at-a[0].at < wait {
					r.Errorf("came again after %v", a[1].at-a[0].at)
				}
			})
		})
	}
}

// A claim that ends after a drain without a group reads nothing.
func TestClaimEndsAfterDrain(t *testing.T) {
	scenario(t, func(r *rig) {
		r.group, r.cfg.Assignment.Mode = nil, "all"
		r.slowClaims(3 * time.Second)
		r.kafka.produce("orders/0", 3)
		r.start()
		r.pass(time.Second)
		if err := r.engine.Drain(context.Background()); err != nil {
			r.Error(err)
		}
		r.pass(10 * time.Second)
		r.reader.mu.Lock()
		defer r.reader.mu.Unlock()
		if len(r.reader.reads) > 0 {
			r.Error("it reads after the drain")
		}
	})
}
