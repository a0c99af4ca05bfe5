package alert

import (
	"cmp"
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// Limits of what is told.
const (
	repeatAfter = 10 * time.Minute // the same trouble, with the same reason
	settled     = 5 * time.Second  // what is over must stay so for as long to be told
)

// Reasons of the engine that are judged here by name.
const (
	reasonPaused = "paused"
	reasonFenced = "fenced"
)

var (
	appReasons   = []string{"app_down", "app_setup", "app_busy"}
	topicReasons = []string{"topic_missing", "topic_recreated", "cluster_mismatch"} // of partitions too, when their topic's alarm stops them
)

// wellTypes are the types of alerts that tell the end. What is not here has no end.
var wellTypes = map[string]string{
	Blocked: Unblocked, Fenced: Claimed, TopicAlarm: TopicWell, AppDown: AppUp, StoreDown: StoreUp, KafkaDown: KafkaUp, Watchdog: Awake,
}

// key is what may be in trouble, in one way at a time.
type key struct {
	kind      string // type of alert
	topic     string // "" = the process
	partition int32  // -1 = the topic, or the process
}

// trouble is one that lasts, or that has ended and is yet to be told.
type trouble struct {
	key
	reason, text string
	since        time.Time
	due          time.Time // told from here on
	told         bool
	owed         bool      // the one before it, for another reason, was told: so the end is
	ended        time.Time // zero = it lasts
	end          string    // what is to be said of the end; "" = nothing special
}

// sight is what one look found.
type sight struct {
	events []relay.Event
	gap    bool          // events were missed before these
	status *relay.Status // nil = not asked for
	dead   error         // why /livez fails
}

// judge decides what to tell. It calls nobody and has no clock.
type judge struct {
	group    string
	after    time.Duration
	troubles map[key]*trouble
	told     map[notice]time.Time
	windows  map[notice]*window
}

// notice is what must not be told again too soon; without topic and partition it is a kind of alert.
type notice struct {
	key
	reason string
}

func newJudge(group string, after time.Duration) *judge {
	return &judge{group, after, map[key]*trouble{}, map[notice]time.Time{}, map[notice]*window{}}
}

// look takes in what was found and returns what is to be told now.
func (j *judge) look(now time.Time, s sight) []Alert {
	for i := range s.events {
		j.event(&s.events[i])
	}
	if s.status != nil {
		if s.gap {
			j.reconcile(now, s.status)
		}
		j.systems(now, s.status)
	}
	watchdog := key{Watchdog, "", -1}
	if s.dead != nil {
		j.begin(watchdog, now, "", s.dead.Error(), 0)
	} else {
		j.over(watchdog, now, "")
	}
	return j.emit(now)
}

// event takes in one change of state.
func (j *judge) event(ev *relay.Event) {
	k := key{"", ev.Topic, -1}
	if ev.Partition != nil {
		k.partition = *ev.Partition
	}
	of := func(kind string) key { return key{kind, k.topic, k.partition} }
	switch ev.Type {
	case relay.EventBlocked:
		j.blocked(k, ev)
	case relay.EventUnblocked:
		j.over(of(Blocked), ev.Time, "")
		if ev.Reason == reasonFenced {
			j.over(of(Fenced), ev.Time, "")
		}
	case relay.EventFenced:
		j.begin(of(Fenced), ev.Time, ev.Reason, ev.Text, 0)
	case relay.EventClaimed:
		j.over(of(Fenced), ev.Time, "")
	case relay.EventRevoked:
		const moved = "it moved to another replica, which tells it anew if it still is so there"
		j.over(of(Blocked), ev.Time, moved)
		j.over(of(Fenced), ev.Time, moved)
	case relay.EventDataLoss:
		j.begin(of(DataLoss), ev.Time, ev.Reason, ev.Text, 0)
	case relay.EventTopicAlarm:
		j.begin(of(TopicAlarm), ev.Time, ev.Reason, ev.Text, 0)
	case relay.EventTopicWell:
		j.over(of(TopicAlarm), ev.Time, "")
	}
}

// blocked takes in that a partition waits, unless its topic's alarm or the fencing says it, or an operator wants it.
func (j *judge) blocked(k key, ev *relay.Event) {
	at := key{Blocked, k.topic, k.partition}
	_, alarmed := j.troubles[key{TopicAlarm, k.topic, -1}]
	switch {
	case ev.Reason == reasonPaused:
		j.over(at, ev.Time, ev.Text)
	case ev.Reason == reasonFenced, alarmed && slices.Contains(topicReasons, ev.Reason):
	default:
		j.begin(at, ev.Time, ev.Reason, ev.Text, 0)
	}
}

// systems takes in how app, store and Kafka are doing. While the sidecar is on its way out their end is no news.
func (j *judge) systems(now time.Time, s *relay.Status) {
	if s.State == "draining" || s.State == "stopped" {
		return
	}
	at := slices.IndexFunc(s.Reasons, func(r relay.Reason) bool { return slices.Contains(appReasons, r.Reason) })
	if at >= 0 {
		j.begin(key{AppDown, "", -1}, now, s.Reasons[at].Reason, s.Reasons[at].Detail, j.after)
	} else {
		j.over(key{AppDown, "", -1}, now, "")
	}
	for kind, system := range map[string]*relay.SystemStatus{StoreDown: &s.Store, KafkaDown: &s.Kafka} {
		if system.Up {
			j.over(key{kind, "", -1}, now, "")
			continue
		}
		since := now
		if !system.Since.IsZero() && system.Since.Before(now) {
			since = system.Since
		}
		j.begin(key{kind, "", -1}, since, "", system.Error, j.after)
	}
}

// reconcile compares with the status after events were missed.
func (j *judge) reconcile(now time.Time, s *relay.Status) {
	blocked := map[key]bool{}
	for i := range s.Partitions {
		p := &s.Partitions[i]
		if p.Reason == "" || p.Reason == reasonPaused || p.Reason == reasonFenced || slices.Contains(topicReasons, p.Reason) {
			continue
		}
		k := key{Blocked, p.Topic, p.Partition}
		blocked[k] = true
		j.begin(k, p.Since, p.Reason, p.LastError, 0)
	}
	for k := range j.troubles {
		if k.kind == Blocked && !blocked[k] {
			j.over(k, now, "")
		}
	}
}

// begin notes a trouble, to be told when it has lasted for after.
func (j *judge) begin(k key, since time.Time, reason, text string, after time.Duration) {
	t := j.troubles[k]
	if t != nil && t.reason == reason {
		t.text, t.ended = text, time.Time{}
		return
	}
	next := &trouble{key: k, reason: reason, text: text, since: since, due: since.Add(after)}
	if t != nil {
		next.owed = t.told || t.owed
	}
	j.troubles[k] = next
}

// over notes that a trouble has ended. What was not told is forgotten.
func (j *judge) over(k key, at time.Time, how string) {
	t := j.troubles[k]
	switch {
	case t == nil || !t.ended.IsZero():
	case !t.told && !t.owed:
		delete(j.troubles, k)
	default:
		t.ended, t.end = at, how
	}
}

// emit makes the alerts that are due and not held back, oldest first.
func (j *judge) emit(now time.Time) []Alert {
	var kinds []notice
	due := map[notice][]*trouble{}
	for _, t := range j.due(now) {
		k := notice{key{t.kind, "", -1}, t.reason}
		if !t.ended.IsZero() {
			k.kind = wellTypes[t.kind]
		}
		if due[k] == nil {
			kinds = append(kinds, k)
		}
		due[k] = append(due[k], t)
	}
	var out []Alert
	for _, k := range kinds {
		out = append(out, j.within(now, k, due[k])...)
	}
	j.forget(now)
	return out
}

func (j *judge) due(now time.Time) []*trouble {
	var due []*trouble
	for _, t := range j.troubles {
		last, before := j.told[notice{t.key, t.reason}]
		switch {
		case !t.ended.IsZero():
			if now.Sub(t.ended) >= settled {
				due = append(due, t)
			}
		case !t.told && !now.Before(t.due) && (!before || now.Sub(last) >= repeatAfter):
			due = append(due, t)
		}
	}
	slices.SortFunc(due, func(a, b *trouble) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.kind, b.kind), record.TopicPartition{Topic: a.topic, Partition: a.partition}.
			Compare(record.TopicPartition{Topic: b.topic, Partition: b.partition}))
	})
	return due
}

// tell marks what is told.
func (j *judge) tell(now time.Time, t *trouble) {
	_, ends := wellTypes[t.kind]
	if t.ended.IsZero() {
		j.told[notice{t.key, t.reason}] = now
		t.told = true
	}
	if !t.ended.IsZero() || !ends {
		delete(j.troubles, t.key)
	}
}

// forget lets go of what limits nothing any more.
func (j *judge) forget(now time.Time) {
	for k, at := range j.told {
		if now.Sub(at) >= repeatAfter {
			delete(j.told, k)
		}
	}
	for k, w := range j.windows {
		if now.Sub(w.start) >= windowLength {
			delete(j.windows, k)
		}
	}
	for k, t := range j.troubles { // what has no end does not wait for the next time it may be told
		if _, ends := wellTypes[k.kind]; !ends && now.Sub(t.since) >= repeatAfter {
			delete(j.troubles, k)
		}
	}
}
