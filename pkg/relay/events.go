package relay

import (
	"context"
	"errors"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// keptEvents is how many state changes are kept. Source: the contract.
const keptEvents = 1000

// Types of events.
const (
	EventClaimed      = "claimed"
	EventRevoked      = "revoked"
	EventFenced       = "fenced"
	EventOperator     = "operator" // an operator changed the partition
	EventBlocked      = "blocked"
	EventUnblocked    = "unblocked"
	EventExtended     = "extended"
	EventDeadLettered = "dead_lettered"
	EventDropped      = "dropped"
	EventDataLoss     = "data_loss"
	EventTopicAlarm   = "topic_alarm"
	EventTopicWell    = "topic_well"
	EventAppDown      = "app_down"
	EventAppUp        = "app_up"
	EventStoreDown    = "store_down"
	EventStoreUp      = "store_up"
	EventKafkaDown    = "kafka_down"
	EventKafkaUp      = "kafka_up"
	EventWatchdog     = "watchdog"
	EventDraining     = "draining"
	EventDrained      = "drained"
)

// Event is one change of state, as GET /v1/events answers it.
type Event struct {
	Seq       int64     `json:"seq"` // 1 is the first of the process
	Time      time.Time `json:"time"`
	Type      string    `json:"type"`
	Topic     string    `json:"topic,omitempty"`
	Partition *int32    `json:"partition,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Text      string    `json:"text,omitempty"`
}

// events are the newest ones, oldest first.
type events struct {
	last int64
	ring []Event // from last % keptEvents on, once it is full
}

func (v *events) add(ev Event) {
	v.last++
	ev.Seq, ev.Time = v.last, time.Now().UTC()
	if len(v.ring) < keptEvents {
		v.ring = append(v.ring, ev)
		return
	}
	v.ring[(v.last-1)%keptEvents] = ev
}

// after are the events above seq, oldest first.
func (v *events) after(seq int64) []Event {
	out := []Event{}
	for n := max(seq, v.last-int64(len(v.ring)), 0) + 1; n <= v.last; n++ {
		out = append(out, v.ring[(n-1)%keptEvents])
	}
	return out
}

// tell notes an event of the process.
func (e *Engine) tell(kind, text string) { e.events.add(Event{Type: kind, Text: text}) }

// tellOf notes an event of a topic.
func (e *Engine) tellOf(topic, kind, reason, text string) {
	e.events.add(Event{Type: kind, Topic: topic, Reason: reason, Text: text})
}

// tellAt notes an event of a partition.
func (e *Engine) tellAt(p record.TopicPartition, kind, reason, text string) {
	n := p.Partition
	e.events.add(Event{Type: kind, Topic: p.Topic, Partition: &n, Reason: reason, Text: text})
}

// Events are the newest changes of state above a sequence number, at most 1,000, oldest first. It fails with ctx, or when the engine has ended.
func (e *Engine) Events(ctx context.Context, after int64) ([]Event, error) {
	done := make(chan []Event, 1)
	if err := e.ask(ctx, func() { done <- e.events.after(after) }); err != nil {
		return nil, err
	}
	return <-done, nil
}

// ErrNotHere: the partition is not assigned to this process.
var ErrNotHere = errors.New("the partition is not assigned to this replica")

// Retry tries a blocked partition, or one in back-off, now. One that is neither goes on as it does. The error is ErrNotHere, ctx's, or that the engine has ended.
func (e *Engine) Retry(ctx context.Context, tp record.TopicPartition) error {
	var err error
	asked := e.ask(ctx, func() { err = e.retry(e.partitions[tp]) })
	if asked != nil {
		return asked
	}
	return err
}

func (e *Engine) retry(p *partition) error {
	switch {
	case p == nil || p.gone || p.leaving != nil:
		return ErrNotHere
	case p.sending != nil || p.letting || p.claiming:
	case p.plan != nil:
		pl := p.plan
		if pl.timer != nil {
			pl.timer.Stop()
		}
		e.planDue(pl)
	case p.claim == nil || p.block.reason != "":
		e.loseClaim(p)
		e.queueClaim(p)
	}
	return nil
}
