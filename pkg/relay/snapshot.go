package relay

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Status is the whole state at one moment. It fails with ctx, or when the engine has ended.
func (e *Engine) Status(ctx context.Context) (Status, error) {
	var s Status
	done := make(chan Status, 1)
	if err := e.ask(ctx, func() { done <- e.snapshot() }); err != nil {
		return s, err
	}
	return <-done, nil
}

func (e *Engine) snapshot() Status {
	s := Status{
		Group:   e.cfg.Group,
		Member:  e.name,
		State:   e.life.state,
		Since:   e.life.since,
		App:     AppStatus{Up: e.app.up, URL: e.cfg.AppURL, Error: e.appError()},
		Kafka:   SystemStatus{Up: e.kafka.up, Error: e.kafkaError(), Since: e.kafka.since},
		Store:   SystemStatus{Up: e.store.up, Error: e.store.err, Since: e.store.since},
		Memory:  MemoryStatus{Used: e.budget.inUse(), Max: e.cfg.MemoryMaxBytes},
		Reasons: e.reasons(),

		HeldBack:   e.heldBack(),
		Topics:     []TopicStatus{},
		Partitions: []PartitionStatus{},
	}
	if len(s.Reasons) > 0 {
		s.Reason = s.Reasons[0].Reason
		if s.State == stateStarting && e.life.reasons[reasonAppDown] != "" {
			s.State = stateWaiting
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.topics)) {
		t := e.topics[name]
		s.Topics = append(s.Topics, TopicStatus{name, t.doc.TopicID, t.view.Partitions, t.doc.Partitions, t.doc.Revision, t.trouble()})
	}
	for _, tp := range slices.SortedFunc(maps.Keys(e.partitions), record.TopicPartition.Compare) {
		s.Partitions = append(s.Partitions, e.partitions[tp].status())
	}
	return s
}

// heldBack names the bound that is reached. An app that takes all it is given keeps none of them busy.
func (e *Engine) heldBack() string {
	switch {
	case e.commits.pending >= e.cfg.CommitMaxPending:
		return "commit.max_pending"
	case e.pace.holds:
		return "batch.max_rate"
	case e.budget.inUse() >= e.budget.max:
		return "memory.max_bytes"
	}
	return ""
}

// kafkaError is what is wrong with the brokers, or with the group that was joined.
func (e *Engine) kafkaError() string {
	if e.kafka.err == "" && e.life.joined {
		return e.life.reasons[reasonKafka]
	}
	return e.kafka.err
}

func (e *Engine) appError() string {
	if e.app.up {
		return e.app.setup
	}
	return e.app.detail
}

// reasons is why the process is not ready, in a fixed order; empty = ready.
func (e *Engine) reasons() []Reason {
	out := []Reason{}
	add := func(reason, detail string) { out = append(out, Reason{reason, detail}) }
	d := &e.life.drain
	switch {
	case d.done:
		add(reasonDrained, "drained; nothing is delivered any more")
	case d.started:
		add(reasonDraining, "draining")
	}
	for _, r := range slices.Sorted(maps.Keys(e.life.reasons)) {
		if !e.life.joined || r == reasonDeadLetter || r == reasonInstanceID {
			add(r, e.life.reasons[r])
		}
	}
	if len(out) == 0 && !e.life.joined {
		add(reasonKafka, e.awaited())
	}
	a := &e.app
	if e.life.joined && !a.up {
		add(reasonAppDown, a.detail)
	}
	if a.setup != "" {
		add(reasonAppSetup, a.setup)
	}
	if !a.busy.IsZero() && time.Since(a.busy) >= busyAfter {
		add(reasonAppBusy, "the app has answered nothing but 429 or 503 since "+a.busy.UTC().Format(time.RFC3339))
	}
	for _, p := range e.partitions {
		if p.trial.failing || p.block.reason == reasonAppFailing {
			add(reasonAppFailing, p.String()+": "+p.lastError)
			break
		}
	}
	return out
}

// awaited is what the process waits for while it has joined no group. There is nothing to assign, and the
// group is not joined, while none of the topics exists.
func (e *Engine) awaited() string {
	detail := "waiting for the group's first assignment"
	for _, name := range slices.Sorted(maps.Keys(e.topics)) {
		if t := e.topics[name]; t.alarm == reasonTopicMissing {
			detail += "; topic " + name + ": " + t.why
		}
	}
	return detail
}

// state is what p does, as the status names it, and the reason that it is held up, which stays while a record is tried again.
func (p *partition) state() (state, reason string) {
	if p.trial.failing {
		reason = reasonAppFailing
	}
	switch {
	case p.block.reason == reasonPaused:
		return "paused", reasonPaused
	case p.block.reason == reasonFenced:
		return "fenced", reasonFenced
	case p.block.reason != "":
		return "blocked", p.block.reason
	case p.sending != nil || p.letting:
		return "inflight", reason
	case p.plan != nil || p.claim == nil:
		return "backoff", reason
	case p.topic.alarm != "":
		return "idle", p.topic.alarm
	case p.queue.has(p.acked):
		return "ready", reason
	}
	return "idle", reason
}

func (p *partition) status() PartitionStatus {
	state, reason := p.state()
	s := PartitionStatus{
		Topic: p.Topic, Partition: p.Partition, State: state, Reason: reason, Since: p.changed,
		Committed: -1, Acked: p.acked, Fetched: p.next, LogStart: p.logStart, LogEnd: p.logEnd,
		Attempt: p.trial.attempts, LastStatus: p.lastStatus, LastError: p.lastError,
	}
	if p.claim != nil {
		s.Committed, s.Epoch = p.claim.entry.Offset, p.claim.entry.Epoch
		if p.logEnd >= 0 {
			s.Lag = max(0, p.logEnd-s.Committed)
		}
	}
	if !p.queue.empty() {
		s.OldestUnackedSeconds = time.Since(p.queue.oldest()).Seconds()
	}
	return s
}
