package relay_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// The status tells where each partition stands.
func TestStatus(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 3)
		r.kafka.produce("orders/0", 5)
		r.kafka.trim("orders/0", 1)
		r.run()
		r.app.answers(hang)
		r.kafka.produce("orders/1", 4)
		r.pass(30 * time.Second)
		p0, p1 := r.part("orders/0"), r.part("orders/1")
		if p0.State != "idle" || p0.Committed != 5 || p0.Acked != 5 || p0.Fetched != 5 || p0.LogEnd != 5 || p0.LogStart != 1 || p0.Lag != 0 || p0.LastStatus != 200 {
			r.Errorf("orders/0 %+v", p0)
		}
		if p1.State != "inflight" || p1.Committed != 0 || p1.Fetched != 4 || p1.Lag != 4 || p1.OldestUnackedSeconds < 29 {
			r.Errorf("orders/1 %+v", p1)
		}
		s := r.status()
		if s.State != "running" || s.Group != "billing" || !strings.HasPrefix(s.Member, "pod-1/") || len(s.Partitions) != 3 || s.Memory.Max != 128<<20 {
			r.Errorf("status %+v", s)
		}
		if len(s.Topics) != 1 || s.Topics[0].Partitions != 3 || s.Topics[0].Tracked != 3 || s.Topics[0].TopicID != "id-1" {
			r.Errorf("topics %+v", s.Topics)
		}
		if r.metric("sidecar_partition_lag", "orders", "1") != 4 || r.metric("sidecar_partition_oldest_unacked_seconds", "1") < 29 {
			r.Error("the metrics do not say the same")
		}
	})
}

// Before the app is up the process waits and says for what.
func TestStatusWhileWaiting(t *testing.T) {
	scenario(t, func(r *rig) {
		r.app.setReady(false)
		r.run()
		if s := r.status(); s.State != "waiting" || s.Reason != "app_down" || s.App.Up || s.App.Error != "connection refused" {
			r.Errorf("status %+v", s)
		}
		if err := r.engine.Live(); err != nil {
			r.Errorf("not live: %v", err)
		}
		r.app.setReady(true)
		r.pass(6 * time.Second)
		if s := r.status(); s.State != "running" || s.Reason != "" || !s.App.Up {
			r.Errorf("status %+v", s)
		}
	})
}

// Counters follow what happened.
func TestCounters(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.app.answers(poisoned("orders/0", 5, status(record.Failed, "500")))
		r.kafka.produce("orders/0", 1)
		r.pass(150 * time.Millisecond)
		r.app.says(ack())
		r.pass(5 * time.Second)
		for name, want := range map[string]float64{
			"sidecar_records_fetched_total": 6, "sidecar_records_acked_total": 6,
			"sidecar_partitions_assigned": 1, "sidecar_app_up": 1, "sidecar_store_up": 1, "sidecar_kafka_up": 1,
			"sidecar_topic_partitions": 1, "sidecar_topic_partitions_tracked": 1, "sidecar_partition_committed_offset": 6,
			"sidecar_buffered_bytes": 0, "sidecar_commits_total": 2,
		} {
			if got := r.metric(name); got != want {
				r.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		if r.metric("sidecar_batches_total", "ack") != 2 || r.metric("sidecar_batches_total", "failed") != 1 {
			r.Errorf("batches %v", r.series("sidecar_batches_total"))
		}
	})
}

// The series of a partition that moved away are removed.
func TestSeriesAreRemoved(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 5)
		r.run()
		r.group.revoke("orders/0")
		for _, name := range []string{"sidecar_partition_lag", "sidecar_partition_committed_offset", "sidecar_partition_oldest_unacked_seconds"} {
			if s := r.series(name); len(s) != 1 || s[0].labels[0] != "1" && s[0].labels[0] != "orders" {
				r.Errorf("%s has %v", name, s)
			}
		}
		if r.metric("sidecar_partitions_assigned") != 1 {
			r.Error("two partitions are assigned")
		}
	})
}

// A record that keeps failing is a reason also while it is being tried: an alert must not flap with the tries.
func TestReasonStaysDuringATry(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxAttempts = 2
		r.kafka.produce("orders/0", 1)
		r.app.says(status(record.Failed, "500"))
		r.run()
		r.pass(time.Minute)
		r.app.answers(hang)
		r.pass(time.Minute)
		r.wantState("orders/0", "inflight app_failing")
		if r.metric("sidecar_partition_blocked", "orders", "0", "app_failing") != 1 {
			r.Error("the metric does not show the block")
		}
		r.app.says(ack())
	})
}

// What the log says of a partition is taken back in the log: a reason that the status does not show any more has a line that ended it.
func TestLogTakesBack(t *testing.T) {
	said := func(r *rig, message, reason string) {
		r.Helper()
		line := fmt.Sprintf(`"partition":0,"reason":%q,"message":%q`, reason, message)
		if n := strings.Count(r.logs.String(), line); n != 1 {
			r.Errorf("%d lines with %s", n, line)
		}
	}
	failing := func(r *rig) {
		r.cfg.MaxAttempts = 2
		r.kafka.produce("orders/0", 1)
		r.app.says(status(record.Failed, "500"))
		r.run()
		r.pass(time.Minute)
		r.wantState("orders/0", "backoff app_failing")
	}
	t.Run("the app is well", func(t *testing.T) {
		scenario(t, func(r *rig) {
			failing(r)
			r.app.says(ack())
			r.pass(time.Minute)
			r.wantState("orders/0", "idle")
			said(r, "partition goes on", "app_failing")
		})
	})
	t.Run("the claim is lost", func(t *testing.T) {
		scenario(t, func(r *rig) {
			failing(r)
			r.recreate()
			r.pass(time.Minute)
			r.wantState("orders/0", "blocked topic_recreated")
			said(r, "partition goes on", "app_failing")
		})
	})
	t.Run("revoked while the app fails", func(t *testing.T) {
		scenario(t, func(r *rig) {
			failing(r)
			r.group.revoke("orders/0")
			said(r, "partition let go", "app_failing")
		})
	})
	t.Run("revoked while blocked", func(t *testing.T) {
		scenario(t, func(r *rig) {
			r.kafka.produce("orders/0", 1)
			r.app.answers(poisonedByName("orders/0", 0))
			r.run()
			r.wantState("orders/0", "blocked poison")
			r.group.revoke("orders/0")
			said(r, "partition let go", "poison")
		})
	})
}
