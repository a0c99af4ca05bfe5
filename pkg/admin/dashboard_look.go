package admin

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// storedStatus is GET /v1/status as far as the store and Kafka go.
type storedStatus struct {
	Version    string              `json:"version"`
	Group      string              `json:"group"`
	State      string              `json:"state"` // always stored
	Kafka      relay.SystemStatus  `json:"kafka"`
	Store      relay.SystemStatus  `json:"store"`
	Topics     []relay.TopicStatus `json:"topics"`
	Partitions []storedPartition   `json:"partitions"`
}

// storedPartition is how a partition stands in the store. An offset is -1 when it is not known.
type storedPartition struct {
	Topic       string    `json:"topic"`
	Partition   int32     `json:"partition"`
	State       string    `json:"state"` // stored | paused | unclaimed | unreadable | missing | other_log | out_of_range
	Detail      string    `json:"detail"`
	Committed   int64     `json:"committed"`
	LogStart    int64     `json:"logStart"`
	LogEnd      int64     `json:"logEnd"`
	Lag         int64     `json:"lag"`
	Epoch       int64     `json:"epoch"`
	Owner       string    `json:"owner"`
	CommittedAt time.Time `json:"committedAt"`
}

func (d *Dashboard) status(group string, w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), orderTimeout)
	defer cancel()
	topics, err := d.cfg.Group(group).Tracked(ctx)
	if err != nil {
		failed(w, err)
		return
	}
	if len(topics) == 0 {
		unknownGroup(w, group)
		return
	}
	groups, away := control.Survey(ctx, []record.Group{{Name: group, Topics: topics}}, d.cfg.Groups.Cluster)
	s := storedStatus{
		Version: d.cfg.Version, Group: group, State: "stored", Topics: []relay.TopicStatus{}, Partitions: []storedPartition{},
		Kafka: relay.SystemStatus{Up: away == nil}, Store: relay.SystemStatus{Up: true, Kind: d.cfg.Kind},
	}
	if away != nil {
		s.Kafka.Error = away.Error()
	}
	for i := range groups[0].Topics {
		t := &groups[0].Topics[i]
		s.Topics = append(s.Topics, relay.TopicStatus{
			Topic: t.Name, TopicID: t.TopicID, Partitions: int32(len(t.Partitions)), Tracked: t.Topic.Topic.Partitions, Revision: t.Revision, Error: topicTrouble(t, away),
		})
		for j := range t.Partitions {
			s.Partitions = append(s.Partitions, storedOf(t, &t.Partitions[j], away))
		}
	}
	respond(w, http.StatusOK, s)
}

// topicTrouble leaves out what follows from Kafka's being away.
func topicTrouble(t *control.GroupTopic, away error) string {
	if away != nil && t.Bad == nil && t.Index != 0 {
		return ""
	}
	return troubleOf(t)
}

func storedOf(t *control.GroupTopic, p *control.Partition, away error) storedPartition {
	s := storedPartition{
		Topic: t.Name, Partition: p.Partition, State: "stored", Committed: p.Next, LogStart: p.LogStart, LogEnd: p.LogEnd, Lag: p.Lag(),
		Epoch: p.Epoch, Owner: p.Owner, CommittedAt: p.CommittedAt,
	}
	switch {
	case p.Bad != nil:
		s.State, s.Detail = "unreadable", p.Bad.Error()
	case away == nil && p.LogEnd < 0:
		s.State, s.Detail = "missing", "Kafka has no such partition, or it has no leader"
	case away == nil && t.Replaced():
		s.State, s.Detail = "other_log", "the stored offset is of another log"
	case p.Paused:
		s.State, s.Detail = "paused", pausedBy(p)
	case away == nil && (p.Next < p.LogStart || p.Next > p.LogEnd):
		s.State, s.Detail = "out_of_range", fmt.Sprintf("the log holds %d to %d", p.LogStart, p.LogEnd)
	case p.Index == 0:
		s.State = "unclaimed"
	}
	return s
}

func pausedBy(p *control.Partition) string {
	if p.PausedBy == "" {
		return ""
	}
	return fmt.Sprintf("by %s at %s", p.PausedBy, p.PausedAt.Format(time.RFC3339))
}

// events are the orders of operators, from their log. seq is the time of the order, in microseconds.
func (d *Dashboard) events(group string, w http.ResponseWriter, req *http.Request) {
	since, err := int64(0), error(nil)
	if text := req.URL.Query().Get("since"); text != "" {
		if since, err = strconv.ParseInt(text, 10, 64); err != nil {
			refuse(w, http.StatusBadRequest, problem{"bad_request", fmt.Sprintf("since must be the seq of an event (got %q)", text), "leave it out for all"})
			return
		}
	}
	ctx, cancel := context.WithTimeout(req.Context(), orderTimeout)
	defer cancel()
	lines, err := d.cfg.Group(group).Audits(ctx)
	if err != nil {
		failed(w, err)
		return
	}
	events := []relay.Event{}
	for i := range lines {
		if a := &lines[i]; a.Time.UnixMicro() > since {
			events = append(events, eventOf(a))
		}
	}
	respond(w, http.StatusOK, map[string]any{"events": events})
}

func eventOf(a *record.Audit) relay.Event {
	e := relay.Event{Seq: a.Time.UnixMicro(), Time: a.Time, Type: a.What, Topic: a.Topic, Text: fmt.Sprintf("%d partitions, by %s", len(a.Changes), a.Who)}
	if len(a.Changes) == 1 {
		c := a.Changes[0]
		e.Partition, e.Text = &c.Partition, "by "+a.Who
		if c.Before != nil && c.After != nil && c.Before.Offset != c.After.Offset {
			e.Text = fmt.Sprintf("from %d to %d, by %s", c.Before.Offset, c.After.Offset, a.Who)
		}
	}
	return e
}
