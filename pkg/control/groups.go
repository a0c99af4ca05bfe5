package control

import (
	"context"
	"maps"
	"slices"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Group is how a group stands in the store and in Kafka.
type Group struct {
	Name   string
	Topics []GroupTopic // in the order of their names
}

// GroupTopic is how a topic of a group stands.
type GroupTopic struct {
	Topic
	Bad error // non-nil: the topic's document can't be used
}

// Survey looks at everything that the store holds of some groups, with three questions to Kafka in all. While Kafka can't be asked the
// bounds of the logs are -1, and away says why; what the store holds is known all the same.
func Survey(ctx context.Context, groups []record.Group, cluster Cluster) (all []Group, away error) {
	s := survey{cluster: cluster}
	s.ask(ctx, groups)
	for i := range groups {
		g := Group{Name: groups[i].Name}
		for j := range groups[i].Topics {
			g.Topics = append(g.Topics, s.topic(&groups[i].Topics[j]))
		}
		all = append(all, g)
	}
	return all, s.away
}

// survey is what Kafka says of all the topics.
type survey struct {
	cluster      Cluster
	view         record.ClusterView
	starts, ends map[record.TopicPartition]int64
	away         error
}

func (s *survey) ask(ctx context.Context, groups []record.Group) {
	names := map[string]bool{}
	for _, g := range groups {
		for i := range g.Topics {
			names[g.Topics[i].Name] = true
		}
	}
	if len(names) == 0 {
		return
	}
	if s.view, s.away = s.cluster.Topics(ctx, slices.Sorted(maps.Keys(names))); s.away != nil {
		return
	}
	parts := s.led()
	if len(parts) == 0 {
		return
	}
	if s.starts, s.away = s.cluster.Offsets(ctx, record.OffsetQuery{At: record.AtStart}, parts); s.away != nil {
		return
	}
	if s.ends, s.away = s.cluster.Offsets(ctx, record.OffsetQuery{At: record.AtEnd}, parts); s.away != nil {
		s.starts = nil // a start without an end is no log
	}
}

// led are the partitions that can be asked about: one without a leader would make the question fail for all.
func (s *survey) led() []record.TopicPartition {
	var parts []record.TopicPartition
	for name, view := range s.view.Topics {
		for n := range view.Partitions {
			if view.Err == nil && !slices.Contains(view.Leaderless, n) {
				parts = append(parts, record.TopicPartition{Topic: name, Partition: n})
			}
		}
	}
	return parts
}

func (s *survey) topic(kept *record.Tracked) GroupTopic {
	t := GroupTopic{Topic: Topic{Topic: kept.Topic, View: s.view.Topics[kept.Name], ClusterID: s.view.ClusterID}, Bad: kept.Bad}
	n := max(kept.Topic.Partitions, t.View.Partitions)
	entries := make([]record.Entry, 0, n)
	for _, tp := range idsOf(kept.Name, allOf(n)) {
		entries = append(entries, record.Entry{TopicPartition: tp})
	}
	for _, e := range kept.Entries {
		if e.Partition < n {
			entries[e.Partition] = e
		} else { // what nobody tracks any more is shown, without the numbers between
			entries = append(entries, e)
		}
	}
	for _, e := range entries {
		t.Topic.Partitions = append(t.Topic.Partitions, t.standing(e, s.starts, s.ends))
	}
	return t
}
