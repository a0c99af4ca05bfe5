package contract

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// judgeBatch wants a batch to be acknowledged, but for records that the application names.
func judgeBatch(t *trial, r *request, a *reply) verdict {
	switch {
	case a.err != nil:
		return t.lost(a)
	case a.early:
		return t.tooEarly(a)
	}
	o := a.outcome()
	said := strings.TrimPrefix(o.Detail, "the app answered "+o.Status)
	v := verdict{result: Fail, detail: t.answered(a, said), why: t.why, hint: t.hint}
	switch {
	case o.Kind == record.Acked:
		return verdict{result: OK, detail: "acknowledged", rejected: len(o.Failures)}
	case o.Kind == record.Busy:
		v.detail = fmt.Sprintf("still answered %s to %s at try %d", o.Status, t.sent, a.tries)
		v.why, v.hint = "the sidecar would wait and send the same batch again, for ever", "answer 429 or 503 only while the app is busy"
	case o.Kind == record.Refused:
		v.why = "the sidecar would split the batch and hand the record to the dead-letter policy"
	case o.Kind == record.Setup && a.acked():
		complaint, advice := cutLast(said, "; ")
		v.detail = fmt.Sprintf("answered %s to %s%s", o.Status, t.sent, complaint)
		v.why, v.hint = "the sidecar takes this for a wrong set-up and acknowledges nothing", advice
	case o.Kind == record.Setup:
		v.why, v.hint = "the sidecar takes this for a wrong set-up, waits and reports not ready", setupHint(a.status)
	}
	return v
}

// judgeKept is judgeBatch for requests of one connection.
func judgeKept(t *trial, r *request, a *reply) verdict {
	v := judgeBatch(t, r, a)
	if v.result == OK && r.again && a.fresh {
		v.result = Note
		v.detail = "acknowledged, but the connection was closed after the first answer"
		v.why, v.hint = "a new connection for each batch costs time", t.hint
	}
	return v
}

// judgeLargest is judgeBatch for offsets above 2^53.
func judgeLargest(t *trial, r *request, a *reply) verdict {
	v := judgeBatch(t, r, a)
	if a.acked() && v.result == Fail {
		v.why, v.hint = t.why, t.hint
	}
	return v
}

// judgeGarbage wants anything but an acknowledgement of a body that is no batch, best a 500.
func judgeGarbage(t *trial, _ *request, a *reply) verdict {
	if a.err != nil {
		return t.dropped(a, "it counts as a failed attempt, as it should, but looks like a crash")
	}
	v := verdict{result: Note, detail: t.answered(a, ""), hint: "answer 500 and say why"}
	switch kind := a.outcome().Kind; {
	case kind == record.Acked:
		v.result, v.why = Fail, t.why
	case kind == record.Refused:
		v.why = "the sidecar would split the batch to find a record at fault, and no record is"
	case kind == record.Busy:
		v.why = "the sidecar would wait and send the same batch again, for ever"
	case kind == record.Setup:
		v.result, v.why = Fail, "the sidecar takes this for a wrong set-up and reports not ready, although only this body is at fault"
	default:
		return verdict{result: OK, detail: fmt.Sprintf("answered %d", a.status)}
	}
	return v
}

// judgeMalformedColumns is judgeGarbage where the protocol asks for a 5xx.
func judgeMalformedColumns(t *trial, r *request, a *reply) verdict {
	v := judgeGarbage(t, r, a)
	if v.result == Note && a.err == nil && a.status < 500 {
		v.result = Fail
	}
	return v
}

// judgeIntruder wants a request without the right token to be refused.
func judgeIntruder(t *trial, _ *request, a *reply) verdict {
	switch {
	case a.err != nil:
		return t.lost(a)
	case a.status == 401 || a.status == 403:
		return verdict{result: OK, detail: fmt.Sprintf("answered %d", a.status)}
	case a.acked():
		return verdict{result: Fail, detail: t.answered(a, ""), why: t.why, hint: t.hint}
	default:
		return verdict{
			result: Fail, detail: t.answered(a, ""),
			why: "the sidecar would not say that the token is wrong", hint: "answer 401",
		}
	}
}

// judgeStranger is for what the sidecar does not send today: an application may take it, and better refuses.
func judgeStranger(t *trial, _ *request, a *reply) verdict {
	switch {
	case a.err != nil:
		return t.dropped(a, "it looks like a crash")
	case a.acked():
		return verdict{result: Note, detail: t.answered(a, ""), why: t.why, hint: t.hint}
	default:
		return verdict{result: OK, detail: fmt.Sprintf("answered %d", a.status)}
	}
}

// dropped is lost, and a note only when the application closed the connection on something that is no batch.
func (t *trial) dropped(a *reply, why string) verdict {
	v := t.lost(a)
	if !a.gone() && !a.timedOut() {
		v.result, v.why, v.hint = Note, why, t.hint
	}
	return v
}

// answered begins a verdict; said is what the application answered, as pkg/deliver shows it.
func (t *trial) answered(a *reply, said string) string {
	words := ""
	if text, ok := strings.CutPrefix(said, ": "); ok {
		words = fmt.Sprintf(" (%s)", strings.TrimSpace(text))
	}
	return fmt.Sprintf("answered %d%s to %s", a.status, words, t.sent)
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, separator string) (before, after string) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i+len(separator):]
}

// tooEarly is an answer, or the end of the connection, before the whole request was sent.
func (t *trial) tooEarly(a *reply) verdict {
	v := verdict{
		result: Fail, detail: fmt.Sprintf("answered %d before the whole request was sent (%s)", a.status, t.sent),
		why:  "such an answer is usually lost",
		hint: t.hint + "; read the whole body, then answer",
	}
	if a.acked() {
		v.why += ", and what was not read can't be acknowledged"
	}
	return v
}

// lost is a request without a whole answer.
func (t *trial) lost(a *reply) verdict {
	v := verdict{result: Fail, why: t.why, hint: t.hint}
	switch {
	case a.gone():
		v.detail = "the app can't be reached: " + a.err.Error()
		v.why, v.hint = "", "start the app, or correct --url"
		if a.before {
			v.hint = "it was there before and may have died of what it was sent last: look at its log"
		}
	case a.timedOut():
		v.detail = fmt.Sprintf("no whole answer within %s to %s", a.within, t.sent)
		v.why = "the sidecar would send the batch again while the app may still be at it"
		v.hint = "answer in time, or raise --timeout and app.timeout"
	case a.early:
		v.detail = fmt.Sprintf("closed the connection before the whole request was sent (%s)", t.sent)
		v.hint = t.hint + "; read the whole body before anything else"
	case errors.Is(a.err, errClosed):
		v.detail = "closed the connection without an answer to " + t.sent
	default:
		v.detail = fmt.Sprintf("%v (%s)", a.err, t.sent)
	}
	return v
}

// setupHint is what to do about a status that says: the set-up is wrong.
func setupHint(status int) string {
	switch status {
	case 401, 403:
		return "give the app's token with --token or --token-file"
	case 404, 410:
		return "correct the path of --url"
	case 405:
		return "take POST at this path, or correct --url"
	case 406, 415:
		return "take the Content-Type that --format sends, or correct --format"
	case 501:
		return "take version 1 of the protocol, or correct --url"
	default:
		return "answer 2xx to a batch; redirects are not followed"
	}
}
