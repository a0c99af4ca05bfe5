package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// A replica that holds nothing writes nothing, and knows of the store all the same.
func TestStoreIsWatchedWithoutPartitions(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.group.lose("orders/0")
		r.store.Before(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
		r.pass(r.cfg.WatchInterval + time.Second)
		if s := r.status().Store; s.Up || s.Error == "" {
			r.Errorf("away, and the status says %+v", s)
		}
		r.store.Before(nil)
		r.pass(r.cfg.WatchInterval + time.Second)
		if s := r.status().Store; !s.Up || s.Error != "" {
			r.Errorf("back, and the status says %+v", s)
		}
	})
}

// A store that can be read and takes no writes is away: what it answers to reads changes nothing.
func TestStoreThatTakesNoWritesStaysAway(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.store.Before(func(_ context.Context, op offsetstest.Op) error {
			if len(op.Write) > 0 {
				return record.ErrUnavailable
			}
			return nil
		})
		r.kafka.produce("orders/0", 5)
		r.pass(time.Minute)
		since := r.status().Store.Since
		for range 10 {
			r.pass(r.cfg.WatchInterval / 2)
			if s := r.status().Store; s.Up || !s.Since.Equal(since) {
				r.Fatalf("the status says %+v", s)
			}
		}
	})
}
