package control

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func (s *scene) survey() ([]Group, error) {
	s.t.Helper()
	topics, err := s.store.Tracked(s.t.Context())
	require.NoError(s.t, err)
	return Survey(s.t.Context(), []record.Group{{Name: "billing", Topics: topics}, {Name: "empty"}}, s.cluster)
}

func TestSurvey(t *testing.T) {
	s := newScene(t).runs()
	s.store.Put("orders/2147483647", `{"v":1,"offset":7}`) // nobody tracks it, and nothing is made for the numbers between
	groups, away := s.survey()
	require.NoError(t, away)
	require.Equal(t, []any{2, "billing", "empty", 0}, []any{len(groups), groups[0].Name, groups[1].Name, len(groups[1].Topics)})
	topic := groups[0].Topics[0]
	require.Equal(t, "orders", topic.Name)
	require.Len(t, topic.Partitions, 4)
	require.Equal(t, []int64{50, 50, 20, 7}, []int64{topic.Partitions[0].Next, topic.Partitions[1].Next, topic.Partitions[2].Next, topic.Partitions[3].Next})
	require.Equal(t, []int64{10, 100, -1}, []int64{topic.Partitions[0].LogStart, topic.Partitions[0].LogEnd, topic.Partitions[3].LogEnd})
}

// Without Kafka the store's side is there all the same.
func TestSurveyWithoutKafka(t *testing.T) {
	s := newScene(t).runs()
	s.cluster.down = errors.New("refused")
	groups, away := s.survey()
	require.EqualError(t, away, "refused")
	require.Equal(t, []int64{50, -1}, []int64{groups[0].Topics[0].Partitions[0].Next, groups[0].Topics[0].Partitions[0].LogEnd})
}
