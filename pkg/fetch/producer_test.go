package fetch_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func newProducer(t *testing.T, cfg fetch.Config) *fetch.Producer {
	t.Helper()
	p, err := fetch.NewProducer(cfg)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestDeadLetters(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	p := newProducer(t, cfg)
	letters := []record.DeadLetter{
		{Topic: topic, Key: []byte("k"), Value: []byte("v"), Headers: []record.Header{{Name: "a", Value: []byte("1")}, {Name: "a"}, {Name: "sidecar-topic", Value: []byte("orders")}}},
		{Topic: topic, Value: nil},
		{Topic: topic, Value: bytes.Repeat([]byte("x"), 900_000)},
	}
	n, err := p.Produce(t.Context(), letters)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, map[int32]int64{0: 3}, kafka.EndOffsets(topic))

	r := read(t, cfg)
	r.Add(tp(topic, 0), from(0), 1)
	r.waitNext(1, 3)
	first := r.of(1)[0].Records[0]
	require.Equal(t, "k", string(first.Key))
	require.Equal(t, letters[0].Headers, first.Headers)
}

// The topic's limit decides, not the client's.
func TestDeadLetterAboveTheClientsDefaultLimit(t *testing.T) {
	kafka, cfg, _ := scene(t, 1)
	large := testenv.Name(t, "large")
	kafka.CreateTopic(large, 1, "max.message.bytes", "8000000")
	n, err := newProducer(t, cfg).Produce(t.Context(), []record.DeadLetter{{Topic: large, Value: random(5_000_000)}})
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestDeadLetterThatFailsStopsTheRest(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	p := newProducer(t, cfg)
	n, err := p.Produce(t.Context(), []record.DeadLetter{
		{Topic: topic, Value: []byte("1")},
		{Topic: topic, Value: random(3_000_000)},
		{Topic: topic, Value: []byte("3")},
	})
	require.ErrorContains(t, err, topic)
	require.Equal(t, 1, n)
	require.Equal(t, map[int32]int64{0: 1}, kafka.EndOffsets(topic))

	missing := testenv.Name(t, "missing")
	n, err = p.Produce(t.Context(), []record.DeadLetter{{Topic: missing, Value: []byte("1")}})
	require.Error(t, err)
	require.Zero(t, n)
	kafka.CreateTopic(missing, 1)
	testenv.Eventually(t, within, "a produce after the topic was created", func() error {
		_, err := p.Produce(t.Context(), []record.DeadLetter{{Topic: missing, Value: []byte("1")}})
		return err
	})
}

func TestDeadLetterAfterItsTopicWasRecreated(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	p := newProducer(t, cfg)
	_, err := p.Produce(t.Context(), []record.DeadLetter{{Topic: topic, Value: []byte("old")}})
	require.NoError(t, err)
	kafka.DeleteTopic(topic)
	kafka.CreateTopic(topic, 1)
	testenv.Eventually(t, time.Minute, "a produce to the new topic", func() error {
		_, err := p.Produce(t.Context(), []record.DeadLetter{{Topic: topic, Value: []byte("new")}})
		return err
	})
	require.Equal(t, map[int32]int64{0: 1}, kafka.EndOffsets(topic))
}

func TestDeadLetterWithoutBrokersEndsWithItsContext(t *testing.T) {
	p := newProducer(t, config(t, "127.0.0.1:1", "g", "orders"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	n, err := p.Produce(ctx, []record.DeadLetter{{Topic: "dead", Value: []byte("1")}})
	require.Error(t, err)
	require.Zero(t, n)
}

// random does not compress, so that its size is that on the wire.
func random(n int) []byte {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}
