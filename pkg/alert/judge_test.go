package alert

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// court is a judge and its clock.
type court struct {
	t   *testing.T
	j   *judge
	now time.Time
}

func newCourt(t *testing.T) *court {
	return &court{t, newJudge("billing", time.Minute), time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
}

// after moves the clock on, looks, and returns what is told.
func (c *court) after(d time.Duration, s sight) []Alert {
	c.now = c.now.Add(d)
	for i := range s.events {
		s.events[i].Time = c.now
	}
	return c.j.look(c.now, s)
}

// types are the types and reasons of alerts in one word.
func types(alerts []Alert) string {
	var words []string
	for _, a := range alerts {
		words = append(words, strings.TrimSuffix(a.Type+":"+a.Reason, ":"))
	}
	return strings.Join(words, " ")
}

func happened(kind, topic string, partition int32, reason string) relay.Event {
	ev := relay.Event{Type: kind, Topic: topic, Reason: reason, Text: "because"}
	if partition >= 0 {
		ev.Partition = &partition
	}
	return ev
}

func events(evs ...relay.Event) sight { return sight{events: evs} }

func well() *relay.Status {
	return &relay.Status{State: "running", Store: relay.SystemStatus{Up: true}, Kafka: relay.SystemStatus{Up: true}}
}

func TestBlockedIsToldOnceAndItsEnd(t *testing.T) {
	c := newCourt(t)
	n := int32(3)
	require.Equal(t, []Alert{{
		Type: "blocked", Time: c.now.Add(time.Second), Group: "billing", Topic: "orders", Partition: &n, Reason: "poison", Text: "orders/3 is blocked (poison): because",
	}}, c.after(time.Second, events(happened("blocked", "orders", 3, "poison"))))
	for range 100 {
		require.Empty(t, c.after(time.Second, sight{}))
	}
	require.Empty(t, c.after(20*time.Second, events(happened("unblocked", "orders", 3, "poison"))))
	ended := c.now
	require.Equal(t, []Alert{{
		Type: "unblocked", Time: ended, Group: "billing", Topic: "orders", Partition: &n, Reason: "poison", Text: "orders/3 goes on after 2m0s",
	}}, c.after(settled, sight{}))
	require.Empty(t, c.after(time.Hour, sight{}))
	require.Empty(t, c.j.troubles)
	require.Empty(t, c.j.told)
	require.Empty(t, c.j.windows)
}

func TestWhatIsNotToldHasNoEnd(t *testing.T) {
	c := newCourt(t)
	require.Empty(t, c.after(0, events(happened("blocked", "orders", 3, "poison"), happened("unblocked", "orders", 3, "poison"))))
	require.Empty(t, c.after(time.Minute, events(happened("unblocked", "orders", 4, "poison"))))
}

// A partition that flaps is not told at each turn, yet one that stays blocked is told in the end.
func TestRepeatsAreLimited(t *testing.T) {
	c := newCourt(t)
	blocked, unblocked := happened("blocked", "orders", 3, "poison"), happened("unblocked", "orders", 3, "poison")
	told := ""
	for range 59 {
		told += types(c.after(time.Second, events(unblocked, blocked))) + types(c.after(settled, sight{}))
	}
	require.Equal(t, "blocked:poison", told)
	require.Empty(t, c.after(time.Second, events(unblocked)))
	require.Equal(t, "unblocked:poison", types(c.after(time.Minute, sight{})))
	require.Empty(t, c.after(time.Second, events(blocked)))
	require.Empty(t, c.after(time.Minute, sight{}))
	require.Equal(t, "blocked:poison", types(c.after(repeatAfter, sight{})))
}

// Another reason is news at once; the end is told once, for the reason of the moment.
func TestAnotherReason(t *testing.T) {
	c := newCourt(t)
	require.Equal(t, "blocked:app_failing", types(c.after(0, events(happened("blocked", "orders", 3, "app_failing")))))
	require.Equal(t, "blocked:poison", types(c.after(time.Second, events(happened("blocked", "orders", 3, "poison")))))
	require.Empty(t, c.after(time.Second, events(happened("blocked", "orders", 3, "app_failing"))), "told a second ago")
	c.after(time.Second, events(happened("unblocked", "orders", 3, "app_failing")))
	require.Equal(t, "unblocked:app_failing", types(c.after(settled, sight{})), "somebody was told that it is blocked")
}

func TestOperatorsAndReplicas(t *testing.T) {
	c := newCourt(t)
	require.Empty(t, c.after(0, events(happened("blocked", "orders", 1, "paused"), happened("claimed", "orders", 2, ""))))
	c.after(0, events(happened("blocked", "orders", 3, "poison"), happened("blocked", "orders", 4, "poison")))
	c.after(time.Second, events(happened("blocked", "orders", 3, "paused"), happened("revoked", "orders", 4, "")))
	told := c.after(settled, sight{})
	require.Equal(t, "unblocked:poison unblocked:poison", types(told))
	require.Equal(t, "orders/3: because", told[0].Text, "who has paused it")
	require.Contains(t, told[1].Text, "another replica")
}

func TestFenced(t *testing.T) {
	c := newCourt(t)
	require.Equal(t, "fenced:fenced", types(c.after(0, events(happened("fenced", "orders", 3, "fenced"), happened("blocked", "orders", 3, "fenced")))))
	c.after(time.Second, events(happened("claimed", "orders", 3, "")))
	require.Equal(t, "claimed:fenced", types(c.after(settled, sight{})))
}

func TestDataLossHasNoEnd(t *testing.T) {
	c := newCourt(t)
	loss := happened("data_loss", "orders", 3, "offset_out_of_range")
	require.Equal(t, "data_loss:offset_out_of_range", types(c.after(0, events(loss))))
	require.Empty(t, c.after(time.Second, events(loss)))
	require.Equal(t, "data_loss:offset_out_of_range", types(c.after(repeatAfter, events(loss))))
	require.Empty(t, c.after(repeatAfter, sight{}))
	require.Empty(t, c.j.troubles)
}

// A recreated topic is one alert, not one for each of its partitions as well.
func TestTopicAlarm(t *testing.T) {
	c := newCourt(t)
	require.Equal(t, "topic_alarm:topic_recreated", types(c.after(0, events(happened("topic_alarm", "orders", -1, "topic_recreated"),
		happened("blocked", "orders", 0, "topic_recreated"), happened("blocked", "orders", 1, "topic_recreated")))))
	require.Equal(t, "blocked:topic_recreated", types(c.after(0, events(happened("blocked", "other", 0, "topic_recreated")))), "without an alarm of its topic")
	c.after(time.Second, events(happened("topic_well", "orders", -1, "topic_recreated"), happened("unblocked", "orders", 0, "topic_recreated")))
	require.Equal(t, "topic_well:topic_recreated", types(c.after(settled, sight{})))
}

func TestSystemsAreToldWhenTheyAreDownForLong(t *testing.T) {
	for name, set := range map[string]func(*relay.Status){
		"app_down:app_down app_up:app_down":   func(s *relay.Status) { s.Reasons = []relay.Reason{{Reason: "dead_letter"}, {Reason: "app_down"}} },
		"app_down:app_setup app_up:app_setup": func(s *relay.Status) { s.Reasons = []relay.Reason{{Reason: "app_setup"}} },
		"store_down store_up":                 func(s *relay.Status) { s.Store.Up = false },
		"kafka_down kafka_up":                 func(s *relay.Status) { s.Kafka.Up = false },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCourt(t)
			down := well()
			set(down)
			require.Empty(t, c.after(0, sight{status: down}))
			require.Empty(t, c.after(59*time.Second, sight{status: down}))
			require.Empty(t, c.after(time.Second, sight{status: well()}), "it was not down for a minute")
			require.Empty(t, c.after(time.Second, sight{status: down}))
			told := types(c.after(time.Minute, sight{status: down}))
			require.Empty(t, c.after(time.Hour, sight{status: down}), "once")
			require.Empty(t, c.after(time.Second, sight{status: well()}))
			require.Equal(t, name, told+" "+types(c.after(settled, sight{status: well()})))
		})
	}
}

func TestSystemsDownBeforeTheFirstLook(t *testing.T) {
	c := newCourt(t)
	down := well()
	down.Store = relay.SystemStatus{Since: c.now.Add(-time.Minute), Error: "refused"}
	told := c.after(0, sight{status: down})
	require.Equal(t, "store_down", types(told))
	require.Equal(t, "the store is down since 2026-01-31T11:59:00Z: refused", told[0].Text)
}

func TestOnTheWayOutSystemsAreNoNews(t *testing.T) {
	c := newCourt(t)
	down := &relay.Status{State: "draining", Reasons: []relay.Reason{{Reason: "app_down"}}}
	require.Empty(t, c.after(0, sight{status: down}))
	require.Empty(t, c.after(time.Hour, sight{status: down}))
}

func TestWatchdog(t *testing.T) {
	c := newCourt(t)
	told := c.after(0, sight{dead: errors.New("stalled")})
	require.Equal(t, "watchdog", types(told))
	require.Contains(t, told[0].Text, "stalled")
	require.Empty(t, c.after(time.Hour, sight{dead: errors.New("stalled")}))
	c.after(time.Second, sight{})
	require.Equal(t, "watchdog_well", types(c.after(settled, sight{})))
}

// Events that were missed are made up for by the status.
func TestMissedEvents(t *testing.T) {
	c := newCourt(t)
	c.after(0, events(happened("blocked", "orders", 0, "poison"), happened("blocked", "orders", 1, "poison")))
	s := well()
	s.Partitions = []relay.PartitionStatus{
		{Topic: "orders", Partition: 0, State: "idle"},
		{Topic: "orders", Partition: 1, State: "blocked", Reason: "poison", Since: c.now},
		{Topic: "orders", Partition: 2, State: "blocked", Reason: "bad_key", Since: c.now},
		{Topic: "orders", Partition: 3, State: "paused", Reason: "paused", Since: c.now},
		{Topic: "orders", Partition: 4, State: "idle", Reason: "topic_missing", Since: c.now},
	}
	require.Equal(t, "blocked:bad_key", types(c.after(time.Second, sight{gap: true, status: s})))
	require.Equal(t, "unblocked:poison", types(c.after(settled, sight{})))
}

// A thousand partitions at once are one alert, and so is their end.
func TestStorm(t *testing.T) {
	c := newCourt(t)
	var down, up []relay.Event
	for n := range int32(1000) {
		topic := "orders"
		if n >= 700 {
			topic = "payments"
		}
		down = append(down, happened("blocked", topic, n, "poison"))
		up = append(up, happened("unblocked", topic, n, "poison"))
	}
	told := c.after(0, events(down...))
	require.Len(t, told, 1)
	require.Equal(t, []any{"blocked", "poison", "", true}, []any{told[0].Type, told[0].Reason, told[0].Topic, told[0].Partition == nil})
	require.Contains(t, told[0].Text, "1000 alerts of this kind at once (orders: 700, payments: 300); the first: orders/0 is blocked")

	require.Empty(t, c.after(time.Second, events(happened("blocked", "orders", 5000, "poison"))), "the window is full")
	require.Equal(t, "blocked:bad_key", types(c.after(0, events(happened("blocked", "orders", 5001, "bad_key")))), "another kind")
	told = c.after(windowLength, sight{})
	require.Equal(t, "blocked:poison", types(told), "what was held back is told later")
	require.Equal(t, int32(5000), *told[0].Partition)

	c.after(time.Second, events(up...))
	told = c.after(settled, sight{})
	require.Len(t, told, 1)
	require.Contains(t, told[0].Text, "1000 alerts of this kind at once")
}

// A storm that comes one by one has a bound as well.
func TestDrizzle(t *testing.T) {
	c := newCourt(t)
	total := 0
	for n := range int32(600) {
		total += len(c.after(time.Second, events(happened("blocked", "orders", n, "poison"))))
	}
	require.LessOrEqual(t, total, windowSize+10+1)
	require.GreaterOrEqual(t, total, windowSize)
	c.after(windowLength, sight{})
	for _, x := range c.j.troubles {
		require.True(t, x.told)
	}
}

func TestTextIsCut(t *testing.T) {
	c := newCourt(t)
	ev := happened("blocked", "orders", 3, "poison")
	ev.Text = strings.Repeat("é", 2000) + "\xff"
	text := c.after(0, events(ev))[0].Text
	require.LessOrEqual(t, len(text), maxText+len("…"))
	require.True(t, strings.HasSuffix(text, "é…"))
}
