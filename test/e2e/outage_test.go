package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

func TestConsulDownAtStart(t *testing.T) {
	s := sceneOn(t, testenv.SharedKafka(t), testenv.Consul(t, testenv.ConsulOnDisk()), 2)
	s.consul.Stop()
	produced := s.kafka.Produce(s.topic, 2, 20, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	waitReason(t, sidecar, "store")
	require.Empty(t, s.app.Deliveries())
	s.consul.Start()
	s.waitAcked(produced)
	sidecar.WaitReady()
}

func TestConsulKilledUnderLoad(t *testing.T) {
	s := sceneOn(t, testenv.SharedKafka(t), testenv.Consul(t, testenv.ConsulOnDisk()), 3)
	watch := s.watchStore()
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	sidecar.WaitReady()
	load := s.kafka.StartLoad(s.topic, 3, 500)
	s.waitDelivery(10)
	s.consul.Kill()
	waitStatus(t, sidecar, "the store to be down", func(st relay.Status) bool { return !st.Store.Up })
	s.waitDelivery(len(s.app.Deliveries()) + 5) // delivery goes on up to commit.max_pending
	s.consul.Start()
	waitStatus(t, sidecar, "the store to be up", func(st relay.Status) bool { return st.Store.Up })
	produced := s.settle(load, watch)
	s.verify(produced)
	require.Equal(t, 0, sidecar.Stop())
}

func TestKafkaKilledUnderLoad(t *testing.T) {
	s := sceneOn(t, testenv.Kafka(t), testenv.SharedConsul(t), 3)
	watch := s.watchStore()
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	sidecar.WaitReady()
	load := s.kafka.StartLoad(s.topic, 3, 500)
	s.waitDelivery(10)
	s.kafka.Kill()
	s.kafka.Start()
	s.waitDelivery(len(s.app.Deliveries()) + 10)
	produced := s.settle(load, watch)
	log := s.app.Deliveries()
	require.NoError(t, noLoss(produced, log))
	require.NoError(t, inOrder(log))
	require.Equal(t, 0, sidecar.Stop())
}

// Kafka and Consul are both away at the start; the process says so, stays alive and heals.
func TestEverythingDownAtStart(t *testing.T) {
	s := sceneOn(t, testenv.Kafka(t), testenv.Consul(t, testenv.ConsulOnDisk()), 1)
	produced := s.kafka.Produce(s.topic, 1, 10, "v")
	s.kafka.Stop()
	s.consul.Stop()
	s.app.Stop()
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	waitReason(t, sidecar, "kafka")
	s.app.Start()
	s.consul.Start()
	s.kafka.Start()
	s.waitAcked(produced)
	sidecar.WaitReady()
}
