package fetch

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// GroupOffsets are the commits of a Kafka group, any group.
type GroupOffsets struct {
	Next  map[record.TopicPartition]int64 // the next offset of each partition with a commit
	State string                          // as Kafka names it: Stable, Empty, PreparingRebalance …; "" = the brokers do not list the group
}

// Active says whether the group has members, which may commit again at any moment.
func (g GroupOffsets) Active() bool {
	return g.State != "" && g.State != "Empty" && g.State != "Dead"
}

// GroupOffsets asks for all that a group has committed, and for its state, first: what a group without members has committed
// stays. A group that does not exist, or has committed nothing, has no offsets and that is no error. Brokers before
// Kafka 2.6 tell no state. Commits of open transactions make it fail rather than lie.
//
// A group that the client may not describe is not listed, and its commits are refused.
func (c *Cluster) GroupOffsets(ctx context.Context, group string) (GroupOffsets, error) {
	state, err := c.groupState(ctx, group)
	if err != nil {
		return GroupOffsets{}, fmt.Errorf("ask for the state of group %s: %w", group, err)
	}
	resp, err := c.fetchCommits(ctx, group, nil)
	if err != nil {
		return GroupOffsets{}, err
	}
	g := GroupOffsets{Next: map[record.TopicPartition]int64{}, State: state}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			tp := record.TopicPartition{Topic: t.Topic, Partition: p.Partition}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return GroupOffsets{}, fmt.Errorf("ask for the group's commit of %s: %w", tp, err)
			}
			if p.Offset >= 0 {
				g.Next[tp] = p.Offset
			}
		}
	}
	return g, nil
}

// groupState looks for the group in the lists of all brokers, which hold groups of every protocol.
func (c *Cluster) groupState(ctx context.Context, group string) (string, error) {
	var problem error
	for _, shard := range c.client.RequestSharded(ctx, kmsg.NewPtrListGroupsRequest()) {
		if shard.Err != nil {
			problem = shard.Err
			continue
		}
		resp := shard.Resp.(*kmsg.ListGroupsResponse)
		if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
			problem = err
		}
		for i := range resp.Groups {
			if g := &resp.Groups[i]; g.Group == group {
				return g.GroupState, nil
			}
		}
	}
	return "", problem // a broker that did not answer may be the one that has it
}

// fetchCommits asks for what a group has committed of some topics, of all when there are none.
func (c *Cluster) fetchCommits(ctx context.Context, group string, topics []kmsg.OffsetFetchRequestGroupTopic) (*kmsg.OffsetFetchResponseGroup, error) {
	asked := kmsg.NewOffsetFetchRequestGroup()
	asked.Group, asked.Topics = group, topics
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable = true
	req.Groups = append(req.Groups, asked)
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return nil, fmt.Errorf("ask for the commits of group %s: %w", group, err)
	}
	for i := range resp.Groups {
		if g := &resp.Groups[i]; g.Group == group {
			if err := kerr.ErrorForCode(g.ErrorCode); err != nil {
				return nil, fmt.Errorf("ask for the commits of group %s: %w", group, err)
			}
			return g, nil
		}
	}
	return nil, fmt.Errorf("ask for the commits of group %s: the broker did not answer for it", group)
}
