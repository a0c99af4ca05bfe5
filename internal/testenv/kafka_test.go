package testenv

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestKafkaClusterLosesNothingWhenALeaderIsKilled(t *testing.T) {
	c := KafkaNodes(t, 3)
	c.CreateTopic("orders", 2)
	c.Produce("orders", 2, 10, "before")

	const group = "billing"
	moved := c.Coordinator(group)%3 + 1
	c.MoveCoordinator(group, moved)
	Eventually(t, adminWithin, "the coordinator to move", func() error {
		if node := c.Coordinator(group); node != moved {
			return fmt.Errorf("it is node %d", node)
		}
		return nil
	})

	target := c.Leader("orders", 0)%3 + 1
	c.MoveLeader("orders", 0, target)
	require.Equal(t, target, c.Leader("orders", 0))

	c.Node(target).Kill()
	Eventually(t, adminWithin, "another leader", func() error {
		if leader := c.Leader("orders", 0); leader == target || leader < 0 {
			return fmt.Errorf("it is node %d", leader)
		}
		return nil
	})
	c.Produce("orders", 2, 10, "meanwhile")
	require.Equal(t, map[int32]int64{0: 10, 1: 10}, c.EndOffsets("orders"))

	for _, node := range c.Nodes {
		node.Kill()
	}
	c.Start()
	require.Equal(t, map[int32]int64{0: 10, 1: 10}, c.EndOffsets("orders"))
	other := c.Node(target%3 + 1)
	other.Pause()
	other.Resume()
	other.Stop()
	other.Start()
}

func TestClientsOfABrokerGoThroughItsProxy(t *testing.T) {
	toxiproxy := Toxiproxy(t)
	var proxy *Proxy
	k := Kafka(t, KafkaAdvertise(func(addr string) string {
		proxy = toxiproxy.Proxy(addr)
		return proxy.Addr()
	}))
	k.CreateTopic("orders", 1)
	require.NotEqual(t, k.Addr(), k.ClientAddr())

	read := func(within time.Duration) (int, error) {
		cl, err := kgo.NewClient(kgo.SeedBrokers(k.ClientAddr()), kgo.ConsumeTopics("orders"),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		require.NoError(t, err)
		defer cl.Close()
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		fetches := cl.PollFetches(ctx)
		return fetches.NumRecords(), ctx.Err()
	}
	k.Produce("orders", 1, 10, "v")
	n, err := read(adminWithin)
	require.NoError(t, err)
	require.Equal(t, 10, n)

	proxy.Cut()
	k.Produce("orders", 1, 10, "past the proxy")
	_, err = read(time.Second)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	proxy.Heal()
	n, err = read(adminWithin)
	require.NoError(t, err)
	require.Positive(t, n)
}

func TestTopicsThatLoseTheirPastAndTheirReaders(t *testing.T) {
	k := Kafka(t, KafkaACL())
	k.CreateTopic("orders", 1)
	k.Produce("orders", 1, 10, "v")
	k.DeleteRecords("orders", 0, 4)
	before := k.TopicID("orders")
	require.Len(t, before, 22)
	require.Empty(t, k.TopicID("no-such-topic"))

	adm := kadm.NewClient(k.Client())
	commit := func() error {
		offsets := make(kadm.Offsets)
		offsets.AddOffset("orders", 0, 5, -1)
		answers, err := adm.CommitOffsets(t.Context(), "billing", offsets)
		if err != nil {
			return err
		}
		return answers.Error()
	}
	starts, err := adm.ListStartOffsets(t.Context(), "orders")
	require.NoError(t, err)
	require.EqualValues(t, 4, starts["orders"][0].Offset)

	Eventually(t, adminWithin, "a commit", commit)
	k.ForbidTopic("orders")
	k.Produce("orders", 1, 1, "writing goes on")
	eventuallyErrorIs(t, kerr.TopicAuthorizationFailed, commit)
	k.PermitTopic("orders")
	Eventually(t, adminWithin, "the right to read", commit)
	k.ForbidGroup("billing")
	eventuallyErrorIs(t, kerr.GroupAuthorizationFailed, commit)
	k.PermitGroup("billing")
	Eventually(t, adminWithin, "the right to the group", commit)

	k.RecreateTopic("orders", 2)
	require.NotEqual(t, before, k.TopicID("orders"))
	require.Equal(t, map[int32]int64{0: 0, 1: 0}, k.EndOffsets("orders"))
}

func eventuallyErrorIs(t *testing.T, want error, do func() error) {
	t.Helper()
	Eventually(t, adminWithin, want.Error(), func() error {
		if err := do(); !errors.Is(err, want) {
			return fmt.Errorf("it is %w", err)
		}
		return nil
	})
}
