package relay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// script is a random life of a sidecar: settings, then steps.
type script struct {
	partitions, lanes, maxRecords int
	policy                        string
	readyURL                      bool
	chunk, budget                 int
	onePart                       bool // a poll brings one partition
	steps                         []step
}

// step is one event. Which of a, b and seed it uses is its own.
type step struct {
	what string
	p    int // partition
	n    int
	wait time.Duration // afterwards
	seed uint64
}

func (s step) String() string {
	return fmt.Sprintf("%s(%d,%d,%d) %v", s.what, s.p, s.n, s.seed, s.wait)
}

// events are what may happen, those more often that are named more often.
var events = []string{
	"produce", "produce", "produce", "produce", "control", "answers", "answers", "slow", "hang", "ack",
	"revoke", "lose", "assign", "assign", "break reading", "store slow", "store away", "store unknown", "store lost answers", "store well",
	"app down", "app up", "refuse proof", "grant proof", "other owner", "kafka down", "kafka up", "letters fail", "letters well",
	"crash", "stop",
}

func drawScript(t *rapid.T) script {
	partitions := rapid.IntRange(1, 4).Draw(t, "partitions")
	one := rapid.Custom(func(t *rapid.T) step {
		return step{
			what: rapid.SampledFrom(events).Draw(t, "what"),
			p:    rapid.IntRange(0, partitions-1).Draw(t, "p"),
			n:    rapid.IntRange(1, 60).Draw(t, "n"),
			wait: time.Duration(rapid.SampledFrom([]int{0, 1, 5, 100, 900, 3000, 20000, 70000}).Draw(t, "ms")) * time.Millisecond,
			seed: rapid.Uint64Range(0, 1000).Draw(t, "seed"),
		}
	})
	return script{
		partitions: partitions,
		lanes:      rapid.IntRange(1, 3).Draw(t, "lanes"),
		maxRecords: rapid.SampledFrom([]int{1, 7, 50}).Draw(t, "records"),
		policy:     rapid.SampledFrom([]string{"block", "topic"}).Draw(t, "policy"),
		readyURL:   rapid.Bool().Draw(t, "readyURL"),
		chunk:      rapid.SampledFrom([]int{1, 10, 50}).Draw(t, "chunk"),
		budget:     rapid.SampledFrom([]int{10_000, 1 << 20}).Draw(t, "budget"),
		onePart:    rapid.Bool().Draw(t, "onePart"),
		steps:      rapid.SliceOfN(one, 1, 40).Draw(t, "steps"),
	}
}

// soft collects what a scenario finds, so that rapid can shrink its script.
type soft struct {
	*testing.T
	mu   sync.Mutex
	errs []string
}

func (s *soft) Errorf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, fmt.Sprintf(format, args...))
}

func (s *soft) Failed() bool { return false }

// drawn is a scenario that rapid has drawn: what fails in it is rapid's to shrink.
func drawn(t *testing.T, rt *rapid.T, play func(r *rig)) {
	found := &soft{T: t}
	synctest.Test(t, func(t *testing.T) {
		found.T = t
		playIn(found, play)
	})
	if len(found.errs) > 0 {
		rt.Fatalf("%d findings, the first: %s", len(found.errs), found.errs[0])
	}
}

// Whatever happens: nothing is committed that is not acknowledged, a partition's records are delivered
// in order and in one batch at a time (the ledger and the fakes watch), and once all is well again every
// record gets acknowledged and committed, and all memory is given back.
func TestGuaranteesHoldWhateverHappens(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScript(rt)
		drawn(t, rt, func(r *rig) { r.play(s) })
	})
}

func (r *rig) play(s script) {
	r.kafka.topic("orders", "id-1", s.partitions)
	r.cfg.Lanes, r.cfg.MaxRecords, r.cfg.MaxAttempts = s.lanes, s.maxRecords, 3
	r.cfg.ReadyURLSet, r.cfg.MemoryMaxBytes, r.chunk = s.readyURL, int64(s.budget), s.chunk
	r.cfg.MaxBytes, r.app.maxBytes = 4000, 4000
	if s.policy == "topic" {
		r.deadLetterTopic()
	}
	if s.onePart {
		r.parts = 1
	}
	r.start()
	for _, st := range s.steps {
		r.do(st)
		r.pass(st.wait)
	}
	r.heal(s)
}

// do makes one event happen.
func (r *rig) do(s step) {
	name := fmt.Sprintf("orders/%d", s.p)
	switch s.what {
	case "produce":
		r.kafka.produce(name, s.n)
	case "control":
		r.kafka.control(name, int64(s.n%3+1))
	case "answers":
		r.app.answers(moods(s.seed))
	case "slow":
		r.app.answers(after(time.Duration(s.n)*100*time.Millisecond, ack()))
	case "hang":
		r.app.answers(after(2*time.Minute, status(record.Failed, "timeout")))
	case "break reading":
		r.breakReading(name)
	case "ack":
		r.app.answers(nil)
	case "revoke", "lose", "assign":
		r.rebalance(s.what, name)
	case "app down":
		r.app.setReady(false)
		r.app.says(status(record.Down, "connection"))
	case "app up":
		r.app.setReady(true)
		r.app.answers(nil)
	case "refuse proof":
		r.group.setRefuse(errors.New("illegal generation"))
	case "grant proof":
		r.group.setRefuse(nil)
	case "other owner":
		r.takeAway(name)
	case "kafka down":
		r.kafka.edit(func() { r.kafka.down = errors.New("no broker") })
	case "kafka up":
		r.kafka.edit(func() { r.kafka.down = nil })
	case "letters fail":
		r.letters.setFail(errors.New("not enough replicas"))
	case "letters well":
		r.letters.setFail(nil)
	case "crash":
		r.crash()
		r.start()
	case "stop":
		_ = r.end()
		r.start()
	default:
		r.storeFault(s)
	}
}

// moods answers at random, a little later.
func moods(seed uint64) func(context.Context, attempt) record.Outcome {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(seed, 1))
	return func(ctx context.Context, a attempt) record.Outcome {
		mu.Lock()
		draw, at, wait := rng.IntN(12), rng.IntN(1000), rng.IntN(300)
		mu.Unlock()
		part := a.parts[at%len(a.parts)]
		offset := part.Records[at%len(part.Records)].Offset
		o := ack()
		switch draw {
		case 0:
			o = status(record.Failed, "500")
		case 1:
			o = status(record.Busy, "503")
			o.RetryAfter = time.Duration(at%3) * 12 * time.Second
		case 2:
			o = status(record.Setup, "404")
		case 3:
			o = status(record.Refused, "400")
		case 4:
			o = status(record.Down, "connection")
		case 5, 6:
			o = ack(retry(part.String(), offset))
		case 7:
			o = ack(reject(part.String(), offset))
		}
		return after(time.Duration(wait)*time.Millisecond, o)(ctx, a)
	}
}

// rebalance needs an engine that has joined; before, the event is left out.
func (r *rig) rebalance(what, name string) {
	if s := r.status(); s.State != "running" {
		return
	}
	switch what {
	case "revoke":
		r.group.revoke(name)
	case "lose":
		r.group.lose(name)
	default:
		r.group.assign(name)
	}
}

// takeAway writes the key as another replica would that claimed it and delivered nothing.
func (r *rig) takeAway(name string) {
	if doc := r.stored(name); doc != nil {
		r.store.Put(name, fmt.Sprintf(`{"v":1,"offset":%d,"leaderEpoch":-1,"topicId":"id-1","owner":"pod-2/0123456789abcdef","epoch":%d,"committedAt":"2026-01-01T00:00:00Z"}`,
			int64(doc["offset"].(float64)), int64(doc["epoch"].(float64))+1))
	}
}

func (r *rig) storeFault(s step) {
	r.store.Before(nil)
	r.store.After(nil)
	fault := func(err error) offsetstest.Hook {
		return func(ctx context.Context, op offsetstest.Op) error {
			if s.seed%2 == 0 && len(op.Write) == 0 {
				return nil
			}
			return err
		}
	}
	switch s.what {
	case "store slow":
		r.store.Before(func(ctx context.Context, _ offsetstest.Op) error {
			select {
			case <-time.After(time.Duration(s.n) * 100 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return record.ErrUnavailable
			}
		})
	case "store away":
		r.store.Before(fault(record.ErrUnavailable))
	case "store unknown":
		r.store.Before(fault(record.ErrOutcomeUnknown))
	case "store lost answers":
		r.store.After(fault(record.ErrOutcomeUnknown))
	}
}

// heal makes all well and checks that everything gets done.
func (r *rig) heal(s script) {
	r.store.Before(nil)
	r.store.After(nil)
	r.app.setReady(true)
	r.app.answers(nil)
	r.letters.setFail(nil)
	r.group.setRefuse(nil)
	r.kafka.edit(func() { r.kafka.down = nil })
	r.group.lose() // ends nothing: waits until the group runs
	for p := range s.partitions {
		name := fmt.Sprintf("orders/%d", p)
		r.group.assign(name)
	}
	r.pass(15 * time.Minute)
	for p := range s.partitions {
		name := fmt.Sprintf("orders/%d", p)
		var end int64
		r.kafka.log(name, func(l *kafkaLog) { end = l.end })
		r.wantCommitted(name, end)
		r.wantState(name, "idle")
	}
	if used := r.status().Memory.Used; used != 0 {
		r.Errorf("%d bytes are not given back", used)
	}
	if err := r.end(); err != nil {
		r.Errorf("Run returned %v", err)
	}
}
