package testenv

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
)

// offsetsTopic holds the offsets of groups; the leader of a group's partition is the group's coordinator.
const (
	offsetsTopic      = "__consumer_offsets"
	offsetsPartitions = 4
)

// Leader is the node that leads a partition; -1 = none does.
func (b *brokers) Leader(topic string, partition int32) int32 {
	b.t.Helper()
	return b.partition(topic, partition).Leader
}

func (b *brokers) partition(topic string, partition int32) kadm.PartitionDetail {
	b.t.Helper()
	var found kadm.PartitionDetail
	b.admin("describe "+topic, func(ctx context.Context, adm *kadm.Client) error {
		topics, err := adm.ListTopicsWithInternal(ctx, topic)
		if err != nil {
			return err
		}
		var ok bool
		if found, ok = topics[topic].Partitions[partition]; !ok {
			return fmt.Errorf("there is no partition %d", partition)
		}
		return nil
	})
	return found
}

// MoveLeader makes a node that has a replica of the partition its leader, and waits for it.
func (b *brokers) MoveLeader(topic string, partition, to int32) {
	b.t.Helper()
	replicas := b.partition(topic, partition).Replicas
	at := slices.Index(replicas, to)
	if at < 0 {
		b.t.Fatalf("move the leader of %s/%d: node %d has no replica, only %v", topic, partition, to, replicas)
	}
	// The first replica is the preferred one.
	replicas[0], replicas[at] = replicas[at], replicas[0]
	b.admin("move the leader of "+topic, func(ctx context.Context, adm *kadm.Client) error {
		order := kadm.AlterPartitionAssignmentsReq{topic: {partition: replicas}}
		altered, err := adm.AlterPartitionAssignments(ctx, order)
		if err != nil {
			return err
		}
		if err := altered.Error(); err != nil {
			return err
		}
		return poll(adminWithin, func() error { return electPreferred(ctx, adm, topic, partition, to) })
	})
}

// electPreferred asks for an election and is nil once the node leads.
func electPreferred(ctx context.Context, adm *kadm.Client, topic string, partition, want int32) error {
	elected, err := adm.ElectLeaders(ctx, kadm.ElectPreferredReplica, kadm.TopicsSet{topic: {partition: {}}})
	if err != nil {
		return err
	}
	topics, err := adm.ListTopicsWithInternal(ctx, topic)
	if err != nil {
		return err
	}
	if leader := topics[topic].Partitions[partition].Leader; leader != want {
		return fmt.Errorf("node %d leads: %w", leader, elected[topic][partition].Err)
	}
	return nil
}

// Coordinator is the node that coordinates a consumer group. Asking creates the topic of offsets if it is missing.
func (b *brokers) Coordinator(group string) int32 {
	b.t.Helper()
	var node int32
	b.admin("find the coordinator of "+group, func(ctx context.Context, adm *kadm.Client) error {
		return poll(adminWithin, func() error {
			found := adm.FindGroupCoordinators(ctx, group)[group]
			node = found.NodeID
			return found.Err
		})
	})
	return node
}

// MoveCoordinator makes a node the coordinator of a group that has one already.
func (b *brokers) MoveCoordinator(group string, to int32) {
	b.t.Helper()
	b.MoveLeader(offsetsTopic, coordinatorPartition(group), to)
}

// coordinatorPartition is the partition of the topic of offsets that holds the group: the magnitude of Java's hash of its
// name. Groups of tests have ASCII names.
func coordinatorPartition(group string) int32 {
	var hash int32
	for _, c := range group {
		hash = 31*hash + c
	}
	return max(hash%offsetsPartitions, -(hash % offsetsPartitions))
}
