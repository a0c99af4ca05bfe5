package fetch_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// A consumer commits the next offset of what it has read, of two topics, while it is a member and after it has left.
func TestGroupOffsetsOfAConsumer(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	other := testenv.Name(t, "other")
	kafka.CreateTopic(other, 1)
	kafka.Produce(topic, 1, 7, "a") // all of partition 0
	kafka.Produce(other, 1, 3, "b")
	group := testenv.Name(t, "old")
	consumer := kafka.Client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic, other), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for read := 0; read < 10; {
		read += consumer.PollFetches(t.Context()).NumRecords()
	}
	require.NoError(t, consumer.CommitUncommittedOffsets(t.Context()))

	c := newCluster(t, cfg) // its own group is another
	want := map[record.TopicPartition]int64{tp(topic, 0): 7, tp(other, 0): 3}
	testenv.Eventually(t, within, "the group to settle", func() error {
		got, err := c.GroupOffsets(t.Context(), group)
		if err != nil {
			return err
		}
		require.Equal(t, want, got.Next)
		require.True(t, got.Active(), got.State)
		if got.State != "Stable" {
			return fmt.Errorf("it is %s", got.State)
		}
		return nil
	})

	require.NoError(t, consumer.LeaveGroupContext(context.Background()))
	testenv.Eventually(t, within, "the group to be empty", func() error {
		got, err := c.GroupOffsets(t.Context(), group)
		if err == nil && got.Active() {
			err = fmt.Errorf("it is %s", got.State)
		}
		require.Equal(t, want, got.Next)
		return err
	})

	got, err := c.GroupOffsets(t.Context(), testenv.Name(t, "unknown"))
	require.NoError(t, err)
	require.Equal(t, fetch.GroupOffsets{Next: map[record.TopicPartition]int64{}}, got)
	require.False(t, got.Active())
}

// The newer group protocol has a list of its own in some requests.
func TestGroupOffsetsOfTheConsumerProtocol(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	cfg.GroupProtocol = "consumer"
	kafka.Produce(topic, 1, 4, "a")
	m := join(t, cfg)
	waitFor(t, 1, 1, m)
	require.NoError(t, commit(t, m, map[record.TopicPartition]record.Position{tp(topic, 0): from(4)}))
	got, err := newCluster(t, cfg).GroupOffsets(t.Context(), cfg.Group)
	require.NoError(t, err)
	require.Equal(t, map[record.TopicPartition]int64{tp(topic, 0): 4}, got.Next)
	require.True(t, got.Active(), got.State)
}

func TestGroupOffsetsWithoutBrokers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	_, err := newCluster(t, config(t, "127.0.0.1:1", "g", "orders")).GroupOffsets(ctx, "old")
	require.ErrorContains(t, err, "connection refused")
	require.ErrorContains(t, err, "group old")
	require.NoError(t, ctx.Err())
}
