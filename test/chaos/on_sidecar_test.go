package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// repeated is how many records an app got again after it had acknowledged them.
func repeated(v *oracle.Verdict) (n int) {
	for _, r := range v.Table.Rows {
		n += r.Repeated
	}
	return n
}

// requireIdle measures a sidecar that waits for something: it must not spin.
func (w *world) requireIdle(s *sidecar) {
	w.t.Helper()
	const during = 3 * time.Second
	before, begin := s.cpu(), time.Now()
	time.Sleep(during)
	used := (s.cpu() - before).Seconds() / time.Since(begin).Seconds()
	require.Less(w.t, used, bounds.IdleCPU, "CPU seconds per second of %s while it waits", s.life())
}

func TestSidecarKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{sidecars: 2})
	w.start()
	w.goesOn(200)
	f := w.inject(sidecarKilled, 0)
	w.sidecars[1].waitHeld(4) // after the session of the dead one
	w.goesOn(200)
	f.heal()
	w.sidecars[0].waitHeld(2)
	w.goesOn(200)
	w.finish()
}

// Nothing is repeated when a replica leaves properly.
func TestSidecarStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{sidecars: 2})
	w.start()
	w.sidecars[0].waitHeld(2)
	w.goesOn(200)
	f := w.inject(sidecarStopped, 0)
	require.Zero(t, w.sidecars[0].code, "exit code: the final commit is durable")
	w.sidecars[1].waitHeld(4)
	w.goesOn(200)
	f.heal()
	w.sidecars[0].waitHeld(2)
	w.goesOn(200)
	require.Zero(t, repeated(w.finish()))
}

// A pause below the session time-out costs nothing: the group does not notice, the claims stay.
func TestSidecarFrozenShortly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{sidecars: 2})
	w.start()
	w.sidecars[0].waitHeld(2)
	w.sidecars[1].waitHeld(2)
	w.goesOn(200)
	epochs := w.epochs()
	f := w.inject(sidecarFrozenShortly, 0)
	time.Sleep(sessionTimeout / 3)
	f.heal()
	w.goesOn(400)
	require.Equal(t, epochs, w.epochs(), "no partition was claimed anew")
	require.Zero(t, repeated(w.finish()))
}

// A replica that was frozen past its session comes back as a zombie, is refused, and becomes a member again.
func TestSidecarFrozenPastItsSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{sidecars: 2})
	w.start()
	w.sidecars[0].waitHeld(2)
	w.goesOn(200)
	before := w.epochs()
	f := w.inject(sidecarFrozenLong, 0)
	w.sidecars[1].waitHeld(4)
	w.goesOn(200)
	f.heal()
	w.sidecars[0].waitHeld(2)
	w.goesOn(200)
	higher := 0
	for partition, epoch := range w.epochs() {
		require.GreaterOrEqual(t, epoch, before[partition])
		if epoch > before[partition] {
			higher++
		}
	}
	require.GreaterOrEqual(t, higher, 2, "the partitions of the frozen one were claimed by the other")
	w.finish()
}

// A deployment of three replicas: nothing is repeated, nobody exits badly.
func TestSidecarRollingRestart(t *testing.T) { costsNothing(t, rollingRestart) }

// Members come and go faster than the group settles; the one that stays goes on.
func TestSidecarRebalanceStorm(t *testing.T) { costsNothing(t, rebalanceStorm) }

// costsNothing requires that replicas which end in good order repeat nothing.
func costsNothing(t *testing.T, f *fault) {
	t.Parallel()
	w := newWorld(t, settings{sidecars: 3, partitions: 6})
	w.start()
	for _, s := range w.sidecars {
		s.waitHeld(2)
	}
	w.goesOn(200)
	w.inject(f, 0).heal()
	for _, s := range w.sidecars {
		require.Zero(t, s.code, "exit code of %s", s.name)
		s.waitHeld(2)
	}
	w.goesOn(200)
	require.Zero(t, repeated(w.finish()))
}

// A restart while everything is away: the process lives, says what it waits for, does not spin, and goes on where it was.
func TestSidecarStartedDuringOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{kafkaNodes: 1, sidecars: 2})
	w.start()
	w.goesOn(200)
	f := w.inject(startDuringOutage, 0)
	for _, s := range w.sidecars {
		s.waitReason("kafka")
	}
	w.requireIdle(w.sidecars[0])
	f.heal()
	w.goesOn(200)
	w.finish()
}

// The same for a first start: the baseline stands before anything is delivered.
func TestSidecarFirstStartDuringOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{kafkaNodes: 1, sidecars: 2})
	w.makeApps()
	w.startSidecars()
	f := w.inject(startDuringOutage, 0)
	for _, s := range w.sidecars {
		s.waitReason("kafka")
	}
	f.heal()
	w.startLoad()
	w.goesOn(200)
	w.finish()
}

// epochs are the fences that stand in the store, by partition.
func (w *world) epochs() map[int32]int64 {
	epochs := map[int32]int64{}
	for partition, doc := range w.entries() {
		epochs[partition] = doc.Epoch
	}
	return epochs
}
