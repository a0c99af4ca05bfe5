package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// operator writes to the store as the commands do.
func (r *rig) operator() *control.Control { return control.New(r.store, r.kafka, "ann@host") }

// does carries out a plan.
func (r *rig) does(plan *control.Plan, err error) {
	r.Helper()
	if err == nil {
		err = r.operator().Apply(context.Background(), plan)
	}
	if err != nil {
		r.Fatal(err)
	}
}

func (r *rig) seek(to control.Target, parts ...int32) {
	r.Helper()
	r.does(r.operator().Seek(context.Background(), "orders", parts, to, false))
}

// An idle owner learns of it within the watch interval.
func TestSeekOfAnIdlePartition(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.seek(control.Offset(2), 0)
		r.pass(r.cfg.WatchInterval + time.Second)
		r.wantSent("1 orders/0[0,5)", "1 orders/0[2,5)")
		r.wantCommitted("orders/0", 5)
		if s := r.status(); s.Topics[0].Revision != 2 {
			r.Errorf("the status shows revision %d", s.Topics[0].Revision)
		}
		r.kafka.produce("orders/0", 1)
		r.pass(2 * time.Second)
		r.wantCommitted("orders/0", 6)
		r.endWell()
	})
}

// Its owner finds out by its next commit, before the watch looks.
func TestSeekIsNoticedByTheNextCommit(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.WatchInterval = time.Hour
		r.kafka.produce("orders/0", 5)
		r.run()
		r.seek(control.Earliest(), 0)
		r.kafka.produce("orders/0", 1)
		r.pass(3 * time.Second)
		r.wantSent("1 orders/0[0,5)", "1 orders/0[5,6)", "1 orders/0[0,6)")
		r.wantCommitted("orders/0", 6)
	})
}

// What is in flight is left to end, its answer is not committed, and the other partitions in the request go on as if nothing had been.
func TestSeekDuringARequest(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.cfg.WatchInterval = time.Second
		r.app.answers(func(ctx context.Context, a attempt) record.Outcome {
			if a.len() == 8 {
				time.Sleep(10 * time.Second)
			}
			if ctx.Err() != nil {
				r.Errorf("the request was cut")
			}
			return record.Outcome{Kind: record.Acked, Status: "200"}
		})
		r.run()
		r.reader.mu.Lock() // both in one poll
		r.kafka.produce("orders/0", 4)
		r.kafka.produce("orders/1", 4)
		r.reader.mu.Unlock()
		r.pass(2 * time.Second)
		r.wantState("orders/0", "inflight")
		r.seek(control.Offset(1), 0)
		r.pass(5 * time.Second)
		r.wantState("orders/0", "inflight")
		r.wantCommitted("orders/0", 1)
		r.pass(10 * time.Second)
		r.wantCommitted("orders/0", 4)
		r.wantCommitted("orders/1", 4)
		if got := r.sent(); len(got) != 2 || got[1] != "1 orders/0[1,4)" {
			r.Errorf("sent %s", strings.Join(got, ", "))
		}
	})
}

// A paused partition is claimed and kept; the status says who paused it and when, also after a restart.
func TestPauseAndResume(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.run()
		r.does(r.operator().Pause(context.Background(), "orders", []int32{0}))
		r.pass(r.cfg.WatchInterval + time.Second)
		r.kafka.produce("orders/0", 3)
		r.kafka.produce("orders/1", 3)
		r.pass(2 * time.Second)
		r.wantState("orders/0", "paused paused")
		r.wantSent("1 orders/1[0,3)")
		if p := r.part("orders/0"); !strings.HasPrefix(p.LastError, "paused by ann@host at 2000-01-01T00:00:") || p.Epoch == 0 {
			r.Errorf("the status says %q", p.LastError)
		}
		r.endWell()
		r.start()
		r.pass(time.Minute)
		r.wantState("orders/0", "paused paused")
		r.does(r.operator().Resume(context.Background(), "orders", nil))
		r.pass(r.cfg.WatchInterval + time.Second)
		r.wantSent("1 orders/1[0,3)", "1 orders/0[0,3)")
		if p := r.part("orders/0"); p.LastError != "" {
			r.Errorf("the status still says %q", p.LastError)
		}
	})
}

// A write while nobody runs is there at the next start.
func TestSeekWhileNobodyRuns(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.endWell()
		r.seek(control.Shift(-2), 0)
		r.run()
		r.wantSent("1 orders/0[0,5)", "1 orders/0[3,5)")
	})
}

// Recreated topics block; an operator's reset moves them on.
func TestSeekOfARecreatedTopic(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.recreate()
		r.pass(time.Minute)
		r.wantState("orders/0", "blocked topic_recreated")
		r.seek(control.Earliest())
		r.pass(r.cfg.WatchInterval + 2*time.Second)
		r.wantSent("1 orders/0[0,5)", "1 orders/0[0,2)")
		r.wantCommitted("orders/0", 2)
		if doc := r.stored("orders/_topic"); doc["topicId"] != "id-2" || doc["revision"] != 2.0 {
			r.Errorf("the document is %v", doc)
		}
	})
}

// Without a group a partition that another process took stays blocked until an operator decides, about this partition.
func TestSeekOfAFencedPartition(t *testing.T) {
	scenario(t, func(r *rig) {
		r.group = nil
		r.cfg.Assignment.Mode = "all"
		r.kafka.topic("orders", "id-1", 2)
		r.run()
		r.entry("orders/0", 0, "pod-9/0123456789abcdef", "")
		r.kafka.produce("orders/0", 2)
		r.pass(2 * time.Second)
		r.wantState("orders/0", "fenced fenced")
		r.seek(control.Offset(0), 1)
		r.pass(r.cfg.WatchInterval + time.Second)
		r.wantState("orders/0", "fenced fenced")
		r.seek(control.Offset(0), 0)
		r.pass(r.cfg.WatchInterval + 2*time.Second)
		r.wantState("orders/0", "idle")
		r.wantCommitted("orders/0", 2)
	})
}

// More partitions than one transaction holds.
func TestSeekOfManyPartitions(t *testing.T) {
	const parts = 150
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", parts)
		for n := range parts {
			r.kafka.produce(fmt.Sprintf("orders/%d", n), 3)
		}
		r.run()
		r.seek(control.Offset(2))
		r.pass(r.cfg.WatchInterval + 5*time.Second)
		for n := range parts {
			name := fmt.Sprintf("orders/%d", n)
			repeated := slices.ContainsFunc(r.attempts(0), func(a attempt) bool {
				return slices.ContainsFunc(a.parts, func(p record.Part) bool { return p.TopicPartition == tp(name) && p.From == 2 })
			})
			if !repeated {
				r.Errorf("%s was not delivered from 2", name)
			}
			r.wantCommitted(name, 3)
		}
	})
}

// An operator's write before and after each single call that the owner makes: whatever the moment, what is written is the operator's and then what
// follows from it. A seek to 2 in the life of a partition that gets records, loses its claim and restarts.
func TestSeekAtEveryMoment(t *testing.T) {
	var calls int
	scenario(t, func(r *rig) { calls = seekAtCall(r, -1, false) })
	if calls < 10 {
		t.Fatalf("only %d calls of the store", calls)
	}
	for n := range calls {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("call_%d_after_%t", n, after), func(t *testing.T) {
				scenario(t, func(r *rig) { seekAtCall(r, n, after) })
			})
		}
	}
}

// seekAtCall plays the life with the seek at the nth call of the store after the first start's baseline, and returns how many there were.
func seekAtCall(r *rig, n int, after bool) (calls int) {
	r.ledger.off = true // the seek passes records over where they are not delivered yet
	sought, done := false, 0
	at := func(op offsetstest.Op) {
		if sought || op.Audits || r.stored("orders/_topic") == nil {
			return
		}
		calls++
		if calls-1 != n {
			return
		}
		sought = true
		r.seek(control.Offset(2), 0)
		done = len(r.sent())
	}
	hook := func(_ context.Context, op offsetstest.Op) error { at(op); return nil }
	if after {
		r.store.After(hook)
	} else {
		r.store.Before(hook)
	}
	r.cfg.WatchInterval, r.cfg.CommitInterval = 3*time.Second, 500*time.Millisecond
	r.kafka.produce("orders/0", 5)
	r.app.answers(func(context.Context, attempt) record.Outcome {
		time.Sleep(100 * time.Millisecond)
		return record.Outcome{Kind: record.Acked, Status: "200"}
	})
	r.run()
	for range 3 {
		r.kafka.produce("orders/0", 2)
		r.pass(700 * time.Millisecond)
	}
	r.group.lose("orders/0")
	r.pass(time.Second)
	r.group.assign("orders/0")
	r.pass(2 * time.Second)
	if err := r.end(); err != nil && !errors.Is(err, context.Canceled) {
		r.Errorf("Run returned %v", err)
	}
	r.run()
	r.pass(2*r.cfg.WatchInterval + 2*time.Second)
	r.wantCommitted("orders/0", 11)
	if n >= 0 && !slices.ContainsFunc(r.attempts(done), func(a attempt) bool { return a.parts[0].From == 2 }) {
		r.Errorf("sent %s, nothing from 2 after the seek, which came after %d", strings.Join(r.sent(), ", "), done)
	}
	return calls
}
