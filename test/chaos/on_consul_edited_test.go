package chaos

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// waitBegin waits until the app is asked for partition 0 from an offset on, after a moment.
func (a *application) waitBegin(after oracle.Nanos, offset int64) {
	a.w.t.Helper()
	a.w.eventually("a request from the edited offset on", func() error {
		for _, l := range a.log() {
			if l.What != oracle.Ask || l.Time < after {
				continue
			}
			for _, p := range l.Parts {
				if p.Partition == 0 && p.From == offset {
					return nil
				}
			}
		}
		return errors.New("there is none")
	})
}

// The operator wins: delivery goes on from the edited offset, under a higher fence.
func TestConsulOffsetEdited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.start()
	w.goesOn(200)
	before, epochs := w.stored()[0], w.epochs()
	begin, back := nanos(), before/2
	w.moveOffset(0, back)
	w.apps[0].waitBegin(begin, back)
	w.goesOn(200)
	require.Greater(t, w.epochs()[0], epochs[0])
	for partition := int32(1); partition < w.partitions; partition++ {
		require.Equal(t, epochs[partition], w.epochs()[partition], "partition %d was not edited", partition)
	}
	w.finish()
}

// An offset above the end of the log is no offset to go on from: the partition blocks, and follows the next edit.
func TestConsulOffsetEditedBeyondTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.start()
	w.goesOn(200)
	right := w.stored()[0]
	w.moveOffset(0, 1_000_000)
	p := w.sidecars[0].waitPartition(0, "blocked", "log_truncated")
	require.Contains(t, p.LastError, "below the stored offset 1000000")
	w.goesOn(200) // the others
	restart := w.inject(sidecarStopped, 0)
	w.moveOffset(0, right)
	restart.heal()
	w.finish()
}

// A key that can't be read, or is gone, is never a first start: its partition blocks, alone, until it is written again.
func TestConsulKeyUnreadable(t *testing.T) {
	keySpoiled(t, func(w *world) { w.byHand(http.MethodPut, 0, "{") }, "")
}

func TestConsulKeyDeleted(t *testing.T) {
	keySpoiled(t, func(w *world) { w.byHand(http.MethodDelete, 0, "") }, "the partition's key has disappeared from the store")
}

func keySpoiled(t *testing.T, spoil func(*world), says string) {
	t.Helper()
	t.Parallel()
	w := newWorld(t, settings{})
	w.start()
	w.goesOn(200)
	w.load.Pause()
	w.settle()
	kept, ok := w.consul.Get(w.keyOf(0))
	require.True(t, ok)
	spoil(w)
	w.load.Resume()
	p := w.sidecars[0].waitPartition(0, "blocked", "bad_key")
	require.Contains(t, p.LastError, says)
	w.goesOn(200) // the others
	w.byHand(http.MethodPut, 0, string(kept))
	w.goesOn(200)
	w.finish()
}
