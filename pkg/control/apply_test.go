package control

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func TestPauseAndResume(t *testing.T) {
	s := newScene(t).runs()
	plan, err := s.Pause(t.Context(), "orders", nil)
	require.NoError(t, err)
	require.Len(t, plan.Steps, 3)
	require.NoError(t, s.Apply(t.Context(), plan))
	e := s.entry(0)
	assert.Equal(t, []any{int64(50), int32(3), true, "ann@host"}, []any{e.Offset, e.LeaderEpoch, e.Paused, e.PausedBy})
	assert.False(t, e.PausedAt.IsZero())
	assert.Equal(t, int64(20), s.entry(2).Offset, "from the baseline")

	plan, err = s.Pause(t.Context(), "orders", []int32{0})
	require.NoError(t, err)
	assert.Empty(t, plan.Steps, "it is paused already")
	require.NoError(t, s.Apply(t.Context(), plan))
	assert.Equal(t, int64(2), s.doc().Revision, "nothing to do writes nothing")

	plan, err = s.Resume(t.Context(), "orders", []int32{0})
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), plan))
	e = s.entry(0)
	assert.Equal(t, []any{false, "", true}, []any{e.Paused, e.PausedBy, e.PausedAt.IsZero()})
	assert.True(t, s.entry(1).Paused)
}

// A seek keeps the pause, and a pause keeps what the owner committed since the plan was made.
func TestChangesKeepWhatTheyDoNotChange(t *testing.T) {
	s := newScene(t).runs()
	plan, err := s.Pause(t.Context(), "orders", []int32{0})
	require.NoError(t, err)
	s.commits(60)
	require.Zero(t, plan.Revision)
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, int64(60), s.entry(0).Offset)
	require.Equal(t, int64(2), plan.Revision)

	plan, err = s.Seek(t.Context(), "orders", []int32{0}, Earliest(), false)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), plan))
	require.True(t, s.entry(0).Paused)
	require.Equal(t, "ann@host", s.entry(0).PausedBy)
}

// Between the operator's reading and writing the owner commits, each time for a while.
func TestApplyAgainstABusyOwner(t *testing.T) {
	s := newScene(t).runs()
	plan, err := s.Seek(t.Context(), "orders", []int32{0, 1}, Earliest(), false)
	require.NoError(t, err)
	races := 0
	s.store.Before(func(_ context.Context, op offsetstest.Op) error {
		if len(op.Write) > 1 && races < 5 {
			races++
			s.store.Put("orders/0", fmt.Sprintf(`{"v":1,"offset":%d,"topicId":"id-1","owner":"pod-1/0123456789abcdef","epoch":7}`, 60+races))
		}
		return nil
	})
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, 5, races)
	require.Equal(t, []int64{10, 10}, []int64{s.entry(0).Offset, s.entry(1).Offset})
	log, err := s.Log(t.Context())
	require.NoError(t, err)
	require.Len(t, log, 1)
	require.Equal(t, &record.Standing{Offset: 65}, log[0].Changes[0].Before, "what was there when it was written")
}

func TestApplyGivesUpWithItsContext(t *testing.T) {
	s := newScene(t).runs()
	plan, err := s.Seek(t.Context(), "orders", []int32{0}, Earliest(), false)
	require.NoError(t, err)
	s.store.Before(func(_ context.Context, op offsetstest.Op) error {
		if len(op.Write) > 1 {
			s.store.Put("orders/0", fmt.Sprintf(`{"v":1,"offset":%d,"topicId":"id-1"}`, time.Now().UnixNano()))
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Apply(ctx, plan), context.DeadlineExceeded)
}

// Of two operators the second is told to look again, whatever came between.
func TestTwoOperators(t *testing.T) {
	s := newScene(t).runs()
	first, err := s.Seek(t.Context(), "orders", []int32{0}, Earliest(), false)
	require.NoError(t, err)
	second, err := New(s.store, s.cluster, "bob@desk").Pause(t.Context(), "orders", []int32{1})
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), second))
	s.refuses(s.Apply(t.Context(), first), Changed, "topic orders was changed since the plan was made")
	require.Equal(t, int64(50), s.entry(0).Offset)
}

// A replica that takes partitions over in the document meanwhile is no operator.
func TestApplyDuringAnExtension(t *testing.T) {
	s := newScene(t).runs()
	plan, err := s.Seek(t.Context(), "orders", []int32{0}, Earliest(), false)
	require.NoError(t, err)
	doc := s.doc()
	doc.Partitions = 4
	_, err = s.store.Write(t.Context(), []record.Write{{Topic: &doc}})
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, []any{int32(4), int64(2)}, []any{s.doc().Partitions, s.doc().Revision})
}

func TestApplyWithAnUnknownOutcome(t *testing.T) {
	for _, landed := range []bool{true, false} {
		t.Run(fmt.Sprintf("landed_%t", landed), func(t *testing.T) {
			s := newScene(t).runs()
			plan, err := s.Seek(t.Context(), "orders", []int32{0}, Shift(5), false)
			require.NoError(t, err)
			lost := false
			hook := func(_ context.Context, op offsetstest.Op) error {
				if len(op.Write) > 1 && !lost {
					lost = true
					return record.ErrOutcomeUnknown
				}
				return nil
			}
			if landed {
				s.store.After(hook)
			} else {
				s.store.Before(hook)
			}
			require.NoError(t, s.Apply(t.Context(), plan))
			require.True(t, lost)
			require.Equal(t, []int64{55, 8, 2, 2}, []int64{s.entry(0).Offset, s.entry(0).Epoch, s.doc().Revision, plan.Revision})
			log, err := s.Log(t.Context())
			require.NoError(t, err)
			require.Len(t, log, 1)
		})
	}
}

// The store goes away in the middle of a change of many partitions.
func TestApplyOfAPart(t *testing.T) {
	s := newScene(t).runs()
	s.cluster.partitions = 100
	plan, err := s.Seek(t.Context(), "orders", nil, Earliest(), false)
	require.NoError(t, err)
	require.Len(t, plan.Steps, 100)
	s.store.Before(func(_ context.Context, op offsetstest.Op) error {
		if len(op.Write) > 0 && s.store.Writes() == 2 {
			return record.ErrUnavailable
		}
		return nil
	})
	err = s.Apply(t.Context(), plan)
	var partial *Partial
	require.ErrorAs(t, err, &partial)
	require.Equal(t, []int{62, 100}, []int{partial.Done, partial.Of})
	require.Equal(t, int64(2), plan.Revision)
	require.ErrorIs(t, err, record.ErrUnavailable)
	require.ErrorContains(t, err, "62 of 100 partitions are done")
	require.Equal(t, []int64{10, 0}, []int64{s.entry(61).Offset, s.entry(62).Offset})
}

func TestLogIsPruned(t *testing.T) {
	s := newScene(t).runs()
	for n := range KeptLines + 5 {
		plan, err := s.Seek(t.Context(), "orders", []int32{0}, Offset(int64(10+n%50)), false)
		require.NoError(t, err)
		require.NoError(t, s.Apply(t.Context(), plan))
	}
	log, err := s.Log(t.Context())
	require.NoError(t, err)
	require.Len(t, log, KeptLines)
	require.Equal(t, int64(KeptLines+6), log[0].Revision, "the newest comes first")
	require.Equal(t, []string{"ann@host", Seek, "orders"}, []string{log[0].Who, log[0].What, log[0].Topic})
}
