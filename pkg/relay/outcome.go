package relay

import (
	"strconv"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// onOutcome settles a batch whose attempt has ended and lets its lane go on.
func (e *Engine) onOutcome(f *flight, o record.Outcome) {
	e.answers++
	l := f.lane
	l.sending = nil
	for _, p := range f.parts {
		p.sending = nil
		p.lastStatus, _ = strconv.Atoi(o.Status)
		if p.overruled {
			e.loseClaim(p)
			e.queueClaim(p)
		}
	}
	e.m.delivery.Observe(o.Elapsed.Seconds())
	e.noteApp(o)
	e.settle(f, o)
	for _, p := range f.parts {
		if p.leaving != nil {
			e.checkLeaving(p)
		} else {
			e.enqueue(p)
		}
	}
	l.recycle(f)
	if l.coming != nil && l.coming.encoded {
		e.launch(l.coming)
	}
	e.checkDrain()
}

// settle carries the meaning of an outcome over to the partitions.
func (e *Engine) settle(f *flight, o record.Outcome) {
	switch o.Kind {
	case record.Acked:
		e.settleAcked(f, o)
	case record.Busy:
		e.m.batches.WithLabelValues("busy").Inc()
		e.app.waits++
		wait := o.RetryAfter
		if wait <= 0 {
			wait = e.backoff(e.app.waits)
		}
		e.again(f, wait)
	case record.Setup:
		e.m.batches.WithLabelValues("setup").Inc()
		e.app.waits++
		e.again(f, e.backoff(e.app.waits))
	case record.Down:
		e.again(f, 0)
	case record.Cancelled:
		e.again(f, 0)
	default:
		e.settleFailed(f, o)
	}
}

func (e *Engine) settleAcked(f *flight, o record.Outcome) {
	outcome := "ack"
	if len(o.Failures) > 0 {
		outcome = "partial"
	}
	e.m.batches.WithLabelValues(outcome).Inc()
	acknowledges := false
	for i, p := range f.parts {
		if !e.current(f, i) {
			continue
		}
		part := &f.batch.Parts[i]
		var mine []record.Failure
		for _, x := range o.Failures {
			if x.TopicPartition == p.TopicPartition {
				mine = append(mine, x)
			}
		}
		acknowledges = e.settlePart(p, part, mine, o) || acknowledges
	}
	if acknowledges { // from here on: it is no evidence against what the same answer names
		e.ackedAt = e.answers
	}
}

// settlePart applies an answer with status 2xx to one partition and reports whether it acknowledges a record of it.
func (e *Engine) settlePart(p *partition, part *record.Part, failures []record.Failure, o record.Outcome) bool {
	if len(failures) == 0 {
		e.acked(p, part.Until)
		e.clearBlock(p)
		p.lastError = ""
		e.goOn(p)
		return true
	}
	cut, retry := part.Until, -1
	var rejected []record.Failure
	for i, x := range failures {
		if x.Action == record.Retry {
			cut, retry = x.Offset, i
			break
		}
		rejected = append(rejected, x)
	}
	then := func() {
		if retry < 0 {
			e.goOn(p)
			return
		}
		x := failures[retry]
		p.lastError = x.Reason
		rest := part.Records[indexOf(part.Records, cut):]
		e.failed(p, part, rest, fault{status: o.Status, detail: x.Reason, wait: x.RetryAfter, named: true})
	}
	acknowledges := indexOf(part.Records, cut) > len(rejected)
	if len(rejected) > 0 {
		// part belongs to the flight, which is used again before a dead letter is durable.
		kept := *part
		kept.Records = append([]record.Record(nil), part.Records...)
		part = &kept
		e.rejected(p, kept.Records, rejected, cut, then)
		return acknowledges
	}
	e.acked(p, cut)
	then()
	return acknowledges
}

// acked moves p up to until on the word of the app.
func (e *Engine) acked(p *partition, until int64) {
	if n := e.ack(p, until); n > 0 {
		p.run = 0
		e.m.acked.WithLabelValues(p.Topic).Add(float64(n))
	}
}

// goOn lets p deliver what comes next: within its trial, or behind the partitions that wait.
func (e *Engine) goOn(p *partition) {
	if p.readSeq == 0 && p.block.reason == "" {
		e.startReading(p)
	}
	if p.trial.active() {
		e.requeue(p)
		return
	}
	e.enqueue(p)
}

// settleFailed: a failed or refused attempt. With several partitions it splits by partition at once.
func (e *Engine) settleFailed(f *flight, o record.Outcome) {
	alone := len(f.parts) == 1
	e.m.batches.WithLabelValues("failed").Inc()
	if !alone {
		e.m.batches.WithLabelValues("isolated").Inc()
	}
	for i, p := range f.parts {
		if !e.current(f, i) {
			continue
		}
		part := &f.batch.Parts[i]
		p.lastError = o.Detail
		if !alone {
			p.trial.attempts++
			p.trial.blame(e.answers, part.Until)
			p.trial.narrow(part.Until)
			e.planNext(p, 0)
			continue
		}
		e.failed(p, part, part.Records, fault{status: o.Status, detail: o.Detail, refused: o.Kind == record.Refused})
	}
}

// fault is what is known of a failed attempt.
type fault struct {
	status, detail string
	wait           time.Duration // asked for by the app; 0 = the back-off
	refused        bool          // the app refuses the content: the same again is of no use
	named          bool          // it is about the first record that is not acknowledged; else about all of them
}

// failed counts a failed attempt of part, of which rest is left (p's first records), and decides what comes next:
// the same again, a half, or the judgement of a record that stood alone.
func (e *Engine) failed(p *partition, part *record.Part, rest []record.Record, x fault) {
	t := &p.trial
	t.attempts++
	t.narrow(part.Until)
	if len(part.Records) == 1 {
		t.lone++
		e.judge(p, part.Records[0], x)
		return
	}
	if x.named {
		t.blame(e.answers, rest[0].Offset+1)
	} else {
		t.blame(e.answers, part.Until)
	}
	if len(rest) > 1 && (x.refused || t.halving || t.attempts >= e.cfg.MaxAttempts) {
		if !t.halving {
			e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Int64("offset", p.acked).
				Int("attempt", t.attempts).Str("detail", x.detail).Msg("batch keeps failing; looking for the record at fault")
		}
		t.halving = true
		e.m.batches.WithLabelValues("isolated").Inc()
		t.narrow(split(rest))
		e.planNext(p, x.wait)
		return
	}
	if x.wait <= 0 {
		x.wait = e.backoff(t.attempts)
	}
	e.planNext(p, x.wait)
}
