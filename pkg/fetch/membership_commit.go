package fetch

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// ErrNotMember is returned by Commit when the process is not a member of the group at this moment:
// before the first join, after a session was lost and until the next join, and after Run ended.
var ErrNotMember = errors.New("not a member of the group")

// Commit commits offsets to the group with the member id and generation of this moment, so that the
// broker refuses it when they are no longer those of a member: a proof of membership. One refused
// partition makes the whole an error. It is not retried across a rebalance.
//
// The request is built here rather than by the client's own commit: without a member id the client
// would send a commit of a simple consumer, which a broker accepts while the group is empty.
func (m *Membership) Commit(ctx context.Context, at map[record.TopicPartition]record.Position) error {
	if len(at) == 0 {
		return nil
	}
	cl := m.client.Load()
	if cl == nil {
		return ErrNotMember
	}
	member, generation := cl.GroupMetadata()
	if member == "" || generation < 0 {
		return ErrNotMember
	}
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group, req.MemberID, req.Generation = m.cfg.Group, member, generation
	if m.cfg.InstanceID != "" {
		req.InstanceID = &m.cfg.InstanceID
	}
	req.Topics = commitTopics(at)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return fmt.Errorf("commit to group %s: %w", m.cfg.Group, err)
	}
	return commitResult(resp, at)
}

func commitTopics(at map[record.TopicPartition]record.Position) []kmsg.OffsetCommitRequestTopic {
	byTopic := map[string][]kmsg.OffsetCommitRequestTopicPartition{}
	for tp, pos := range at {
		p := kmsg.NewOffsetCommitRequestTopicPartition()
		p.Partition, p.Offset, p.LeaderEpoch = tp.Partition, pos.Offset, pos.LeaderEpoch
		byTopic[tp.Topic] = append(byTopic[tp.Topic], p)
	}
	topics := make([]kmsg.OffsetCommitRequestTopic, 0, len(byTopic))
	for topic, parts := range byTopic {
		t := kmsg.NewOffsetCommitRequestTopic()
		t.Topic, t.Partitions = topic, parts
		topics = append(topics, t)
	}
	return topics
}

// commitResult is nil only when every partition was asked for and answered without an error.
func commitResult(resp *kmsg.OffsetCommitResponse, at map[record.TopicPartition]record.Position) error {
	done := 0
	for i := range resp.Topics {
		t := &resp.Topics[i]
		for _, p := range t.Partitions {
			tp := record.TopicPartition{Topic: t.Topic, Partition: p.Partition}
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("commit %s to the group: %w", tp, err)
			}
			if _, asked := at[tp]; asked {
				done++
			}
		}
	}
	if done != len(at) {
		return fmt.Errorf("commit to the group: the broker answered for %d of %d partitions", done, len(at))
	}
	return nil
}
