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
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// events lists those above seq, as "blocked orders/0 poison".
func (r *rig) events(seq int64) []string {
	r.Helper()
	events, err := r.engine.Events(context.Background(), seq)
	if err != nil {
		r.Fatal(err)
	}
	out := []string{}
	for _, ev := range events {
		text := ev.Type
		if ev.Topic != "" {
			text += " " + ev.Topic
		}
		if ev.Partition != nil {
			text += fmt.Sprintf("/%d", *ev.Partition)
		}
		out = append(out, strings.TrimSpace(text+" "+ev.Reason))
	}
	return out
}

func (r *rig) wantEvents(seq int64, want ...string) {
	r.Helper()
	if got := r.events(seq); !slices.Equal(got, want) {
		r.Errorf("events\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func TestEventsOfALife(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.DeadLetterPolicy = "topic"
		r.run()
		r.wantEvents(0, "kafka_up", "store_up", "app_up", "claimed orders/0")
		r.does(r.operator().Pause(context.Background(), "orders", nil))
		r.pass(r.cfg.WatchInterval + time.Second)
		r.wantEvents(4, "operator orders/0", "claimed orders/0", "blocked orders/0 paused")
		r.does(r.operator().Resume(context.Background(), "orders", nil))
		r.pass(r.cfg.WatchInterval + time.Second)
		r.wantEvents(7, "operator orders/0", "claimed orders/0", "unblocked orders/0 paused")

		r.app.says(record.Outcome{Kind: record.Acked, Status: "200", Failures: []record.Failure{{TopicPartition: tp("orders/0"), Action: record.Reject, Reason: "no"}}})
		r.kafka.produce("orders/0", 1)
		r.pass(time.Second)
		r.wantEvents(10, "dead_lettered orders/0 rejected")
		r.kafka.topic("orders", "id-1", 2)
		r.pass(r.cfg.WatchInterval + time.Second)
		r.wantEvents(11, "extended orders", "claimed orders/1")
		r.endWell()
	})
}

func TestEventsAreBounded(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.WatchInterval = time.Second
		r.run()
		for n := range 400 {
			r.seek(control.Offset(0), 0)
			r.pass(1100 * time.Millisecond)
			if got := r.events(0); len(got) != min(1000, 4+2*(n+1)) {
				r.Fatalf("%d events after %d seeks", len(got), n+1)
			}
		}
		for range 200 {
			r.seek(control.Offset(0), 0)
			r.pass(1100 * time.Millisecond)
		}
		events, err := r.engine.Events(context.Background(), 0)
		if err != nil || len(events) != 1000 || events[0].Seq != 205 || events[999].Seq != 1204 {
			r.Errorf("%d events, from %d, %v", len(events), events[0].Seq, err)
		}
		r.wantEvents(1203, "claimed orders/0")
		r.wantEvents(1204)
		r.wantEvents(5000)
	})
}

// A partition in back-off is tried at once; one that is blocked at a record too; a missing key as well.
func TestRetryNow(t *testing.T) {
	scenario(t, func(r *rig) {
		r.app.says(status(record.Failed, "500"))
		r.kafka.produce("orders/0", 1)
		r.run()
		r.pass(5 * time.Minute)
		r.wantState("orders/0", "backoff app_failing")
		for range 3 {
			before := len(r.sent())
			if err := r.engine.Retry(context.Background(), tp("orders/0")); err != nil {
				r.Fatal(err)
			}
			r.pass(10 * time.Millisecond)
			if n := len(r.sent()); n != before+1 {
				r.Errorf("%d attempts, %d before", n, before)
			}
		}
		r.app.answers(nil)
		if err := r.engine.Retry(context.Background(), tp("orders/0")); err != nil {
			r.Fatal(err)
		}
		r.pass(2 * time.Second)
		r.wantCommitted("orders/0", 1)
		if err := r.engine.Retry(context.Background(), tp("orders/0")); err != nil {
			r.Errorf("an idle partition: %v", err)
		}
		if err := r.engine.Retry(context.Background(), tp("orders/1")); !errors.Is(err, relay.ErrNotHere) {
			r.Errorf("another's partition: %v", err)
		}
	})
}

func TestRetryOfABlockedPartition(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		value, _ := r.store.Get("orders/0")
		r.cfg.WatchInterval = time.Hour
		r.store.Put("orders/0", "{")
		r.kafka.produce("orders/0", 1)
		r.pass(2 * time.Second)
		r.wantState("orders/0", "blocked bad_key")
		r.store.Put("orders/0", value)
		if err := r.engine.Retry(context.Background(), tp("orders/0")); err != nil {
			r.Fatal(err)
		}
		r.pass(2 * time.Second)
		r.wantState("orders/0", "idle")
		r.wantCommitted("orders/0", 6)
	})
}
