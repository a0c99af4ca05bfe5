package main

import (
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

// listDocument is what is printed, in the form that scripts get.
type listDocument struct {
	Group  string          `json:"group"`
	Topics []topicDocument `json:"topics"`
}

type topicDocument struct {
	Topic      string              `json:"topic"`
	TopicID    string              `json:"topicId"`
	Revision   int64               `json:"revision"`
	Lag        int64               `json:"lag"`
	Partitions []partitionDocument `json:"partitions"`
}

// partitionDocument has -1 for an offset that is not known.
type partitionDocument struct {
	Partition   int32      `json:"partition"`
	Committed   int64      `json:"committed"` // the next offset to deliver
	LogStart    int64      `json:"logStart"`
	LogEnd      int64      `json:"logEnd"`
	Lag         int64      `json:"lag"`
	Owner       string     `json:"owner"`
	CommittedAt *time.Time `json:"committedAt"`
	State       string     `json:"state"`
	Detail      string     `json:"detail,omitempty"` // of the state, for people
	PausedBy    string     `json:"pausedBy,omitempty"`
	PausedAt    *time.Time `json:"pausedAt,omitempty"`
}

func documentOf(t *control.Topic, parts []int32) topicDocument {
	d := topicDocument{Topic: t.Name, TopicID: t.TopicID, Revision: t.Revision, Partitions: make([]partitionDocument, len(parts))}
	for i, n := range parts {
		p := &t.Partitions[n]
		d.Lag += p.Lag()
		d.Partitions[i] = partitionDocument{
			Partition: p.Partition, Committed: p.Next, LogStart: p.LogStart, LogEnd: p.LogEnd, Lag: p.Lag(),
			Owner: p.Owner, CommittedAt: knownTime(p.CommittedAt), PausedBy: p.PausedBy, PausedAt: knownTime(p.PausedAt),
		}
		d.Partitions[i].State, d.Partitions[i].Detail = stateOf(t, p)
	}
	return d
}

func knownTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// stateOf is the word for how a partition stands, and what is to be said about it.
func stateOf(t *control.Topic, p *control.Partition) (state, detail string) {
	switch {
	case p.Bad != nil:
		return "unreadable", p.Bad.Error()
	case p.LogEnd < 0:
		return "missing", "Kafka has no such partition"
	case t.Replaced():
		return "other log", "the topic was recreated, or this is another cluster"
	case p.Paused:
		return "paused", pausedDetail(p)
	case p.Next < p.LogStart || p.Next > p.LogEnd:
		return "out of range", "the log does not hold the offset"
	case p.Index == 0:
		return "no key", "not claimed yet"
	}
	return "ok", ""
}

func pausedDetail(p *control.Partition) string {
	switch {
	case p.PausedBy == "":
		return ""
	case p.PausedAt.IsZero():
		return "by " + p.PausedBy
	}
	return "by " + p.PausedBy + " at " + secondsOf(p.PausedAt)
}

// secondsOf is a time as tables show it.
func secondsOf(t time.Time) string { return t.UTC().Format(time.RFC3339) }
