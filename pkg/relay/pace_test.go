package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// deliveredBetween counts the records of the attempts that began within a stretch.
func (r *rig) deliveredBetween(from, until time.Duration) (records, attempts int) {
	for _, a := range r.attempts(0) {
		if a.at >= from && a.at < until {
			records += a.len()
			attempts++
		}
	}
	return records, attempts
}

func TestMaxRate(t *testing.T) {
	for name, lanes := range map[string]int{"one lane": 1, "four lanes": 4} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.kafka.topic("orders", "id-1", 8)
				r.cfg.MaxRate, r.cfg.Lanes, r.chunk = 1000, lanes, 500
				for n := range int32(8) {
					r.kafka.produce(record.TopicPartition{Topic: "orders", Partition: n}.String(), 2000)
				}
				r.app.answers(func(context.Context, attempt) record.Outcome {
					time.Sleep(time.Millisecond)
					return record.Outcome{Kind: record.Acked, Status: "200"}
				})
				r.run()
				if s := r.status(); s.HeldBack != "batch.max_rate" {
					r.Errorf("the status says it is held back by %q", s.HeldBack)
				}
				r.pass(8 * time.Second)
				records, attempts := r.deliveredBetween(time.Second, 9*time.Second)
				if records < 7800 || records > 8200 {
					r.Errorf("%d records in 8 s", records)
				}
				if attempts > 8*20+8 {
					r.Errorf("%d requests: they are tiny", attempts)
				}
				r.pass(10 * time.Second)
				r.wantCommitted("orders/7", 2000)
				if s := r.status(); s.HeldBack != "" {
					r.Errorf("the status still says it is held back by %q", s.HeldBack)
				}
			})
		})
	}
}

// A rate that is not reached delays nothing, and one below a record each stretch still delivers.
func TestMaxRateBounds(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxRate = 1000
		r.run()
		for range 20 {
			r.kafka.produce("orders/0", 10)
			r.pass(time.Millisecond)
			r.pass(49 * time.Millisecond)
		}
		if records, attempts := r.deliveredBetween(0, time.Minute); records != 200 || attempts != 20 {
			r.Errorf("%d records in %d requests", records, attempts)
		}
	})
	scenario(t, func(r *rig) {
		r.cfg.MaxRate = 2
		r.kafka.produce("orders/0", 2000)
		r.run()
		r.pass(10*time.Minute - 2*time.Second)
		if records, _ := r.deliveredBetween(0, time.Hour); records < 1190 || records > 1201 {
			r.Errorf("%d records in 10 minutes", records)
		}
		if err := r.engine.Live(); err != nil {
			r.Errorf("the watchdog takes it for a stall: %v", err)
		}
	})
}
