package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// requireKeyFirst makes the app check that a partition's key stands in the store before its first delivery.
func (s *scene) requireKeyFirst() (violations func() []string) {
	found := make(chan string, 100)
	s.app.SetAnswer(func(b testenv.AppBatch) testenv.Answer {
		keys, ok := s.consul.List("kafka-sidecar/" + s.group + "/")
		for _, p := range b.Parts {
			if _, there := keys[s.partitionKey(p.Partition)]; ok && !there {
				select {
				case found <- fmt.Sprintf("partition %d was delivered without a key", p.Partition):
				default:
				}
			}
		}
		return testenv.Answer{}
	})
	return func() (all []string) {
		for {
			select {
			case v := <-found:
				all = append(all, v)
			default:
				return all
			}
		}
	}
}

// Situation 3, while running: added partitions are read from the log start, although start is latest.
func TestPartitionsAddedUnderLoad(t *testing.T) {
	s := newScene(t, 2)
	violations := s.requireKeyFirst()
	watch := s.watchStore()
	sidecar := s.sidecar(testenv.Set("start", "latest"))
	sidecar.WaitReady()
	load := s.kafka.StartLoad(s.topic, 2, 500)
	s.waitDelivery(10)
	s.kafka.AddPartitions(s.topic, 5)
	load.Partitions(5)
	waitAssigned(t, sidecar, 5)
	s.waitDelivery(len(s.app.Deliveries()) + 20)
	produced := s.settle(load, watch)
	s.verify(produced)
	require.Empty(t, violations())
	require.Zero(t, repeats(s.app.Deliveries()))
	for partition := int32(2); partition < 5; partition++ {
		require.Zero(t, visits(s.app.Deliveries())[partition][0].FromOffset)
	}
	doc, _ := s.storedTopic()
	require.EqualValues(t, 5, doc.Partitions)
	require.Len(t, doc.Baseline, 2, "added partitions are not in the baseline")
}

// Situation 3, while down. The log start of one new partition is no longer 0.
func TestPartitionsAddedWhileDown(t *testing.T) {
	s := newScene(t, 1)
	sidecar := s.sidecar(testenv.Set("start", "latest"))
	sidecar.WaitReady()
	s.waitStored(0, 0)
	require.Equal(t, 0, sidecar.Stop())

	s.kafka.AddPartitions(s.topic, 3)
	produced := s.kafka.Produce(s.topic, 3, 60, "while down")
	s.kafka.DeleteRecords(s.topic, 2, 5)
	var kept []testenv.Produced
	for _, r := range produced {
		if r.Partition != 2 || r.Offset >= 5 {
			kept = append(kept, r)
		}
	}
	violations := s.requireKeyFirst()
	sidecar.Start()
	s.waitAcked(kept)
	s.verify(kept)
	require.Empty(t, violations())
	all := visits(s.app.Deliveries())
	require.Zero(t, all[1][0].FromOffset)
	require.EqualValues(t, 5, all[2][0].FromOffset)
}
