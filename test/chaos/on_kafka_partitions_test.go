package chaos

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// addPartitions raises the number of partitions and lets the producer use them.
func (w *world) addPartitions(total int32) {
	w.t.Helper()
	if total > w.partitions {
		w.AddPartitions(w.topic, int(total))
		w.load.SetPartitions(total)
		w.partitions = total
	}
}

// waitTracked waits until the store has a key for each of the partitions, and something of each is done.
func (w *world) waitTracked(total int32) {
	w.t.Helper()
	w.eventually("keys of the new partitions", func() error {
		ends := map[int32]int64{}
		for partition := range total {
			ends[partition] = 1
		}
		return w.consumed(ends)
	})
}

// grown is nil when each of the partitions has records.
func (w *world) grown() error {
	w.t.Helper()
	for partition, end := range w.EndOffsets(w.topic) {
		if end == 0 {
			return fmt.Errorf("partition %d is empty", partition)
		}
	}
	return nil
}

// Partitions that come under load are read from their first record, shared by the replicas.
func TestKafkaPartitionsAdded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{sidecars: 2, start: "latest"})
	w.start()
	w.sidecars[0].waitHeld(2)
	w.goesOn(200)
	w.addPartitions(8)
	w.waitTracked(8)
	for _, s := range w.sidecars {
		s.waitHeld(4)
	}
	w.goesOn(200)
	require.Zero(t, repeated(w.finish()))
}

// The same for partitions that came and were written to while no sidecar ran.
func TestKafkaPartitionsAddedWhileDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{start: "latest"})
	w.start()
	w.goesOn(200)
	down := w.inject(sidecarStopped, 0)
	w.addPartitions(6)
	w.eventually("records in the new partitions", func() error { return w.grown() })
	down.heal()
	w.waitTracked(6)
	w.goesOn(200)
	require.Zero(t, repeated(w.finish()))
}
