package relay

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// idleEngine is an engine whose loop does not run: one partition has a record, a lane is free, and
// nothing takes it. No input from outside leads there, or it would be a bug.
func idleEngine() *Engine {
	cfg := DefaultConfig()
	e := New(cfg, Deps{Metrics: prometheus.NewRegistry()})
	e.life.taking, e.app.up = true, true
	e.store.set(true, "")
	p := &partition{
		TopicPartition: record.TopicPartition{Topic: "orders"},
		topic:          &topic{name: "orders"},
		claim:          &claim{},
		readSeq:        1,
	}
	p.queue.push(record.Chunk{Records: []record.Record{{Offset: 0}}}, time.Now())
	e.partitions[p.TopicPartition] = p
	return e
}

// A batch that stands ready beside a free lane for longer than watchdog.after fails /livez, until it is taken.
func TestWatchdogNoticesAnIdleLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := idleEngine()
		turn := func() {
			e.beat.Store(time.Now().Unix())
			e.checkWatchdog()
		}
		turn()
		require.NoError(t, e.Live())
		time.Sleep(e.cfg.WatchdogAfter + time.Second)
		turn()
		require.ErrorIs(t, e.Live(), errIdleLane)
		clear(e.partitions)
		turn()
		require.NoError(t, e.Live())
	})
}

// What waits for the app, the store or an operator is not the watchdog's business.
func TestWatchdogKeepsStillWhileSomethingIsAwaited(t *testing.T) {
	for name, wait := range map[string]func(e *Engine){
		"app down":     func(e *Engine) { e.app.up = false },
		"store away":   func(e *Engine) { e.store.set(false, "refused") },
		"draining":     func(e *Engine) { e.life.taking = false },
		"blocked":      func(e *Engine) { only(e).block.reason = reasonPoison },
		"back-off":     func(e *Engine) { only(e).plan = &plan{} },
		"lanes in use": func(e *Engine) { e.lanes[0].sending = &flight{} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := idleEngine()
				wait(e)
				e.checkWatchdog()
				time.Sleep(2 * e.cfg.WatchdogAfter)
				e.beat.Store(time.Now().Unix())
				e.checkWatchdog()
				require.NoError(t, e.Live())
			})
		})
	}
}

func only(e *Engine) *partition {
	for _, p := range e.partitions {
		return p
	}
	return nil
}

// A loop that does not turn for a minute fails /livez.
func TestLiveNoticesALoopThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := idleEngine()
		e.beat.Store(time.Now().Unix())
		require.NoError(t, e.Live())
		time.Sleep(loopStall + 2*time.Second)
		require.ErrorIs(t, e.Live(), errStalled)
	})
}
