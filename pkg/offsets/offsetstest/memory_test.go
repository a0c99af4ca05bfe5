package offsetstest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemorySuite(t *testing.T) {
	offsetstest.Suite(t, func(*testing.T) offsetstest.Store { return &offsetstest.Memory{} })
}

func TestMemoryFaults(t *testing.T) {
	m := &offsetstest.Memory{}
	p := record.TopicPartition{Topic: "orders", Partition: 3}
	write := func(offset int64, index uint64) error {
		_, err := m.Write(t.Context(), []record.Write{{Entry: &record.Entry{TopicPartition: p, Offset: offset, Index: index}}})
		return err
	}
	m.Before(func(_ context.Context, op offsetstest.Op) error {
		assert.Len(t, op.Write, 1)
		return record.ErrUnavailable
	})
	require.ErrorIs(t, write(1, 0), record.ErrUnavailable)
	assert.Empty(t, m.Names())

	m.Before(nil)
	m.After(func(context.Context, offsetstest.Op) error { return record.ErrOutcomeUnknown })
	require.ErrorIs(t, write(1, 0), record.ErrOutcomeUnknown)
	m.After(nil)
	value, index := m.Get("orders/3")
	assert.Contains(t, value, `"offset":1`, "applied, and its answer lost")
	assert.Equal(t, 1, m.Writes())

	newer := m.Put("orders/3", "not a document")
	assert.Greater(t, newer, index)
	var stale *record.StaleError
	require.ErrorAs(t, write(2, index), &stale)
	entries, err := m.Entries(t.Context(), []record.TopicPartition{p})
	require.NoError(t, err)
	require.Error(t, entries[0].Bad)

	m.Delete("orders/3")
	entries, err = m.Entries(t.Context(), []record.TopicPartition{p})
	require.NoError(t, err)
	assert.Equal(t, record.Entry{TopicPartition: p}, entries[0])
	require.ErrorAs(t, write(2, newer), &stale)
	require.NoError(t, write(2, 0))
	_, last := m.Get("orders/3")
	assert.Greater(t, last, newer, "a version is never used twice")
}
