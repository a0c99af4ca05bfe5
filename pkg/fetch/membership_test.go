package fetch_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// scene is a topic and a group of a test's own.
func scene(t *testing.T, partitions int32) (*testenv.KafkaServer, fetch.Config, string) {
	t.Helper()
	kafka := testenv.SharedKafka(t)
	topic := testenv.Name(t, "topic")
	kafka.CreateTopic(topic, partitions)
	cfg := config(t, kafka.Addr(), testenv.Name(t, "group"), topic)
	cfg.SessionTimeout = 6 * time.Second
	return kafka, cfg, topic
}

func commit(t *testing.T, m *member, at map[record.TopicPartition]record.Position) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	return m.Commit(ctx, at)
}

func TestMembersShareThePartitions(t *testing.T) {
	_, cfg, _ := scene(t, 4)
	a := join(t, cfg)
	waitFor(t, 4, 4, a)
	b := join(t, cfg)
	waitFor(t, 4, 2, a, b)
	b.leave()
	require.Empty(t, b.assignment(), "leaving revokes everything")
	waitFor(t, 4, 4, a)
	require.Zero(t, a.lost)
}

func TestMemberWithoutPartitionsHasJoined(t *testing.T) {
	_, cfg, _ := scene(t, 1)
	a := join(t, cfg)
	waitFor(t, 1, 1, a)
	b := join(t, cfg)
	testenv.Eventually(t, within, "both to have joined", func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.joined == 0 {
			return context.DeadlineExceeded
		}
		return nil
	})
	waitFor(t, 1, 0, a, b)
}

func TestRejoinNoticesAddedPartitions(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	a := join(t, cfg)
	waitFor(t, 2, 2, a)
	b := join(t, cfg)
	waitFor(t, 2, 1, a, b)
	kafka.AddPartitions(topic, 4)
	// Every replica calls Rejoin when it sees the growth; one of them leads.
	a.Rejoin()
	b.Rejoin()
	waitFor(t, 4, 2, a, b)
}

func TestGrowthIsNoticedWhenOnlyAFollowerRejoins(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	cfg.MetadataInterval = time.Second
	a := join(t, cfg)
	waitFor(t, 2, 2, a)
	b := join(t, cfg)
	waitFor(t, 2, 1, a, b)
	kafka.AddPartitions(topic, 4)
	b.Rejoin() // a led when b joined
	waitFor(t, 4, 2, a, b)
}

func TestCommitNeedsAMember(t *testing.T) {
	_, cfg, topic := scene(t, 1)
	m, err := fetch.NewMembership(cfg)
	require.NoError(t, err)
	err = m.Commit(t.Context(), map[record.TopicPartition]record.Position{tp(topic, 0): from(1)})
	require.ErrorIs(t, err, fetch.ErrNotMember)

	a := join(t, cfg)
	waitFor(t, 1, 1, a)
	a.leave()
	err = commit(t, a, map[record.TopicPartition]record.Position{tp(topic, 0): from(1)})
	require.ErrorIs(t, err, fetch.ErrNotMember)
}

func TestCommitOfAMember(t *testing.T) {
	kafka, cfg, topic := scene(t, 2)
	a := join(t, cfg)
	waitFor(t, 2, 2, a)
	require.NoError(t, commit(t, a, map[record.TopicPartition]record.Position{tp(topic, 0): from(3), tp(topic, 1): {Offset: 5, LeaderEpoch: 0}}))
	require.Equal(t, map[int32]int64{0: 3, 1: 5}, kafka.GroupOffsets(cfg.Group, topic))

	err := commit(t, a, map[record.TopicPartition]record.Position{tp(topic, 0): from(4), tp(topic, 9): from(4)})
	require.ErrorContains(t, err, topic+"/9", "one refused partition fails the whole")
}

// A zombie still believes in its member id and generation; the broker does not.
func TestCommitOfAZombieIsRefused(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	a := join(t, cfg)
	waitFor(t, 1, 1, a)
	cl := kafka.Client()
	groups, err := kadm.NewClient(cl).DescribeGroups(t.Context(), cfg.Group)
	require.NoError(t, err)
	leave := kmsg.NewPtrLeaveGroupRequest()
	leave.Group = cfg.Group
	out := kmsg.NewLeaveGroupRequestMember()
	out.MemberID = groups[cfg.Group].Members[0].MemberID
	leave.Members = append(leave.Members, out)
	left, err := leave.RequestWith(t.Context(), cl)
	require.NoError(t, err)
	require.Zero(t, left.ErrorCode)

	err = commit(t, a, map[record.TopicPartition]record.Position{tp(topic, 0): from(7)})
	require.Error(t, err)
	require.Empty(t, kafka.GroupOffsets(cfg.Group, topic))
	// It notices, and joins again.
	testenv.Eventually(t, within, "the member to come back", func() error {
		return commit(t, a, map[record.TopicPartition]record.Position{tp(topic, 0): from(8)})
	})
}

func TestStaticMemberStays(t *testing.T) {
	kafka, cfg, _ := scene(t, 2)
	cfg.InstanceID = "pod-0"
	cfg.SessionTimeout = 30 * time.Second
	a := join(t, cfg)
	waitFor(t, 2, 2, a)
	a.leave()
	groups, err := kadm.NewClient(kafka.Client()).DescribeGroups(t.Context(), cfg.Group)
	require.NoError(t, err)
	require.Len(t, groups[cfg.Group].Members, 1)
}

func TestInstanceIDInUse(t *testing.T) {
	_, cfg, topic := scene(t, 2)
	cfg.InstanceID = "pod-0"
	cfg.MetadataInterval = time.Second
	a := join(t, cfg)
	waitFor(t, 2, 2, a)
	b := join(t, cfg)
	waitFor(t, 2, 2, b)
	testenv.Eventually(t, within, "the first member to be fenced", func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !slices.Contains(a.problems, "instance_id_in_use") {
			return context.DeadlineExceeded
		}
		return nil
	})
	require.Empty(t, a.assignment())
	require.Equal(t, 1, a.lost, "they are somebody else's already")
	require.ErrorIs(t, commit(t, a, map[record.TopicPartition]record.Position{tp(topic, 0): from(1)}), fetch.ErrNotMember)
	// It does not take the id back.
	testenv.Throughout(t, 4*time.Second, "the second member keeps its partitions", func() error {
		if len(b.assignment()) != 2 {
			return context.DeadlineExceeded
		}
		return nil
	})
}

// Also one with the balancer that the sidecar uses under its own name: it would take a share of the partitions.
func TestGroupOfAnOrdinaryConsumer(t *testing.T) {
	for _, balancer := range []kgo.GroupBalancer{kgo.RangeBalancer(), kgo.CooperativeStickyBalancer()} {
		t.Run(balancer.ProtocolName(), func(t *testing.T) { groupOfAnOrdinaryConsumer(t, balancer) })
	}
}

func groupOfAnOrdinaryConsumer(t *testing.T, balancer kgo.GroupBalancer) {
	kafka, cfg, topic := scene(t, 1)
	other := kafka.Client(kgo.ConsumerGroup(cfg.Group), kgo.ConsumeTopics(topic), kgo.Balancers(balancer), kgo.SessionTimeout(6*time.Second))
	adm := kadm.NewClient(kafka.Client())
	testenv.Eventually(t, within, "the other consumer to join", func() error {
		groups, err := adm.DescribeGroups(t.Context(), cfg.Group)
		if err == nil && groups[cfg.Group].State != "Stable" {
			err = context.DeadlineExceeded
		}
		return err
	})
	a := join(t, cfg)
	testenv.Eventually(t, within, "the problem", func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if !slices.Contains(a.problems, "kafka") {
			return context.DeadlineExceeded
		}
		return nil
	})
	require.Contains(t, a.detail, "ordinary consumer")
	require.Contains(t, a.detail, kerr.InconsistentGroupProtocol.Message)
	other.Close()
	waitFor(t, 1, 1, a)
	testenv.Eventually(t, within, "the problem to be cleared", func() error {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.problems[len(a.problems)-1] != "" {
			return context.DeadlineExceeded
		}
		return nil
	})
}

func TestConsumerProtocol(t *testing.T) {
	kafka, cfg, topic := scene(t, 4)
	cfg.GroupProtocol = "consumer"
	var log logged
	cfg.Log = zerolog.New(&log)
	a := join(t, cfg)
	waitFor(t, 4, 4, a)
	require.Contains(t, log.String(), `"protocol":"consumer"`)
	b := join(t, cfg)
	waitFor(t, 4, 2, a, b)
	own := a.assignment()[0]
	testenv.Eventually(t, within, "a commit to be accepted", func() error {
		return commit(t, a, map[record.TopicPartition]record.Position{own: from(2)})
	})
	require.Equal(t, map[int32]int64{own.Partition: 2}, kafka.GroupOffsets(cfg.Group, topic))
	kafka.AddPartitions(topic, 6)
	a.Rejoin()
	waitFor(t, 6, 2, a, b)
}

// The client goes on using the topic's first id; commits must not.
func TestCommitAfterTheTopicWasRecreated(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	a := join(t, cfg)
	waitFor(t, 1, 1, a)
	kafka.DeleteTopic(topic)
	kafka.CreateTopic(topic, 1)
	a.Rejoin()
	testenv.Eventually(t, within, "a commit to be accepted", func() error {
		return commit(t, a, map[record.TopicPartition]record.Position{tp(topic, 0): from(0)})
	})
	require.Equal(t, []record.TopicPartition{tp(topic, 0)}, a.assignment())
}
