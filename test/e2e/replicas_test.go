package e2e

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// waitShares waits until the replicas hold all n partitions between them, each at least one.
func waitShares(t *testing.T, n int, replicas ...*testenv.SidecarProcess) {
	t.Helper()
	testenv.Eventually(t, soon, fmt.Sprintf("%d replicas to share %d partitions", len(replicas), n), func() error {
		total := 0
		for _, r := range replicas {
			var status relay.Status
			if err := r.Status(&status); err != nil {
				return err
			}
			if len(status.Partitions) == 0 {
				return fmt.Errorf("a replica has none")
			}
			total += len(status.Partitions)
		}
		if total != n {
			return fmt.Errorf("%d are assigned", total)
		}
		return nil
	})
}

func TestReplicasRebalanceUnderLoad(t *testing.T) {
	s := newScene(t, 6)
	watch := s.watchStore()
	start := testenv.Set("start", "earliest")
	a, b := s.sidecar(start), s.sidecar(start)
	waitShares(t, 6, a, b)
	load := s.kafka.StartLoad(s.topic, 6, 1000)
	s.waitDelivery(20)
	c := s.sidecar(start)
	waitShares(t, 6, a, b, c)
	s.waitDelivery(len(s.app.Deliveries()) + 20)
	require.Equal(t, 0, a.Stop())
	waitShares(t, 6, b, c)
	s.waitDelivery(len(s.app.Deliveries()) + 20)
	produced := s.settle(load, watch)
	s.verify(produced)
	require.Zero(t, repeats(s.app.Deliveries()), "nothing is repeated when everybody leaves properly")
}

// A replica that was frozen for longer than its session comes back and must not overwrite its successor.
func TestFrozenReplicaIsFenced(t *testing.T) {
	s := newScene(t, 4)
	watch := s.watchStore()
	start := testenv.Set("start", "earliest")
	frozen, other := s.sidecar(start), s.sidecar(start)
	waitShares(t, 4, frozen, other)
	load := s.kafka.StartLoad(s.topic, 4, 500)
	s.waitDelivery(20)
	frozen.Signal(syscall.SIGSTOP)
	waitAssigned(t, other, 4)
	before := map[int32]stored{}
	for partition := range int32(4) {
		before[partition], _ = s.stored(partition)
	}
	s.eventually("the successor to commit all partitions", func() error {
		for partition, old := range before {
			if now, _ := s.stored(partition); now.Offset <= old.Offset {
				return fmt.Errorf("partition %d stands at %d", partition, now.Offset)
			}
		}
		return nil
	})
	frozen.Signal(syscall.SIGCONT)
	waitShares(t, 4, frozen, other) // it comes back as a new member
	s.waitDelivery(len(s.app.Deliveries()) + 50)
	produced := s.settle(load, watch)
	log := s.app.Deliveries()
	require.NoError(t, inOrder(log))
	require.NoError(t, noLoss(produced, log))
	require.Equal(t, 0, frozen.Stop())
	require.Equal(t, 0, other.Stop())
}
