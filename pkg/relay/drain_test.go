package relay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// SIGTERM: stop taking, wait for the request in flight, final commit, leave the group, nil.
func TestStopDrains(t *testing.T) {
	for _, mode := range []string{"group", "all"} {
		t.Run(mode, func(t *testing.T) {
			scenario(t, func(r *rig) {
				if mode == "all" {
					r.group, r.cfg.Assignment.Mode = nil, mode
				}
				r.cfg.CommitInterval, r.cfg.MaxRecords = time.Hour, 10
				r.kafka.produce("orders/0", 30)
				r.app.answers(after(5*time.Second, ack()))
				r.start()
				r.pass(time.Second)
				var err error
				if d := took(func() { err = r.end() }); err != nil || d < 3*time.Second || d > 5*time.Second {
					r.Errorf("Run returned %v after %v", err, d)
				}
				r.wantSent("1 orders/0[0,10)")
				r.wantCommitted("orders/0", 10)
			})
		})
	}
}

// A request cut by the grace is not this process's to commit: nil.
func TestStopCutsAfterGrace(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 3)
		r.app.answers(hang)
		r.run()
		var err error
		if d := took(func() { err = r.end() }); err != nil || d < 20*time.Second || d > 21*time.Second {
			r.Errorf("Run returned %v after %v", err, d)
		}
		r.wantCommitted("orders/0", 0)
	})
}

// Acknowledged records that can't be committed before the grace is over: ErrUncommitted.
func TestStopWithoutStore(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.store.Before(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
		r.kafka.produce("orders/0", 3)
		r.pass(2 * time.Second)
		var err error
		d := took(func() { err = r.end() })
		if !errors.Is(err, relay.ErrUncommitted) || d > r.cfg.ShutdownGrace+r.cfg.StoreTimeout+time.Second {
			r.Errorf("Run returned %v after %v", err, d)
		}
	})
}

// A store that comes back during the grace gets the final commit.
func TestStopWaitsForStore(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.store.Before(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
		r.kafka.produce("orders/0", 3)
		r.pass(2 * time.Second)
		time.AfterFunc(8*time.Second, func() { r.store.Before(nil) })
		if err := r.end(); err != nil {
			r.Errorf("Run returned %v", err)
		}
		r.wantCommitted("orders/0", 3)
	})
}

// A revoke inside a drain that gives up what was acknowledged is no clean end: ErrUncommitted. Partitions that
// were lost are somebody else's to commit.
func TestRevokeDuringDrainWithoutStore(t *testing.T) {
	for name, c := range map[string]struct {
		take func(r *rig)
		want error
	}{
		"revoked": {func(r *rig) { r.group.revoke("orders/0") }, relay.ErrUncommitted},
		"lost":    {func(r *rig) { r.group.lose("orders/0") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.run()
				r.store.Before(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
				r.kafka.produce("orders/0", 3)
				r.pass(2 * time.Second)
				r.stop()
				r.pass(time.Second)
				if d := took(func() { c.take(r) }); d > r.cfg.StoreTimeout {
					r.Errorf("the revoke took %v", d)
				}
				if err := r.wait(); !errors.Is(err, c.want) {
					r.Errorf("Run returned %v, want %v", err, c.want)
				}
				r.wantCommitted("orders/0", 0)
			})
		})
	}
}

// A revoke inside a drain whose commit lands is a clean end.
func TestRevokeDuringDrain(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.CommitInterval = time.Hour
		r.kafka.produce("orders/0", 3)
		r.app.answers(after(5*time.Second, ack()))
		r.start()
		r.pass(time.Second)
		r.stop()
		r.group.revoke("orders/0")
		if err := r.wait(); err != nil {
			r.Errorf("Run returned %v", err)
		}
		r.wantCommitted("orders/0", 3)
	})
}

// Control records that keep coming do not keep a drain from ending, however slow the store is.
func TestDrainUnderControlRecords(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.store.Before(func(context.Context, offsetstest.Op) error { time.Sleep(3 * time.Second); return nil })
		for range 10 {
			r.kafka.control("orders/0", 1)
			r.pass(100 * time.Millisecond)
		}
		r.stop()
		for range 100 {
			r.kafka.control("orders/0", 1)
			r.pass(100 * time.Millisecond)
		}
		var err error
		if d := took(func() { err = r.wait() }); err != nil || d > 10*time.Millisecond {
			r.Errorf("Run returned %v, %v late", err, d)
		}
	})
}

// No new attempt, half or retry starts during a drain.
func TestDrainStartsNothing(t *testing.T) {
	for name, o := range map[string]record.Outcome{
		"failed": status(record.Failed, "500"), "busy": status(record.Busy, "503"), "refused": status(record.Refused, "400"),
		"down": status(record.Down, "connection"), "retry": ack(retry("orders/0", 1)),
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.kafka.produce("orders/0", 4)
				r.app.answers(after(5*time.Second, o))
				r.run()
				if d := took(func() { _ = r.end() }); d > 4*time.Second {
					r.Errorf("took %v", d)
				}
				r.wantSent("1 orders/0[0,4)")
				want := int64(0)
				if name == "retry" {
					want = 1
				}
				r.wantCommitted("orders/0", want)
				r.wantLetters()
			})
		})
	}
}

// A second signal ends at once: ErrAborted.
func TestAbort(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 3)
		r.app.answers(hang)
		r.run()
		r.stop()
		r.pass(time.Second)
		r.engine.Abort()
		var err error
		if d := took(func() { err = r.wait() }); !errors.Is(err, relay.ErrAborted) || d > 10*time.Millisecond {
			r.Errorf("Run returned %v after %v", err, d)
		}
	})
}

// Drain stays up, not ready, out of the group; SIGTERM then ends it at once.
func TestDrainStaysUp(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.CommitInterval = time.Hour
		r.kafka.produce("orders/0", 3)
		r.run()
		if err := r.engine.Drain(context.Background()); err != nil {
			r.Errorf("Drain returned %v", err)
		}
		r.wantCommitted("orders/0", 3)
		r.kafka.produce("orders/0", 3)
		r.pass(time.Minute)
		r.wantReasons("drained")
		if s := r.status(); s.State != "stopped" || len(s.Partitions) != 0 {
			r.Errorf("state %s with %d partitions", s.State, len(s.Partitions))
		}
		if err := r.engine.Drain(context.Background()); err != nil {
			r.Errorf("the second Drain returned %v", err)
		}
		if d := took(func() { _ = r.end() }); d > time.Second {
			r.Errorf("ended after %v", d)
		}
		r.wantSent("1 orders/0[0,3)")
	})
}

// While it drains it says so; Drain's context ends only the waiting.
func TestDrainIsShown(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 3)
		r.app.answers(after(10*time.Second, ack()))
		r.run()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.engine.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			r.Errorf("Drain returned %v", err)
		}
		r.wantReasons("draining")
		if err := r.engine.Drain(context.Background()); err != nil {
			r.Errorf("Drain returned %v", err)
		}
		r.wantCommitted("orders/0", 3)
	})
}

// A drain before the app is up, and before Kafka is, ends at once.
func TestStopDuringStart(t *testing.T) {
	for name, break_ := range map[string]func(r *rig){
		"kafka": func(r *rig) { r.kafka.edit(func() { r.kafka.down = errors.New("no broker") }) },
		"store": func(r *rig) {
			r.store.Before(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
		},
		"app": func(r *rig) { r.app.setReady(false) },
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				break_(r)
				r.run()
				var err error
				if d := took(func() { err = r.end() }); err != nil || d > time.Second {
					r.Errorf("Run returned %v after %v", err, d)
				}
			})
		})
	}
}

// After the end nothing hangs: calls answer with an error.
func TestCallsAfterTheEnd(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		engine := r.engine
		_ = r.end()
		if _, err := engine.Status(context.Background()); err == nil {
			r.Error("Status answers")
		}
		if err := engine.Drain(context.Background()); err != nil {
			r.Errorf("Drain returned %v", err)
		}
		if err := engine.Feed(context.Background(), nil); err == nil {
			r.Error("Feed takes")
		}
		engine.Abort()
		if err := engine.Live(); err != nil {
			r.Errorf("Live says %v", err)
		}
	})
}
