package chaos

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// duringFault runs a world, lets the test look at it while the fault is on the first of its targets, and has it go on.
func duringFault(t *testing.T, s settings, f *fault, look func(*world)) *oracle.Verdict {
	t.Helper()
	t.Parallel()
	w := newWorld(t, s)
	w.start()
	w.goesOn(100)
	on := w.inject(f, 0)
	look(w)
	on.heal()
	w.goesOn(200)
	return w.finish()
}

// kafkaAway is said and does not make the process spin; it is the look at most outages of the only broker.
func kafkaAway(w *world) {
	w.t.Helper()
	w.sidecars[0].waitStatus("an outage of Kafka", func(s *relay.Status) bool { return !s.Kafka.Up && s.Kafka.Error != "" })
	w.requireIdle(w.sidecars[0])
}

func TestKafkaCutOff(t *testing.T) {
	duringFault(t, settings{kafkaNodes: 1}, kafkaCut, kafkaAway)
}

func TestKafkaConnectionsReset(t *testing.T) {
	duringFault(t, settings{kafkaNodes: 1}, kafkaReset, kafkaAway)
}

// Nothing says that the connections are dead; deadlines find out.
func TestKafkaPacketsDropped(t *testing.T) {
	duringFault(t, settings{kafkaNodes: 1}, kafkaHalfOpen, kafkaAway)
}

// Distance costs time and nothing else.
func TestKafkaFarAway(t *testing.T) {
	v := duringFault(t, settings{kafkaNodes: 1}, kafkaSlow, func(w *world) {
		epochs := w.epochs()
		w.goesOn(300)
		w.requireKept(epochs)
	})
	require.Zero(t, repeated(v))
}

// The broker comes back with its log as far as it had acknowledged.
func TestKafkaBrokerKilled(t *testing.T) {
	duringFault(t, settings{kafkaNodes: 1}, brokerKilled, kafkaAway)
}

// A pause below the session time-out costs nothing.
func TestKafkaBrokerFrozenShortly(t *testing.T) {
	v := duringFault(t, settings{kafkaNodes: 1}, brokerFrozen, func(w *world) {
		epochs := w.epochs()
		time.Sleep(sessionTimeout / 3)
		w.requireKept(epochs)
	})
	require.Zero(t, repeated(v))
}

// A long pause is seen, and the group is found again after it.
func TestKafkaBrokerFrozen(t *testing.T) {
	duringFault(t, settings{kafkaNodes: 1}, brokerFrozen, kafkaAway)
}
