package chaos

import (
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/app"
)

var appFaults = slices.Concat(
	[]*fault{appAbsent, appDies, appFrozen, appRejects, appRetries},
	answers,
)

// The app is killed, with whatever it works on, and is not there for a while: connections are refused.
var appAbsent = &fault{
	name: "app absent", on: "app", lasts: span(100*time.Millisecond, 3*time.Second), weight: 10, bound: recovery,
	inject: func(w *world, i int) func() {
		w.apps[i].kill()
		return w.apps[i].begin
	},
}

// The app does its work and dies before it answers. Whoever starts it again comes a moment later.
var appDies = &fault{
	name: "app dies between work and ack", on: "app", lasts: span(200*time.Millisecond, time.Second), weight: 10, bound: recovery,
	inject: func(w *world, i int) func() {
		w.apps[i].Behave(app.Behaviour{Kind: app.Die})
		return func() {
			w.apps[i].kill() // it may not have been asked
			w.apps[i].begin()
		}
	},
}

// The app stands still as a whole: its sockets take connections and requests, and nothing comes back.
var appFrozen = &fault{
	name: "app frozen", on: "app", lasts: span(200*time.Millisecond, 5*time.Second), weight: 4, bound: recovery,
	inject: func(w *world, i int) func() {
		w.apps[i].freeze()
		return w.apps[i].thaw
	},
}

// The app rejects records by name; they go to the dead-letter topic.
var appRejects = &fault{
	name: "app rejects records", on: "app", needs: needs{letters: true}, lasts: span(200*time.Millisecond, 2*time.Second), weight: 10, bound: recovery,
	inject: behaves(app.Behaviour{Kind: app.Reject, OneIn: 20}),
}

// The app asks for records again, in the middle of batches that it acknowledges otherwise.
var appRetries = &fault{
	name: "app asks for records again", on: "app", lasts: span(200*time.Millisecond, 2*time.Second), weight: 10, bound: recovery,
	inject: behaves(app.Behaviour{Kind: app.Retry, OneIn: 10, Delay: 20 * time.Millisecond}),
}

// answers are the faults that are a way to answer.
var answers = []*fault{
	answerFault("app hangs", 5*time.Second, app.Behaviour{Kind: app.Hang}),
	answerFault("app answers after the time-out", 5*time.Second, app.Behaviour{Kind: app.Slow, Delay: 3500 * time.Millisecond}),
	answerFault("app is slow", 2*time.Second, app.Behaviour{Kind: app.Slow, Delay: 300 * time.Millisecond}),
	answerFault("app answers 500", 2*time.Second, app.Behaviour{Kind: app.Status, Status: 500}),
	answerFault("app answers 503 with Retry-After", 2*time.Second, app.Behaviour{Kind: app.Status, Status: 503, RetryAfter: "1"}),
	answerFault("app answers 429", 2*time.Second, app.Behaviour{Kind: app.Status, Status: 429}),
	answerFault("app answers 422", 2*time.Second, app.Behaviour{Kind: app.Status, Status: 422}),
	answerFault("app answers 404", 2*time.Second, app.Behaviour{Kind: app.Status, Status: 404}),
	answerFault("app answers byte by byte", 2*time.Second, app.Behaviour{Kind: app.Trickle, Delay: 400 * time.Millisecond}),
	answerFault("app closes after the headers", 2*time.Second, app.Behaviour{Kind: app.CloseAfterHeaders}),
	answerFault("app answers without end", 2*time.Second, app.Behaviour{Kind: app.Huge}),
	answerFault("app answers garbage", 2*time.Second, app.Behaviour{Kind: app.Garbage}),
	answerFault("app names a wrong offset", 2*time.Second, app.Behaviour{Kind: app.WrongOffset}),
}

func answerFault(name string, longest time.Duration, b app.Behaviour) *fault {
	return &fault{name: name, on: "app", lasts: span(200*time.Millisecond, longest), weight: 10, bound: recovery, inject: behaves(b)}
}

// behaves makes the app do so, and be good again after that.
func behaves(b app.Behaviour) func(*world, int) func() {
	return func(w *world, i int) func() {
		w.apps[i].Behave(b)
		return func() { w.apps[i].Behave(app.Behaviour{}) }
	}
}
