package chaos

import (
	"slices"
	"strings"
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
	stoodStill := standstills(w.finish(), f)
	require.Less(t, stoodStill[1], sessionTimeout/2, "the partitions that stay where they are go on: %v", stoodStill)
}

// standstills are how long each partition stood still under a fault, in ascending order.
func standstills(v *oracle.Verdict, f *active) []time.Duration {
	for _, r := range v.Table.Rows {
		if r.Fault == f.line.Name {
			return slices.Sorted(slices.Values(r.Standstill))
		}
	}
	return nil
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
	v := w.finish()
	require.Zero(t, repeated(v))
	stoodStill := standstills(v, f)
	require.Less(t, stoodStill[3], sessionTimeout/2, "a replica that leaves does not make the group wait for its session: %v", stoodStill)
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
func TestSidecarRollingRestart(t *testing.T) { costsNothing(t, settings{}, rollingRestart) }

// Members come and go faster than the group settles; the one that stays goes on.
func TestSidecarRebalanceStorm(t *testing.T) { costsNothing(t, settings{}, rebalanceStorm) }

// With a kafka.instance_id the partitions do not even move.
func TestSidecarRollingRestartOfStaticMembers(t *testing.T) {
	w := costsNothing(t, settings{static: true}, rollingRestart)
	writers := w.writersSinceTheFault()
	require.Len(t, writers, 6)
	for key, replicas := range writers {
		require.Len(t, replicas, 1, "the replicas that wrote %s: %v", key, replicas)
	}
}

// writersSinceTheFault are the replicas that wrote each partition's key since the first fault.
func (w *world) writersSinceTheFault() map[string]map[string]bool {
	w.t.Helper()
	run, err := oracle.Read(w.dir)
	require.NoError(w.t, err)
	writers := map[string]map[string]bool{}
	for _, x := range run.Writes {
		replica, _, isProcess := strings.Cut(x.Writer, "/")
		if x.Sent < run.Faults[0].From || !isProcess || strings.HasSuffix(x.Key, "/_topic") {
			continue
		}
		if writers[x.Key] == nil {
			writers[x.Key] = map[string]bool{}
		}
		writers[x.Key][replica] = true
	}
	return writers
}

// costsNothing requires that three replicas which end in good order repeat nothing.
func costsNothing(t *testing.T, s settings, f *fault) *world {
	t.Parallel()
	s.sidecars, s.partitions = 3, 6
	w := newWorld(t, s)
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
	return w
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
