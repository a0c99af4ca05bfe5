package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// SIGTERM waits for the request in flight, commits it and exits 0; nothing new is sent.
func TestTermWaitsForTheRequestInFlight(t *testing.T) {
	s := newScene(t, 1)
	release := s.hold(testenv.Answer{})
	produced := s.kafka.Produce(s.topic, 1, 120, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitDelivery(1)
	sidecar.Signal(syscall.SIGTERM)
	waitReason(t, sidecar, "draining")
	require.True(t, sidecar.Running(), "a request is in flight")
	release()
	require.Equal(t, 0, sidecar.Wait(soon))
	log := s.app.Deliveries()
	require.Len(t, log, 1)
	until := log[0].Batch.Parts[0].UntilOffset
	require.EqualValues(t, 50, until)
	doc, _ := s.stored(0)
	require.Equal(t, until, doc.Offset)

	sidecar.Start()
	s.waitAcked(produced)
	require.Zero(t, repeats(s.app.Deliveries()))
}

// A second SIGTERM ends at once with 1; what was not acknowledged comes again.
func TestSecondTermEndsAtOnce(t *testing.T) {
	s := newScene(t, 1)
	s.hold(testenv.Answer{})
	s.kafka.Produce(s.topic, 1, 10, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitDelivery(1)
	sidecar.Signal(syscall.SIGTERM)
	waitReason(t, sidecar, "draining")
	sidecar.Signal(syscall.SIGTERM)
	require.Equal(t, 1, sidecar.Wait(10*time.Second))
	doc, _ := s.stored(0)
	require.Zero(t, doc.Offset)
}

// `sidecar drain` does the same and leaves the process up, not ready.
func TestDrainCommand(t *testing.T) {
	s := newScene(t, 2)
	produced := s.kafka.Produce(s.topic, 2, 100, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitAcked(produced)
	code, out := testenv.RunSidecar(t, "drain", "--set", "admin.listen="+sidecar.Admin(), "--set", "group="+s.group, "--set", "kafka.topics="+s.topic)
	require.Equal(t, 0, code, out)
	for partition, end := range s.kafka.EndOffsets(s.topic) {
		doc, _ := s.stored(partition)
		require.Equal(t, end, doc.Offset, "the final commit is durable when drain returns")
	}
	waitReason(t, sidecar, "drained")
	s.kafka.Produce(s.topic, 2, 10, "after the drain")
	before := len(s.app.Deliveries())
	testenv.Throughout(t, time.Second, "no delivery after a drain", func() error {
		require.Len(t, s.app.Deliveries(), before)
		return nil
	})
	require.True(t, sidecar.Running())
	require.Equal(t, 0, sidecar.Stop())
}

// During a drain a refused connection means the app has gone first: abandon the batch, exit 0.
func TestTermAfterTheAppHasGone(t *testing.T) {
	s := newScene(t, 1)
	produced := s.kafka.Produce(s.topic, 1, 10, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitAcked(produced)
	s.app.Stop()
	s.kafka.Produce(s.topic, 1, 10, "w")
	waitStatus(t, sidecar, "the app to be down", func(st relay.Status) bool { return !st.App.Up })
	require.Equal(t, 0, sidecar.Stop())
	s.waitStored(0, 10)
}
