package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// watchLater looks at the brokers again after the watch interval.
func (e *Engine) watchLater() {
	e.after(e.cfg.WatchInterval, e.watch)
}

// watch asks the brokers how many partitions the topics have and where their logs end.
func (e *Engine) watch() {
	at := map[record.TopicPartition]record.Position{}
	for tp, p := range e.partitions {
		if p.claim != nil {
			at[tp] = record.Position{LeaderEpoch: -1}
		}
	}
	e.async(func(ctx context.Context) func() {
		view, err := e.askTopics(ctx)
		var bounds map[record.TopicPartition]record.Bounds
		if err == nil && len(at) > 0 {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			bounds, _ = e.deps.Cluster.Bounds(ctx, at) // for lag only; the next interval asks again
			cancel()
		}
		return func() {
			e.watchLater()
			if err != nil {
				if e.kafka.set(false, err.Error()) {
					e.log.Warn().Err(err).Msg("Kafka can't be reached; what is fetched already is delivered")
					e.tell(EventKafkaDown, err.Error())
				}
				return
			}
			if e.kafka.set(true, "") {
				e.log.Info().Msg("Kafka is up")
				e.tell(EventKafkaUp, "")
			}
			e.noteBounds(bounds)
			e.noteView(view)
		}
	})
}

func (e *Engine) noteBounds(bounds map[record.TopicPartition]record.Bounds) {
	for tp, b := range bounds {
		if p := e.partitions[tp]; p != nil && b.Err == nil {
			p.logStart, p.logEnd = b.Start, max(b.End, p.logEnd)
		}
	}
}

// noteView compares what the brokers say with what the store tracks.
func (e *Engine) noteView(view record.ClusterView) {
	e.noteDeadLetterTopics(view)
	for _, t := range e.topics {
		v := view.Topics[t.name]
		t.view, t.in = v, view.ClusterID
		reason, why := otherLog(t.doc, v, view.ClusterID)
		switch {
		case t.alarm == reasonBadKey: // watchStore sees when it is mended
		case reason == reasonClusterMismatch:
			e.alarm(t, reason, why)
		case v.Err != nil:
			e.kafka.err = v.Err.Error()
		case v.Missing:
			t.other = 0
			if t.doc.Partitions > 0 {
				e.alarm(t, reasonTopicMissing, "the topic is missing; nothing is deleted, reading goes on when it is back")
			} else {
				e.alarm(t, reasonTopicMissing, "the topic does not exist; create it or correct kafka.topics; everything produced to it is read")
			}
		case reason == reasonRecreated:
			e.alarm(t, reason, why)
			e.noteOtherID(t, v, view.ClusterID)
		default:
			t.other = 0
			e.compareCount(t, v)
		}
	}
}

// compareCount: growth is taken over, fewer partitions are an alarm only.
func (e *Engine) compareCount(t *topic, v record.TopicView) {
	if v.Partitions < t.doc.Partitions {
		e.alarm(t, reasonTopicMissing, fmt.Sprintf("the topic has %d partitions, %d are tracked; nothing is deleted", v.Partitions, t.doc.Partitions))
		return
	}
	e.calm(t)
	if v.Partitions > t.doc.Partitions || (t.doc.TopicID == "" && v.ID != "") {
		e.extend(t, v)
	}
}

// alarm says that a topic is not what it was. Only another log (cluster, topic id) stops its partitions.
func (e *Engine) alarm(t *topic, reason, why string) {
	if t.alarm == reason {
		return
	}
	t.alarm, t.why = reason, why
	e.log.Warn().Str("topic", t.name).Str("reason", reason).Str("detail", why).Msg("topic alarm")
	e.tellOf(t.name, EventTopicAlarm, reason, why)
	if r, _ := t.blocks(); r == "" {
		return
	}
	for _, p := range e.partitions {
		if p.topic == t {
			e.loseClaim(p)
			e.setBlock(p, reason, why)
		}
	}
}

// calm ends an alarm; partitions that it stopped are claimed.
func (e *Engine) calm(t *topic) {
	if t.alarm == "" {
		return
	}
	e.log.Info().Str("topic", t.name).Str("reason", t.alarm).Msg("topic alarm ended")
	e.tellOf(t.name, EventTopicWell, t.alarm, "")
	reason := t.alarm
	t.alarm, t.why = "", ""
	for _, p := range e.partitions {
		was := p.block.reason
		before := was == reasonRecreated || was == reasonClusterMismatch // of an alarm before this one
		if p.topic == t && p.claim == nil && (was == reason || before) {
			e.clearBlock(p)
			e.queueClaim(p)
		}
	}
}

// noteOtherID counts the refreshes in a row that show another topic id. The first stops the topic's
// partitions; only after some is it believed and policy.topic_recreated applied.
func (e *Engine) noteOtherID(t *topic, v record.TopicView, clusterID string) {
	t.other++
	if t.other < recreatedAfter || e.cfg.TopicRecreated == "block" || t.busy {
		return
	}
	t.busy = true
	at := record.AtStart
	if e.cfg.TopicRecreated == "latest" {
		at = record.AtLatest
	}
	e.async(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, 4*e.cfg.StoreTimeout)
		defer cancel()
		doc, err := e.replaceTopic(ctx, t.name, v, clusterID, at)
		return func() { e.topicWritten(t, doc, err, "recreated topic: baseline replaced by policy.topic_recreated") }
	})
}

// replaceTopic writes the document of a recreated topic, unless another replica already has.
func (e *Engine) replaceTopic(ctx context.Context, name string, v record.TopicView, clusterID string, at record.OffsetAt) (record.Topic, error) {
	doc, err := e.deps.Store.Topic(ctx, name)
	if err != nil || doc.TopicID == v.ID {
		return doc, err
	}
	if doc.Baseline, err = e.offsets(ctx, record.OffsetQuery{At: at}, allOf(name, v.Partitions)); err != nil {
		return doc, err
	}
	doc.Name, doc.TopicID, doc.ClusterID, doc.Partitions, doc.Start = name, v.ID, clusterID, v.Partitions, e.cfg.TopicRecreated
	doc.CreatedAt = time.Now().UTC()
	return e.writeTopic(ctx, doc)
}

func (e *Engine) writeTopic(ctx context.Context, doc record.Topic) (record.Topic, error) {
	indexes, err := e.deps.Store.Write(ctx, []record.Write{{Topic: &doc}})
	if err == nil {
		doc.Index = indexes[0]
	}
	return doc, err
}

// extend tracks partitions that were added: the count in the store grows, the group rebalances, and
// the claim of each new partition writes its key at the log start. A document that another replica has
// replaced for a recreated topic is left as it is: what was seen to grow is the former one.
func (e *Engine) extend(t *topic, v record.TopicView) {
	if t.busy {
		return
	}
	t.busy = true
	e.async(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, 2*e.cfg.StoreTimeout)
		defer cancel()
		doc, err := e.deps.Store.Topic(ctx, t.name)
		if err == nil && doc.Index == 0 {
			err = errors.New("the topic's key has disappeared from the store")
		}
		if err == nil && !otherID(doc.TopicID, v.ID) && (v.Partitions > doc.Partitions || doc.TopicID == "") {
			doc.Partitions = max(doc.Partitions, v.Partitions)
			doc.TopicID = v.ID
			doc, err = e.writeTopic(ctx, doc)
		}
		return func() { e.topicWritten(t, doc, err, "partitions were added; they are read from their log start") }
	})
}

// topicWritten goes on with a topic whose document was written, or leaves it to the next refresh.
func (e *Engine) topicWritten(t *topic, doc record.Topic, err error, news string) {
	t.busy = false
	var stale *record.StaleError
	switch {
	case errors.As(err, &stale):
		return
	case err != nil:
		if !t.stuck {
			e.log.Warn().Str("topic", t.name).Err(err).Msg("write the topic's document; every refresh tries again")
		}
		t.stuck = true
		return
	}
	t.stuck = false
	e.log.Info().Str("topic", t.name).Int32("from", t.doc.Partitions).Int32("partitions", doc.Partitions).Msg(news)
	e.tellOf(t.name, EventExtended, "", fmt.Sprintf("%s: %d, now %d", news, t.doc.Partitions, doc.Partitions))
	was := t.doc.Partitions
	e.takeDoc(t, doc)
	if was == 0 { // whatever is assigned of it waits for its first claim
		for _, p := range e.partitions {
			if p.topic == t {
				e.queueClaim(p)
			}
		}
	}
	if e.deps.Group == nil {
		if e.life.joined {
			e.assignByConfig()
		}
		return
	}
	e.deps.Group.Rejoin()
}

// takeDoc goes on with a topic's newest document. Its partitions are claimed if it is of the log that the
// brokers show by now; else they stop, and the next refreshes decide.
func (e *Engine) takeDoc(t *topic, doc record.Topic) {
	if doc.Revision != t.doc.Revision {
		defer e.checkKeysOf(t)
	}
	t.doc = doc
	if reason, why := otherLog(doc, t.view, t.in); reason != "" {
		e.alarm(t, reason, why)
		return
	}
	t.other = 0
	for _, p := range e.partitions {
		if p.topic == t && t.alarm == reasonRecreated {
			p.held = false // the new log's keys do not exist yet
		}
	}
	e.calm(t)
}

// noteDeadLetterTopics: with policy topic every dead-letter topic must exist.
func (e *Engine) noteDeadLetterTopics(view record.ClusterView) {
	for _, name := range e.cfg.DeadLetterTopics() {
		if view.Topics[name].Missing {
			if e.setReason(reasonDeadLetter, "the dead-letter topic "+name+" does not exist; create it") {
				e.log.Warn().Str("topic", name).Msg("the dead-letter topic does not exist; create it")
			}
			return
		}
	}
	e.setReason(reasonDeadLetter, "")
}
