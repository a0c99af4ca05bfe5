package relay

import (
	"context"
	"errors"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// health is whether an outside system answers.
type health struct {
	up    bool
	known bool
	err   string
	since time.Time
}

// set notes the newest answer and reports whether it is news.
func (h *health) set(up bool, err string) bool {
	news := up != h.up || !h.known
	h.err = err
	if news {
		h.up, h.known, h.since = up, true, time.Now()
	}
	return news
}

// startUp goes from Kafka over the store and the baseline to the app and the first assignment. Each
// step waits as long as it must and says for what; only a start map that can't be carried out ends the process.
func (e *Engine) startUp(ctx context.Context) {
	view, ok := e.reachKafka(ctx)
	if !ok {
		return
	}
	for _, name := range e.cfg.Topics {
		if view, ok = e.reachBaseline(ctx, name, view); !ok {
			return
		}
	}
	if e.cfg.UntilCaughtUp && !e.aimAtEnds(ctx, view) {
		return
	}
	e.post(func() {
		e.setReason(reasonStore, "")
		e.setReason(reasonBaseline, "")
		e.setReason(reasonKafka, "")
		e.noteView(view)
		e.watchLater()
		e.after(e.cfg.WatchInterval, e.watchStore)
		e.app.probing = true
		e.setReason(reasonAppDown, "waiting for the app")
		e.log.Info().Str("url", e.cfg.AppURL).Msg("waiting for the app")
	})
	if e.waitForApp(ctx) != nil {
		return
	}
	e.post(func() {
		e.app.probing = false
		e.setReason(reasonAppDown, "")
		e.appUp()
		e.join()
	})
}

// reachKafka waits until the brokers answer.
func (e *Engine) reachKafka(ctx context.Context) (record.ClusterView, bool) {
	e.post(func() {
		e.setReason(reasonKafka, "connecting")
		e.log.Info().Msg("connecting to Kafka")
	})
	for n := 1; ; n++ {
		view, err := e.askTopics(ctx)
		if err == nil {
			e.post(func() {
				e.kafka.set(true, "")
				e.tell(EventKafkaUp, "")
				e.setReason(reasonKafka, "")
				e.log.Info().Str("cluster", view.ClusterID).Msg("Kafka is up")
			})
			return view, true
		}
		e.post(func() {
			e.setReason(reasonKafka, err.Error())
			if e.kafka.set(false, err.Error()) {
				e.tell(EventKafkaDown, err.Error())
				e.log.Warn().Err(err).Msg("Kafka can't be reached; trying on")
			}
		})
		if !pause(ctx, jitter(e.cfg.RetryMin, maxProbeWait, n)) {
			return view, false
		}
	}
}

// askTopics asks the brokers for the topics, and for the dead-letter topics when there are any.
func (e *Engine) askTopics(ctx context.Context) (record.ClusterView, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return e.deps.Cluster.Topics(ctx, append(e.cfg.DeadLetterTopics(), e.cfg.Topics...))
}

// reachBaseline waits until the topic's document is read or written, and returns what the brokers said last.
func (e *Engine) reachBaseline(ctx context.Context, name string, view record.ClusterView) (record.ClusterView, bool) {
	for n := 1; ; n++ {
		doc, err := e.tryBaseline(ctx, name, view)
		if err == nil {
			e.post(func() { e.topics[name] = e.newTopic(name, doc, view) })
			return view, true
		}
		var refused *StartError
		var bad *record.BadKeyError
		switch {
		case errors.As(err, &refused):
			e.post(func() { e.end(refused) })
			return view, false
		case errors.As(err, &bad): // the other topics need not wait for it
			e.post(func() {
				t := e.newTopic(name, record.Topic{Name: name}, view)
				e.topics[name] = t
				e.alarm(t, reasonBadKey, bad.Error())
			})
			return view, true
		}
		e.post(func() { e.notBaselined(name, err) })
		if !pause(ctx, jitter(e.cfg.RetryMin, maxProbeWait, n)) {
			return view, false
		}
		if fresh, err := e.askTopics(ctx); err == nil {
			view = fresh
		}
	}
}

func (e *Engine) tryBaseline(ctx context.Context, name string, view record.ClusterView) (record.Topic, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*e.cfg.StoreTimeout)
	defer cancel()
	return e.baseline(ctx, name, view)
}

// notBaselined says why a topic has no baseline yet: the store is away, or a partition can't be resolved.
func (e *Engine) notBaselined(name string, err error) {
	reason := reasonBaseline
	if storeRefuses(err) {
		reason = reasonStore
		if e.store.set(false, err.Error()) {
			e.tell(EventStoreDown, err.Error())
		}
	}
	if e.setReason(reason, name+": "+err.Error()) {
		e.log.Warn().Str("topic", name).Str("reason", reason).Err(err).Msg("waiting to read or write the topic's baseline")
	}
}

func (e *Engine) newTopic(name string, doc record.Topic, view record.ClusterView) *topic {
	if e.store.set(true, "") {
		e.tell(EventStoreUp, "")
	}
	e.setReason(reasonStore, "")
	e.setReason(reasonBaseline, "")
	if doc.Index != 0 {
		e.log.Info().Str("topic", name).Int32("partitions", doc.Partitions).Str("topicId", doc.TopicID).Msg("baseline stands in the store")
	}
	return &topic{name: name, doc: doc, view: view.Topics[name], in: view.ClusterID}
}

// join begins the assignment: by the group, or all or the listed partitions without one.
func (e *Engine) join() {
	if e.life.stopping() {
		return
	}
	e.life.taking = true
	e.life.state = stateRunning
	e.life.since = time.Now()
	if e.deps.Group == nil {
		e.life.joined = true
		e.assignByConfig()
		return
	}
	e.log.Info().Str("group", e.cfg.Group).Msg("joining the group")
	ctx, leave := context.WithCancel(e.work)
	e.life.leave = leave
	e.life.inGroup = true
	e.go_(func(context.Context) {
		err := e.deps.Group.Run(ctx, record.GroupEvents{Assigned: e.onAssigned, Revoked: e.onRevoked, Problem: e.onProblem})
		e.post(func() {
			e.life.inGroup = false
			if err != nil && ctx.Err() == nil {
				e.end(err)
			}
			e.checkDrain()
		})
	})
}
