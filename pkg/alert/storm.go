package alert

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A kind of alert has so many single ones in a window. More at once become one that sums up, and the others wait for the next window.
const (
	windowLength = time.Minute
	windowSize   = 10
	namedTopics  = 5    // in one that sums up
	maxText      = 1000 // bytes
)

type window struct {
	start time.Time
	used  int
}

// within makes the alerts of one kind that its window has room for.
func (j *judge) within(now time.Time, kind notice, due []*trouble) []Alert {
	w := j.windows[kind]
	if w == nil || now.Sub(w.start) >= windowLength {
		w = &window{start: now}
		j.windows[kind] = w
	}
	var out []Alert
	switch {
	case w.used >= windowSize:
		return nil
	case w.used+len(due) <= windowSize:
		w.used += len(due)
		for _, t := range due {
			out = append(out, j.alert(t))
		}
	default:
		w.used = windowSize
		out = append(out, j.summary(due))
	}
	for _, t := range due {
		j.tell(now, t)
	}
	return out
}

// alert is that of one trouble, or of its end.
func (j *judge) alert(t *trouble) Alert {
	a := Alert{Type: t.kind, Time: t.since.UTC(), Group: j.group, Topic: t.topic, Reason: t.reason, Text: t.words()}
	if t.partition >= 0 {
		n := t.partition
		a.Partition = &n
	}
	if !t.ended.IsZero() {
		a.Type, a.Time, a.Text = wellTypes[t.kind], t.ended.UTC(), t.endWords()
	}
	a.Text = cut(a.Text)
	return a
}

// summary is one alert for many of a kind.
func (j *judge) summary(many []*trouble) Alert {
	first := many[0]
	a := j.alert(first)
	a.Partition = nil
	count := map[string]int{}
	for _, t := range many {
		count[t.topic]++
	}
	topics := slices.SortedFunc(maps.Keys(count), func(x, y string) int { return cmp.Or(cmp.Compare(count[y], count[x]), cmp.Compare(x, y)) })
	if len(topics) > 1 {
		a.Topic = ""
	}
	var parts []string
	for _, name := range topics[:min(namedTopics, len(topics))] {
		parts = append(parts, fmt.Sprintf("%s: %d", name, count[name]))
	}
	if more := len(topics) - namedTopics; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more topics", more))
	}
	a.Text = cut(fmt.Sprintf("%d alerts of this kind at once (%s); the first: %s", len(many), strings.Join(parts, ", "), a.Text))
	return a
}

// name is what is in trouble, for people.
func (t *trouble) name() string {
	switch {
	case t.partition >= 0:
		return t.topic + "/" + strconv.Itoa(int(t.partition))
	case t.topic != "":
		return "topic " + t.topic
	}
	return map[string]string{AppDown: "the app", StoreDown: "the store", KafkaDown: "Kafka"}[t.kind]
}

func (t *trouble) words() string {
	switch t.kind {
	case Blocked:
		return t.name() + " is blocked (" + t.reason + "): " + t.text
	case Fenced:
		return t.name() + " was taken by another process: " + t.text
	case AppDown, StoreDown, KafkaDown:
		return t.name() + " is down since " + stamp(t.since) + ": " + t.text
	case Watchdog:
		return "the sidecar does not work as it should and wants to be restarted: " + t.text
	}
	return t.name() + ": " + t.text
}

func (t *trouble) endWords() string {
	if t.end != "" {
		return t.name() + ": " + t.end
	}
	lasted := t.ended.Sub(t.since).Round(time.Second).String()
	switch t.kind {
	case Blocked:
		return t.name() + " goes on after " + lasted
	case Fenced:
		return t.name() + " is claimed again after " + lasted
	case TopicAlarm:
		return t.name() + " is well again after " + lasted
	case Watchdog:
		return "the sidecar works again after " + lasted
	}
	return t.name() + " is up again after " + lasted
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func cut(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}
