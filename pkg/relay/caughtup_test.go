package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// wantEnd waits for Run to return by itself.
func (r *rig) wantEnd(within time.Duration) {
	r.Helper()
	for range int(within / (100 * time.Millisecond)) {
		select {
		case err := <-r.ended:
			r.ended <- err
			if err := r.wait(); err != nil {
				r.Errorf("Run returned %v", err)
			}
			return
		default:
			r.pass(100 * time.Millisecond)
		}
	}
	r.Fatalf("Run did not return within %s", within)
}

func TestRunUntilCaughtUp(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.UntilCaughtUp = true
		r.kafka.topic("orders", "id-1", 3)
		r.kafka.produce("orders/0", 120)
		r.kafka.produce("orders/1", 60)
		r.kafka.control("orders/1", 2) // the log ends with a transaction's marker; partition 2 is empty
		r.app.answers(func(context.Context, attempt) record.Outcome {
			time.Sleep(time.Second)
			r.kafka.produce("orders/0", 1) // what comes later does not keep it
			return record.Outcome{Kind: record.Acked, Status: "200"}
		})
		r.start()
		r.wantEnd(20 * time.Second)
		if n := r.committed("orders/0"); n < 120 {
			r.Errorf("orders/0 ended at %d", n)
		}
		r.wantCommitted("orders/1", 62)
		r.wantCommitted("orders/2", 0)
		r.start() // there is less to do
		r.wantEnd(20 * time.Second)
	})
}

// A partition that is blocked keeps the run from ending; so do those of other replicas, until they are done.
func TestRunUntilTheGroupHasCaughtUp(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.UntilCaughtUp = true
		r.group.manual = true
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 5)
		r.kafka.produce("orders/1", 5)
		r.start()
		r.group.assign("orders/0")
		r.pass(time.Minute)
		r.wantCommitted("orders/0", 5)
		r.entry("orders/1", 4, "pod-2/0123456789abcdef", "")
		r.pass(time.Minute)
		r.wantState("orders/0", "idle")
		r.entry("orders/1", 5, "pod-2/0123456789abcdef", "")
		r.wantEnd(10 * time.Second)
	})
}
