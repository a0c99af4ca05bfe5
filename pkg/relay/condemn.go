package relay

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// maxCondemnedRun is how many records of a partition may be condemned in a row without an ack
// between them: more, and it is the app that fails. Source: the contract.
const maxCondemnedRun = 10

// verdict is a condemned record and why.
type verdict struct {
	offset   int64
	status   string // of sidecar-status: HTTP code, timeout, connection, rejected
	reason   string
	attempts int // requests that held the record
}

// judge is the one function that decides whether a lone record that failed is at fault. It needs
// evidence that the record and not the app is: an answer between those of its last two failures that
// acknowledged another record, or a ready_url that says the app is well.
func (e *Engine) judge(p *partition, r record.Record, x fault) {
	t := &p.trial
	failedBefore := r.Offset < t.blamed
	ackedBetween := failedBefore && e.ackedAt > t.failedAt
	t.blame(e.answers, r.Offset+1)
	v := verdict{r.Offset, x.status, x.detail, t.attempts}
	switch {
	case p.block.reason == reasonPoison || p.block.reason == reasonAppFailing:
		e.setBlock(p, p.block.reason, x.detail)
		e.planNext(p, e.cfg.RetryMax)
	case t.lone < e.cfg.MaxAttempts:
		if x.wait <= 0 {
			x.wait = e.backoff(t.lone)
		}
		e.planNext(p, x.wait)
	case ackedBetween:
		e.condemn(p, []record.Record{r}, []verdict{v}, r.Offset+1, func() { e.goOn(p) })
	case e.cfg.ReadyURLSet:
		e.judgeByProbe(p, r, v)
	default:
		e.appFails(p)
	}
}

// judgeByProbe asks the app's ready_url; meanwhile p has nothing in flight and no plan.
func (e *Engine) judgeByProbe(p *partition, r record.Record, v verdict) {
	claim := p.claim
	e.let(p, func(ctx context.Context) func() {
		err := e.deps.App.Ready(ctx)
		cut := ctx.Err() != nil
		return func() {
			switch {
			case cut || p.claim != claim || p.gone || p.leaving != nil || !p.queue.has(r.Offset): // or its memory is gone
				e.settled(p)
			case err != nil:
				e.appFails(p)
			default:
				e.condemn(p, []record.Record{r}, []verdict{v}, r.Offset+1, func() { e.goOn(p) })
			}
		}
	})
}

// let runs a call that p's next step waits for. A revoke and a drain cut it as they cut a request.
func (e *Engine) let(p *partition, call func(ctx context.Context) func()) {
	ctx, cancel := context.WithCancel(e.work)
	p.letting, p.cutLet = true, cancel
	e.async(func(context.Context) func() {
		defer cancel()
		then := call(ctx)
		return func() {
			p.letting, p.cutLet = false, nil
			then()
		}
	})
}

// settled lets a revoke or drain go on that waited for p.
func (e *Engine) settled(p *partition) {
	if p.leaving != nil {
		e.checkLeaving(p)
	} else {
		e.requeue(p)
	}
	e.checkDrain()
}

// appFails keeps trying a lone record that nothing shows to be at fault.
func (e *Engine) appFails(p *partition) {
	if !p.trial.failing {
		e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Int64("offset", p.acked).Str("reason", reasonAppFailing).
			Msg("record keeps failing and nothing shows that the record and not the app is at fault; trying on at the longest back-off")
		e.tellAt(p.TopicPartition, EventBlocked, reasonAppFailing, "the record keeps failing and nothing shows that it and not the app is at fault")
	}
	p.trial.failing = true
	e.planNext(p, e.cfg.RetryMax)
}

// rejected condemns the records that the app rejected by name, acknowledges the others below cut, and goes on with then.
func (e *Engine) rejected(p *partition, rs []record.Record, rejects []record.Failure, cut int64, then func()) {
	verdicts := make([]verdict, len(rejects))
	for i, x := range rejects {
		verdicts[i] = verdict{x.Offset, "rejected", x.Reason, 1}
	}
	verdicts[0].attempts += requestsBefore(p, verdicts[0].offset)
	e.condemn(p, rs, verdicts, cut, then)
}

// requestsBefore counts the failed requests that held the record at offset, known for the first one only.
func requestsBefore(p *partition, offset int64) int {
	if first, ok := p.queue.first(p.acked); ok && first == offset {
		return p.trial.attempts
	}
	return 0
}

// condemn hands records to the dead-letter policy. The records of rs below cut that no verdict names
// are acknowledged.
func (e *Engine) condemn(p *partition, rs []record.Record, verdicts []verdict, cut int64, then func()) {
	allowed := condemnable(p.run, rs, verdicts)
	if allowed < len(verdicts) {
		v := verdicts[allowed]
		cut, then = v.offset, func() {
			e.blockAt(p, v, reasonAppFailing, "too many records in a row were condemned without an acknowledgement between them; last: "+v.reason)
		}
	}
	verdicts = verdicts[:allowed]
	switch {
	case len(verdicts) == 0:
		e.acked(p, cut)
		then()
	case e.cfg.DeadLetterPolicy == "topic":
		e.bury(p, rs, verdicts, cut, then)
	case e.cfg.DeadLetterPolicy == "drop":
		for _, v := range verdicts {
			e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Int64("offset", v.offset).
				Str("status", v.status).Str("reason", v.reason).Msg("record dropped by dead_letter.policy")
			e.tellAt(p.TopicPartition, EventDropped, v.status, fmt.Sprintf("record %d: %s", v.offset, v.reason))
			e.pass(p, v)
		}
		e.acked(p, cut)
		e.clearBlock(p)
		then()
	default:
		v := verdicts[0]
		e.acked(p, v.offset)
		e.blockAt(p, v, reasonPoison, v.reason)
	}
}

// condemnable is how many of the verdicts may be carried out before there are too many in a row; run
// is how many stand before rs.
func condemnable(run int, rs []record.Record, verdicts []verdict) int {
	i := 0
	for k := range rs {
		if i == len(verdicts) {
			break
		}
		if rs[k].Offset != verdicts[i].offset {
			run = 0
			continue
		}
		if run >= maxCondemnedRun {
			return i
		}
		run++
		i++
	}
	return i
}

// pass moves p past a condemned record, acknowledging what lies before it.
func (e *Engine) pass(p *partition, v verdict) {
	e.acked(p, v.offset)
	e.ack(p, v.offset+1)
	p.run++
	e.m.deadLetters.WithLabelValues(p.Topic, e.cfg.DeadLetterPolicy).Inc()
}

// blockAt blocks p at a record and keeps trying it alone at the longest back-off.
func (e *Engine) blockAt(p *partition, v verdict, reason, detail string) {
	attempts := p.trial.attempts
	e.setBlock(p, reason, detail)
	p.trial.attempts = max(attempts, v.attempts)
	p.trial.lone = max(p.trial.lone, e.cfg.MaxAttempts)
	p.trial.blame(e.answers, v.offset+1)
	p.trial.failing = false // the block says who is at fault
	p.trial.narrow(v.offset + 1)
	e.planNext(p, e.cfg.RetryMax)
}

// bury writes the condemned records to the dead-letter topic; offsets move when the brokers have them.
func (e *Engine) bury(p *partition, rs []record.Record, verdicts []verdict, cut int64, then func()) {
	if !p.queue.has(verdicts[0].offset) { // reading stopped meanwhile and rs has lost its memory: they come again
		e.acked(p, verdicts[0].offset)
		e.goOn(p)
		return
	}
	claim := p.claim
	letters := make([]record.DeadLetter, len(verdicts))
	for i, v := range verdicts {
		letters[i] = e.cfg.letter(p.TopicPartition, rs[indexOf(rs, v.offset)], v)
	}
	e.let(p, func(ctx context.Context) func() {
		n, err := e.deps.DeadLetters.Produce(ctx, letters)
		ended := ctx.Err() != nil
		return func() {
			if p.claim != claim || p.gone {
				e.settled(p)
				return
			}
			for _, v := range verdicts[:n] {
				e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Int64("offset", v.offset).
					Str("to", letters[0].Topic).Str("status", v.status).Msg("record dead-lettered")
				e.tellAt(p.TopicPartition, EventDeadLettered, v.status, fmt.Sprintf("record %d went to %s: %s", v.offset, letters[0].Topic, v.reason))
				e.pass(p, v)
			}
			switch {
			case n < len(verdicts) && ended: // whoever reads on delivers the rest again
				e.acked(p, verdicts[n].offset)
			case n < len(verdicts):
				e.acked(p, verdicts[n].offset)
				e.blockAt(p, verdicts[n], reasonDeadLetter, "produce to "+letters[n].Topic+": "+errText(err))
				p.trial.condemned = &verdicts[n]
			default:
				e.acked(p, cut)
				e.clearBlock(p)
				if p.leaving == nil {
					then()
				}
			}
			e.settled(p)
		}
	})
}

// condemnedAhead writes the dead letter of a first record that is condemned already, instead of
// delivering it again.
func (e *Engine) condemnedAhead(p *partition) bool {
	v := p.trial.condemned
	if v == nil {
		return false
	}
	first, ok := p.queue.first(p.acked)
	if !ok || first != v.offset {
		p.trial.condemned = nil
		return false
	}
	rs, _ := p.queue.take(nil, first, limit{records: 1, bytes: 1 << 30})
	e.bury(p, rs, []verdict{*v}, v.offset+1, func() { e.goOn(p) })
	return true
}

// letter makes the record for the dead-letter topic: key, value and headers unchanged, then ours.
// The bytes are copied because the chunk may be released while the brokers are slow.
func (c *Config) letter(p record.TopicPartition, r record.Record, v verdict) record.DeadLetter {
	d := record.DeadLetter{
		Topic: c.DeadLetterTopicOf(p.Topic),
		Key:   bytes.Clone(r.Key),
		Value: bytes.Clone(r.Value),
	}
	for _, h := range r.Headers {
		d.Headers = append(d.Headers, record.Header{Name: strings.Clone(h.Name), Value: bytes.Clone(h.Value)})
	}
	for _, h := range [...][2]string{
		{"sidecar-topic", p.Topic},
		{"sidecar-partition", strconv.Itoa(int(p.Partition))},
		{"sidecar-offset", strconv.FormatInt(r.Offset, 10)},
		{"sidecar-timestamp", strconv.FormatInt(r.Timestamp, 10)},
		{"sidecar-group", c.Group},
		{"sidecar-attempts", strconv.Itoa(max(1, v.attempts))},
		{"sidecar-status", v.status},
		{"sidecar-reason", v.reason},
	} {
		d.Headers = append(d.Headers, record.Header{Name: h[0], Value: []byte(h[1])})
	}
	return d
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
