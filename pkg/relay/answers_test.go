package relay_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// retry at r acknowledges what lies before r; r and all after it come again, as attempt 2.
func TestRetryAcknowledgesWhatLiesBefore(t *testing.T) {
	scenario(t, func(r *rig) {
		once := true
		r.app.answers(func(context.Context, attempt) record.Outcome {
			if once {
				once = false
				return ack(retry("orders/0", 2))
			}
			return ack()
		})
		r.kafka.produce("orders/0", 5)
		r.run()
		r.wantSent("1 orders/0[0,5)", "2 orders/0[2,5)")
		r.wantCommitted("orders/0", 5)
		if r.metric("sidecar_batches_total", "partial") != 1 {
			r.Error("no partial batch was counted")
		}
	})
}

// retryAfterMs says when.
func TestRetryAfter(t *testing.T) {
	scenario(t, func(r *rig) {
		r.app.answers(func(_ context.Context, a attempt) record.Outcome {
			if a.n == 1 {
				f := retry("orders/0", 0)
				f.RetryAfter = 7 * time.Second
				return ack(f)
			}
			return ack()
		})
		r.kafka.produce("orders/0", 1)
		r.run()
		r.pass(10 * time.Second)
		r.wantSent("1 orders/0[0,1)", "2 orders/0[0,1)")
		if a := r.attempts(0); a[1].at-a[0].at != 7*time.Second {
			r.Errorf("came again after %v", a[1].at-a[0].at)
		}
	})
}

// What is listed after a retry has no effect; other partitions of the batch are acknowledged.
func TestRetryHidesWhatFollows(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.DeadLetterPolicy = "topic"
		r.kafka.topic("orders.dead", "id-d", 1)
		r.kafka.topic("orders", "id-1", 2)
		r.app.answers(func(_ context.Context, a attempt) record.Outcome {
			if a.n == 1 {
				return ack(reject("orders/0", 0), retry("orders/0", 1), reject("orders/0", 3))
			}
			return ack()
		})
		r.kafka.produce("orders/0", 5)
		r.kafka.produce("orders/1", 2)
		r.run()
		r.wantSent("1 orders/0[0,5) orders/1[0,2)", "2 orders/0[1,5)")
		if got := r.letters.offsets(); !slices.Equal(got, []string{"orders/0:0"}) {
			r.Errorf("dead-lettered %v", got)
		}
		r.wantCommitted("orders/0", 5)
		r.wantCommitted("orders/1", 2)
	})
}

// Busy and a wrong set-up: the same batch again, with the same id, and the attempt does not count.
func TestWaitsDoNotCount(t *testing.T) {
	for name, o := range map[string]record.Outcome{
		"busy":  status(record.Busy, "503"),
		"setup": status(record.Setup, "404"),
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.kafka.topic("orders", "id-1", 2)
				r.kafka.produce("orders/0", 3)
				r.kafka.produce("orders/1", 3)
				r.app.says(o)
				r.run()
				r.kafka.produce("orders/0", 1)
				r.pass(20 * time.Minute)
				for _, a := range r.attempts(0) {
					if a.String() != "1 orders/0[0,3) orders/1[0,3)" || a.id != r.attempts(0)[0].id {
						r.Fatalf("sent %s", a)
					}
				}
				if p := r.part("orders/0"); p.Attempt != 0 {
					r.Errorf("%d failed attempts counted", p.Attempt)
				}
				r.wantReasons("app_" + name)
				r.app.says(ack())
				r.pass(time.Minute)
				r.wantReasons()
				r.wantCommitted("orders/0", 4)
				r.wantCommitted("orders/1", 3)
			})
		})
	}
}

// Busy makes the process unready only after a minute; Retry-After is kept to.
func TestBusyRetryAfter(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 1)
		r.app.says(record.Outcome{Kind: record.Busy, Status: "429", RetryAfter: 25 * time.Second})
		r.run()
		r.wantReasons()
		r.pass(time.Minute)
		r.wantReasons("app_busy")
		a := r.attempts(0)
		if len(a) != 3 || a[1].at-a[0].at < 25*time.Second || a[1].at-a[0].at > 26*time.Second {
			r.Errorf("attempts at %v", a)
		}
	})
}

// A wrong set-up is said at once.
func TestSetupIsSaidAtOnce(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 1)
		r.app.says(status(record.Setup, "404"))
		r.run()
		r.wantReasons("app_setup")
		if s := r.status(); s.App.Error != "POST answered 404" || s.Reasons[0].Detail != "POST answered 404" {
			r.Errorf("said: %+v", s.App)
		}
	})
}

// Refused connection: pause, probe at least every 5 s, go on with the same batch; the group stays.
func TestDownPausesAndProbes(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 2)
		r.app.says(status(record.Down, "connection"))
		r.app.setReady(true)
		r.start()
		r.pass(time.Millisecond)
		r.app.setReady(false)
		r.pass(time.Second)
		sent, probes := len(r.sent()), r.app.probed()
		r.wantReasons("app_down")
		r.pass(time.Minute)
		if n := len(r.sent()); n != sent {
			r.Errorf("%d attempts while the app was down", n-sent)
		}
		if n := r.app.probed() - probes; n < 12 {
			r.Errorf("%d probes in a minute", n)
		}
		r.app.says(ack())
		r.app.setReady(true)
		r.pass(10 * time.Second)
		r.wantReasons()
		r.wantCommitted("orders/0", 2)
		if last := r.attempts(sent); last[0].String() != "1 orders/0[0,2)" {
			r.Errorf("resumed with %s", last[0])
		}
		if r.group.holds() != 1 {
			r.Error("the group was left")
		}
	})
}

// A cancelled attempt counts nothing.
func TestCancelledDoesNotCount(t *testing.T) {
	scenario(t, func(r *rig) {
		once := true
		r.app.answers(func(context.Context, attempt) record.Outcome {
			if once {
				once = false
				return record.Outcome{Kind: record.Cancelled}
			}
			return ack()
		})
		r.kafka.produce("orders/0", 2)
		r.run()
		r.wantSent("1 orders/0[0,2)", "1 orders/0[0,2)")
	})
}

// The first failed attempt of a batch with several partitions splits it by partition at once; from then
// on they fail and recover alone.
func TestFailedSplitsByPartition(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 3)
		for _, p := range []string{"orders/0", "orders/1", "orders/2"} {
			r.kafka.produce(p, 2)
		}
		r.app.answers(poisoned("orders/1", 0, status(record.Failed, "500")))
		r.start()
		r.pass(100 * time.Millisecond)
		r.wantSent("1 orders/0[0,2) orders/1[0,2) orders/2[0,2)", "2 orders/0[0,2)", "2 orders/1[0,2)", "2 orders/2[0,2)")
		r.kafka.produce("orders/0", 1)
		r.pass(100 * time.Millisecond)
		if got := r.sent(); got[4] != "1 orders/0[2,3)" {
			r.Errorf("then %s", got[4])
		}
		r.wantState("orders/1", "backoff")
	})
}

// Failed attempts back off exponentially up to retry.max, and the attempt number says how many there were.
func TestFailedBacksOff(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 2)
		r.app.says(status(record.Failed, "500"))
		r.cfg.MaxAttempts = 100
		r.run()
		r.pass(5 * time.Minute)
		all := r.attempts(0)
		for i, a := range all {
			if a.n != i+1 {
				r.Errorf("attempt %d says %d", i+1, a.n)
			}
			if i > 0 {
				if wait := a.at - all[i-1].at; wait < 200*time.Millisecond || wait > 31*time.Second {
					r.Errorf("attempt %d after %v", i+1, wait)
				}
			}
		}
		if len(all) < 12 || len(all) > 60 {
			r.Errorf("%d attempts in 5 min", len(all))
		}
	})
}

// A partition in back-off is out of the ready queue; all others go on.
func TestOthersGoOnDuringBackoff(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 1)
		r.app.answers(poisoned("orders/0", 0, status(record.Failed, "500")))
		r.run()
		for range 20 {
			r.kafka.produce("orders/1", 1)
			r.pass(time.Second)
		}
		r.pass(time.Second)
		r.wantCommitted("orders/1", 20)
		r.wantCommitted("orders/0", 0)
	})
}
