package relay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// load is a time in which nothing fails: bursts of records, an app and a store that take a moment.
type load struct {
	partitions, lanes, maxRecords, pending int
	chunk, size, budget                    int
	onePart                                bool
	seed                                   uint64
	bursts                                 []burst
}

type burst struct {
	p, n int
	wait time.Duration // afterwards
}

func drawLoad(t *rapid.T) load {
	partitions := rapid.IntRange(1, 12).Draw(t, "partitions")
	one := rapid.Custom(func(t *rapid.T) burst {
		return burst{
			p:    rapid.IntRange(0, partitions-1).Draw(t, "p"),
			n:    rapid.IntRange(1, 200).Draw(t, "n"),
			wait: time.Duration(rapid.SampledFrom([]int{0, 1, 20, 300, 3000}).Draw(t, "ms")) * time.Millisecond,
		}
	})
	return load{
		partitions: partitions,
		lanes:      rapid.IntRange(1, 3).Draw(t, "lanes"),
		maxRecords: rapid.SampledFrom([]int{1, 7, 50}).Draw(t, "records"),
		pending:    rapid.SampledFrom([]int{20, 100, 100_000}).Draw(t, "pending"),
		chunk:      rapid.SampledFrom([]int{1, 10, 50}).Draw(t, "chunk"),
		size:       rapid.SampledFrom([]int{10, 100, 500}).Draw(t, "size"),
		budget:     rapid.SampledFrom([]int{10_000, 40_000, 1 << 20}).Draw(t, "budget"),
		onePart:    rapid.Bool().Draw(t, "onePart"),
		seed:       rapid.Uint64Range(0, 1000).Draw(t, "seed"),
		bursts:     rapid.SliceOfN(one, 1, 30).Draw(t, "bursts"),
	}
}

// Whenever records are there and nothing fails, delivery goes on at once: a wake-up that is missed, and made up
// for by some timer, shows as a pause. The timers of the engine are set far above what is allowed here.
func TestDeliveryGoesOn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		l := drawLoad(rt)
		drawn(t, rt, func(r *rig) { r.carry(l) })
	})
}

func (r *rig) carry(l load) {
	r.kafka.topic("orders", "id-1", l.partitions)
	r.cfg.Lanes, r.cfg.MaxRecords, r.cfg.MaxBytes, r.app.maxBytes = l.lanes, l.maxRecords, 4000, 4000
	r.cfg.CommitInterval, r.cfg.CommitMaxPending, r.cfg.WatchInterval = time.Minute, l.pending, time.Hour
	r.cfg.MemoryMaxBytes, r.chunk = int64(l.budget), l.chunk
	if l.onePart {
		r.parts = 1
	}
	var calls atomic.Uint64
	r.app.answers(func(ctx context.Context, a attempt) record.Outcome {
		return after(time.Duration(1+len(a.parts)%3)*time.Millisecond, ack())(ctx, a)
	})
	r.store.Before(func(context.Context, offsetstest.Op) error {
		time.Sleep(time.Duration(rand.New(rand.NewPCG(l.seed, calls.Add(1))).IntN(100)) * time.Millisecond)
		return nil
	})
	r.run()
	produced := 0
	for _, b := range l.bursts {
		r.kafka.produce(fmt.Sprintf("orders/%d", b.p), b.n, l.size)
		produced += b.n
		r.goesOn(b.wait, produced)
	}
	r.goesOn(10*time.Minute, produced)
	if n := r.delivered(); n != produced {
		r.Errorf("%d of %d records are delivered", n, produced)
	}
}

// goesOn lets time pass and watches that records are delivered while some are left.
func (r *rig) goesOn(d time.Duration, produced int) {
	const step, most = 5 * time.Millisecond, 250 * time.Millisecond
	before, still := r.delivered(), time.Duration(0)
	for ; d > 0 && before < produced; d -= step {
		r.pass(step)
		n := r.delivered()
		if still += step; n > before {
			before, still = n, 0
		}
		if still > most {
			r.Errorf("%d of %d records are delivered, and nothing for %v", n, produced, still)
			return
		}
	}
	r.pass(max(d, 0))
}

// delivered counts the records in all attempts.
func (r *rig) delivered() int {
	n := 0
	for _, a := range r.attempts(0) {
		n += a.len()
	}
	return n
}
