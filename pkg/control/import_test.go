package control

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func TestImportOfANewGroup(t *testing.T) {
	s := newScene(t)
	plan, err := s.Import(t.Context(), "orders", map[int32]int64{0: 70, 1: -1}, false)
	require.NoError(t, err)
	require.Equal(t, []string{"the source does not know partitions [2]; they begin at the log start"}, plan.Notes)
	require.Equal(t, []int64{-1, 70}, []int64{plan.Steps[0].From, plan.Steps[0].To})
	require.Zero(t, plan.Steps[0].Skipped())
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, int64(1), plan.Revision)
	require.Equal(t, []int64{70, 90, 10}, []int64{s.entry(0).Offset, s.entry(1).Offset, s.entry(2).Offset})
	doc := s.doc()
	require.Equal(t, []any{"id-1", "c-1", int32(3), int64(1), "import"}, []any{doc.TopicID, doc.ClusterID, doc.Partitions, doc.Revision, doc.Start})
	require.Equal(t, map[int32]int64{0: 70, 1: 90, 2: 10}, doc.Baseline)

	_, err = s.Import(t.Context(), "orders", map[int32]int64{0: 70}, false)
	s.refuses(err, Exists, "partitions [0 1 2]")
	plan, err = s.Import(t.Context(), "orders", map[int32]int64{0: 71, 1: 71, 2: 71}, true)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, []int64{71, 2}, []int64{s.entry(0).Offset, s.doc().Revision})
}

func TestImportRefuses(t *testing.T) {
	s := newScene(t)
	_, err := s.Import(t.Context(), "orders", map[int32]int64{3: 50}, false)
	s.refuses(err, UnknownPartition, "there is no partition orders/3")
	_, err = s.Import(t.Context(), "orders", map[int32]int64{0: 9}, false)
	s.refuses(err, OutOfRange, "starts at 10 and ends at 100")
	_, err = s.Import(t.Context(), "order", map[int32]int64{0: 50}, false)
	s.refuses(err, UnknownTopic, "Kafka has no topic order")
	require.Empty(t, s.store.Names())
}

// The topic's document comes last, so an import that was cut off is no start, and is seen.
func TestImportThatIsCutOff(t *testing.T) {
	s := newScene(t)
	plan, err := s.Import(t.Context(), "orders", map[int32]int64{0: 70}, false)
	require.NoError(t, err)
	s.store.Before(func(_ context.Context, op offsetstest.Op) error {
		if len(op.Write) > 0 && op.Write[0].Topic != nil {
			return record.ErrUnavailable
		}
		return nil
	})
	require.ErrorContains(t, s.Apply(t.Context(), plan), "the import is not complete: repeat it with overwrite")
	s.store.Before(nil)
	require.Zero(t, s.doc().Index)
	_, err = s.Import(t.Context(), "orders", map[int32]int64{0: 71}, false)
	s.refuses(err, Exists, "partitions [0 1 2]")
	plan, err = s.Import(t.Context(), "orders", map[int32]int64{0: 71}, true)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, []int64{71, 1}, []int64{s.entry(0).Offset, s.doc().Revision})
}

func TestDelete(t *testing.T) {
	s := newScene(t).runs()
	_, err := s.Delete(t.Context(), "orders")
	s.refuses(err, InUse, "the group runs")
	s.at = s.at.Add(time.Minute)
	plan, err := s.Delete(t.Context(), "orders")
	require.NoError(t, err)
	require.Len(t, plan.Steps, 3)
	require.Equal(t, []int64{50, -1, 0}, []int64{plan.Steps[0].From, plan.Steps[0].To, plan.Steps[0].Repeated()})
	require.NoError(t, s.Apply(t.Context(), plan))
	log, err := s.Log(t.Context())
	require.NoError(t, err)
	require.Len(t, log, 1)
	require.Equal(t, record.Change{Partition: 0, Before: &record.Standing{Offset: 50}}, log[0].Changes[0])
	require.Len(t, s.store.Names(), 1, "the log's line")
	_, err = s.Delete(t.Context(), "orders")
	s.refuses(err, UnknownTopic, "no offsets of topic orders")
}

// A key that changed since the plan was made means that the group runs again.
func TestDeleteOfAGroupThatStarts(t *testing.T) {
	s := newScene(t).runs()
	s.at = s.at.Add(time.Hour)
	plan, err := s.Delete(t.Context(), "orders")
	require.NoError(t, err)
	s.commits(51)
	var stale *record.StaleError
	require.ErrorAs(t, s.Apply(t.Context(), plan), &stale)
	require.Equal(t, []int64{51, 1}, []int64{s.entry(0).Offset, s.doc().Revision})
}
