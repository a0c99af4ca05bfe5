package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// Situation 1: a crash before the first ack resumes from the baseline, not from a newer "latest".
func TestFirstStartAtLatestSurvivesAKillBeforeTheFirstAck(t *testing.T) {
	s := newScene(t, 3)
	s.kafka.Produce(s.topic, 3, 30, "before the first start")
	release := s.hold(testenv.Answer{Status: 503})
	watch := s.watchStore()
	first := s.sidecar(testenv.Set("start", "latest"))
	first.WaitReady()
	for partition := range int32(3) {
		s.waitStored(partition, 10)
	}
	doc, ok := s.storedTopic()
	require.True(t, ok)
	require.Equal(t, storedTopic{Partitions: 3, Baseline: map[int32]int64{0: 10, 1: 10, 2: 10}, Start: "latest"}, doc)

	produced := s.kafka.Produce(s.topic, 3, 30, "while running")
	s.waitDelivery(1)
	first.Kill()
	produced = append(produced, s.kafka.Produce(s.topic, 3, 30, "while down")...)
	release()
	s.app.SetAnswer(func(testenv.AppBatch) testenv.Answer { return testenv.Answer{} })

	first.Start()
	s.waitAcked(produced)
	s.waitCaughtUp()
	watch.check()
	log := s.app.Deliveries()
	require.NoError(t, inOrder(log))
	for partition, all := range visits(log) {
		require.EqualValues(t, 10, all[0].FromOffset, "partition %d starts at the baseline", partition)
	}
}

// Replicas that start together while `latest` moves agree on one baseline, also when one of them is killed on its way.
func TestReplicasRaceForTheBaseline(t *testing.T) {
	s := newScene(t, 3)
	watch := s.watchStore()
	load := s.kafka.StartLoad(s.topic, 3, 1000)
	latest := testenv.Set("start", "latest")
	killed, a, b := s.sidecar(latest), s.sidecar(latest), s.sidecar(latest)
	killed.Kill()
	a.WaitReady()
	b.WaitReady()
	s.waitDelivery(20)
	all, err := load.Stop()
	require.NoError(t, err)
	doc, ok := s.storedTopic()
	require.True(t, ok)
	require.Len(t, doc.Baseline, 3)
	produced := slices.DeleteFunc(all, func(p testenv.Produced) bool { return p.Offset < doc.Baseline[p.Partition] })
	s.waitAcked(produced)
	s.waitCaughtUp()
	watch.check()
	s.verify(produced)
	for partition, seen := range visits(s.app.Deliveries()) {
		require.Equal(t, doc.Baseline[partition], seen[0].FromOffset, "partition %d starts at the baseline", partition)
	}
}

// The baseline is durable before anything else is waited for: here the app never comes.
func TestBaselineStandsBeforeTheAppIsThere(t *testing.T) {
	s := newScene(t, 2)
	s.kafka.Produce(s.topic, 2, 8, "before")
	s.app.Stop()
	sidecar := s.sidecar(testenv.Set("start", "latest"))
	s.eventually("the baseline", func() error {
		if doc, ok := s.storedTopic(); !ok || len(doc.Baseline) != 2 {
			return fmt.Errorf("the store has %+v", doc)
		}
		return nil
	})
	waitReason(t, sidecar, "app_down")
	sidecar.Kill()
	produced := s.kafka.Produce(s.topic, 2, 8, "after")
	s.app.Start()
	sidecar.Start()
	s.waitAcked(produced)
	s.verify(produced)
	require.Zero(t, repeats(s.app.Deliveries()))
}

// Situation 2: a restart goes on exactly there.
func TestRestartGoesOnExactlyWhereItWas(t *testing.T) {
	s := newScene(t, 2)
	produced := s.kafka.Produce(s.topic, 2, 200, "first")
	watch := s.watchStore()
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	s.waitAcked(produced)
	require.Equal(t, 0, sidecar.Stop())
	s.waitCaughtUp() // the final commit is durable
	before := len(s.app.Deliveries())

	more := s.kafka.Produce(s.topic, 2, 100, "second")
	sidecar.Start()
	s.waitAcked(more)
	s.verify(append(produced, more...))
	watch.check()
	log := s.app.Deliveries()
	require.Zero(t, repeats(log))
	for partition, all := range visits(log[before:]) {
		require.EqualValues(t, 100, all[0].FromOffset, "partition %d", partition)
	}
}

func TestKillInTheMiddleLosesNothing(t *testing.T) {
	s := newScene(t, 4)
	watch := s.watchStore()
	sidecar := s.sidecar(testenv.Set("start", "earliest"))
	sidecar.WaitReady()
	load := s.kafka.StartLoad(s.topic, 4, 1000)
	for range 3 {
		s.waitDelivery(len(s.app.Deliveries()) + 20)
		sidecar.Kill()
		durable := map[int32]int64{}
		for partition := range int32(4) {
			doc, ok := s.stored(partition)
			require.True(t, ok)
			durable[partition] = doc.Offset
		}
		before := len(s.app.Deliveries())
		sidecar.Start()
		s.waitDelivery(before + 20)
		// Nothing comes again but what was acknowledged since the last durable commit.
		for partition, all := range visits(s.app.Deliveries()[before:]) {
			require.Equal(t, durable[partition], all[0].FromOffset, "partition %d", partition)
		}
	}
	produced := s.settle(load, watch)
	s.verify(produced)
	require.Equal(t, 0, sidecar.Stop())
}

// With an app that is slower than the commit interval every commit happens while a request is in
// flight: what is in flight must not be in it.
func TestNothingIsStoredBeforeItsAck(t *testing.T) {
	s := newScene(t, 1)
	s.app.SetAnswer(func(testenv.AppBatch) testenv.Answer {
		<-time.After(300 * time.Millisecond) // the app's work
		return testenv.Answer{}
	})
	produced := s.kafka.Produce(s.topic, 1, 500, "v")
	watch := s.watchStore()
	sidecar := s.sidecar(testenv.Set("start", "earliest"), testenv.Set("commit.interval", "50ms"))
	s.waitDelivery(4)
	sidecar.Kill() // in the fourth request: the third was acknowledged
	doc, ok := s.stored(0)
	require.True(t, ok)
	require.LessOrEqual(t, doc.Offset, int64(150))
	sidecar.Start()
	s.waitAcked(produced)
	s.waitStored(0, 500)
	watch.check()
	log := s.app.Deliveries()
	require.Equal(t, doc.Offset, log[4].Batch.Parts[0].FromOffset)
	require.NoError(t, inOrder(log))
}
