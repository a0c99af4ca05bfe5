package chaos

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// logLine is what the suite reads of a line that a sidecar logs.
type logLine struct {
	Time      time.Time
	Message   string
	Topic     string
	Partition int32
	Offset    int64
	From      int64
	To        any // an offset, or a dead-letter topic
	Records   int64
	Reason    string
}

// eventOf is the event that a line tells; ok is false for all the others.
func (l *logLine) eventOf() (e oracle.Event, ok bool) {
	e = oracle.Event{Time: oracle.Nanos(l.Time.UnixNano()), Topic: l.Topic, Partition: l.Partition, Reason: l.Reason}
	switch {
	case l.Message == "partition blocked", strings.HasPrefix(l.Message, "record keeps failing"):
		e.What = oracle.Blocked
	case l.Message == "partition goes on", l.Message == "partition let go":
		e.What, e.Reason = oracle.Unblocked, ""
	case strings.HasPrefix(l.Message, "records are lost"):
		to, _ := l.To.(float64)
		e.What, e.Offset, e.Until, e.Count = oracle.Lost, l.From, int64(to), l.Records
	case strings.HasPrefix(l.Message, "recreated topic"):
		e.What, e.Partition = oracle.Recreated, -1
	case l.Message == "record dead-lettered":
		e.What, e.Offset = oracle.DeadLettered, l.Offset
	case l.Message == "record dropped by dead_letter.policy":
		e.What, e.Offset = oracle.Dropped, l.Offset
	default:
		return e, false
	}
	return e, true
}

// events reads the events from the log of a sidecar, which goes on over its lives. What is no JSON (a panic, a line torn by a kill)
// is no event.
func events(log string, lifeAt func(oracle.Nanos) string) []oracle.Event {
	var all []oracle.Event
	for text := range strings.Lines(log) {
		var line logLine
		if json.Unmarshal([]byte(text), &line) != nil {
			continue
		}
		if e, ok := line.eventOf(); ok {
			e.Proc = lifeAt(e.Time)
			all = append(all, e)
		}
	}
	return all
}
