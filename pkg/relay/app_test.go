package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// attempt is one request the app got.
type attempt struct {
	at    time.Duration // since the scenario began
	lane  int
	id    string
	n     int // Batch.Attempt
	parts []record.Part
}

// String is what scenarios compare: the attempt number and the ranges, "1 orders/0[0,5)".
func (a attempt) String() string {
	var b strings.Builder
	fmt.Fprint(&b, a.n)
	for _, p := range a.parts {
		fmt.Fprintf(&b, " %s[%d,%d)", p.TopicPartition, p.From, p.Until)
	}
	return b.String()
}

// holds says whether the attempt delivers the record.
func (a attempt) holds(name string, offset int64) bool {
	for _, p := range a.parts {
		if p.TopicPartition == tp(name) {
			for i := range p.Records {
				if p.Records[i].Offset == offset {
					return true
				}
			}
		}
	}
	return false
}

func (a attempt) len() int {
	n := 0
	for _, p := range a.parts {
		n += len(p.Records)
	}
	return n
}

// app is the application: it notes every attempt and answers by a function, ack without one.
type app struct {
	maxBytes int           // cuts bodies; 0 = never
	probing  time.Duration // how long a probe takes
	began    time.Time
	check    func(a attempt)                   // sees each attempt before the answer
	done     func(a attempt, o record.Outcome) // and after
	fail     func(format string, args ...any)
	underWay atomic.Int64 // requests and probes

	mu       sync.Mutex
	answer   func(ctx context.Context, a attempt) record.Outcome
	attempts []attempt
	busy     map[int]bool
	flying   map[record.TopicPartition]bool
	notReady error
	probes   int
}

// Encode implements relay.App.
func (a *app) Encode(dst []byte, b *record.Batch) []byte {
	for i := range b.Parts {
		part := &b.Parts[i]
		for k := range part.Records {
			r := &part.Records[k]
			line := fmt.Appendf(nil, "%s@%d=%s\n", part.TopicPartition, r.Offset, r.Value)
			if a.maxBytes > 0 && len(dst) > 0 && len(dst)+len(line) > a.maxBytes {
				if k > 0 {
					part.Records = part.Records[:k]
					part.Until = part.Records[k-1].Offset + 1
					i++
				}
				b.Parts = b.Parts[:i]
				return dst
			}
			dst = append(dst, line...)
		}
	}
	return dst
}

// Send implements relay.App.
func (a *app) Send(ctx context.Context, lane int, b *record.Batch, body []byte) record.Outcome {
	a.underWay.Add(1)
	defer a.underWay.Add(-1)
	at := a.begin(lane, b, body)
	o := a.reply(ctx, at)
	if ctx.Err() != nil && o.Kind == 0 {
		o = record.Outcome{Kind: record.Cancelled}
	}
	a.mu.Lock()
	delete(a.busy, lane)
	for _, p := range at.parts {
		delete(a.flying, p.TopicPartition)
	}
	a.mu.Unlock()
	a.done(at, o)
	return o
}

func (a *app) begin(lane int, b *record.Batch, body []byte) attempt {
	at := attempt{at: time.Since(a.began), lane: lane, id: b.ID(), n: b.Attempt}
	var want strings.Builder
	for _, p := range b.Parts {
		kept := record.Part{Range: p.Range}
		for _, r := range p.Records {
			fmt.Fprintf(&want, "%s@%d=%s\n", p.TopicPartition, r.Offset, r.Value)
			kept.Records = append(kept.Records, record.Record{Offset: r.Offset})
		}
		at.parts = append(at.parts, kept)
	}
	if strings.Contains(string(body), "=#") {
		a.fail("%s holds memory that was released", at)
	}
	if lines := strings.Count(string(body), "\n"); lines != b.Len() {
		a.fail("%s: the body holds %d records, the batch %d", at, lines, b.Len())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy[lane] {
		a.fail("lane %d has two requests", lane)
	}
	a.busy[lane] = true
	for _, p := range at.parts {
		if a.flying[p.TopicPartition] {
			a.fail("%s is in flight twice", p.TopicPartition)
		}
		a.flying[p.TopicPartition] = true
	}
	a.attempts = append(a.attempts, at)
	a.check(at)
	return at
}

func (a *app) reply(ctx context.Context, at attempt) record.Outcome {
	a.mu.Lock()
	answer := a.answer
	a.mu.Unlock()
	if answer == nil {
		return record.Outcome{Kind: record.Acked, Status: "200"}
	}
	return answer(ctx, at)
}

// Ready implements relay.App.
func (a *app) Ready(context.Context) error {
	a.underWay.Add(1)
	defer a.underWay.Add(-1)
	time.Sleep(a.probing)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.probes++
	return a.notReady
}

// probed counts the probes so far.
func (a *app) probed() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.probes
}

// answers sets how the app answers from now on.
func (a *app) answers(f func(ctx context.Context, a attempt) record.Outcome) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = f
}

// says makes the app give the same answer to everything; nil = ack.
func (a *app) says(o record.Outcome) {
	a.answers(func(context.Context, attempt) record.Outcome { return o })
}

func (a *app) setReady(up bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.notReady = nil
	if !up {
		a.notReady = errors.New("connection refused")
	}
}

// Answers of the table in the contract.
func ack(failures ...record.Failure) record.Outcome {
	return record.Outcome{Kind: record.Acked, Failures: failures, Status: "200"}
}

func status(kind record.OutcomeKind, code string) record.Outcome {
	return record.Outcome{Kind: kind, Status: code, Detail: "POST answered " + code}
}

func retry(name string, offset int64) record.Failure {
	return record.Failure{TopicPartition: tp(name), Offset: offset, Action: record.Retry, Reason: "not now"}
}

func reject(name string, offset int64) record.Failure {
	return record.Failure{TopicPartition: tp(name), Offset: offset, Action: record.Reject, Reason: "unknown customer"}
}

// hang keeps the request until it is cancelled.
func hang(ctx context.Context, _ attempt) record.Outcome {
	<-ctx.Done()
	return record.Outcome{Kind: record.Cancelled}
}

// after answers o when d has passed, or Cancelled.
func after(d time.Duration, o record.Outcome) func(context.Context, attempt) record.Outcome {
	return func(ctx context.Context, _ attempt) record.Outcome {
		select {
		case <-time.After(d):
			return o
		case <-ctx.Done():
			return record.Outcome{Kind: record.Cancelled}
		}
	}
}

// poisoned refuses every batch that holds the record.
func poisoned(name string, offset int64, o record.Outcome) func(context.Context, attempt) record.Outcome {
	return func(_ context.Context, a attempt) record.Outcome {
		if a.holds(name, offset) {
			return o
		}
		return ack()
	}
}

// letters is the dead-letter topic.
type letters struct {
	delay time.Duration // how long the brokers take

	mu      sync.Mutex
	fail    error
	durable []record.DeadLetter
	onWrite func(l record.DeadLetter)
}

// Produce implements relay.DeadLetters.
func (l *letters) Produce(ctx context.Context, batch []record.DeadLetter) (int, error) {
	select {
	case <-time.After(l.delay):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return 0, l.fail
	}
	for _, d := range batch {
		l.durable = append(l.durable, d)
		l.onWrite(d)
	}
	return len(batch), nil
}

func (l *letters) setFail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// all lists the durable letters.
func (l *letters) all() []record.DeadLetter {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.durable)
}

// offsets lists where the letters come from: "orders/0:3".
func (l *letters) offsets() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, d := range l.durable {
		out = append(out, header(d, "sidecar-topic")+"/"+header(d, "sidecar-partition")+":"+header(d, "sidecar-offset"))
	}
	return out
}

func header(d record.DeadLetter, name string) string {
	value := ""
	for _, h := range d.Headers {
		if h.Name == name {
			value = string(h.Value) // the last of a name counts
		}
	}
	return value
}
