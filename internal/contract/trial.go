package contract

import (
	"fmt"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// trial is one line of the report: requests, and how their answers are judged.
type trial struct {
	name     string
	sent     string // completes "answered 500 to …"
	want     string // what must come back
	why      string // what a failure leads to
	hint     string // what to do about it
	unseen   string // what did not show when no record was named
	judge    func(t *trial, r *request, a *reply) verdict
	requests []request
}

// request is one request as it goes over the wire.
type request struct {
	name  string        // tells the requests of a trial apart; "" = there is no need to
	batch *record.Batch // what the answer is about; a malformed request has the batch it was made from
	head  []byte        // request line and headers
	body  []byte
	slow  bool // in pieces, with a look for an answer that comes too early between them
	again bool // on the connection of the request before it, if that is still there
}

// verdict is what one answer came to.
type verdict struct {
	result    Result
	detail    string
	why, hint string
	rejected  int // records named in failures
}

// records is how many records the trial sends.
func (t *trial) records() int {
	n := 0
	for _, r := range t.requests {
		n += r.batch.Len()
	}
	return n
}

// finding makes one of the verdicts: the first of the worst speaks, the others are counted.
func (t *trial) finding(verdicts []verdict) Finding {
	worst, alike := 0, 0
	rejected := 0
	for i, v := range verdicts {
		rejected += v.rejected
		switch rank(v.result) - rank(verdicts[worst].result) {
		case 0:
			alike++
		case 1, 2:
			worst, alike = i, 1
		}
	}
	v := verdicts[worst]
	f := Finding{
		Name: t.name, Result: v.result, Sent: t.sent, Expected: t.want,
		Detail: v.detail, Why: v.why, Hint: v.hint, Rejected: rejected,
	}
	if name := t.requests[worst].name; name != "" && v.result != OK {
		f.Detail = fmt.Sprintf("%q: %s", name, v.detail)
		if alike > 1 {
			f.Detail += fmt.Sprintf(" (also %s)", t.others(verdicts, worst))
		}
	}
	if v.result == OK && len(verdicts) > 1 {
		f.Detail += fmt.Sprintf(" (%d requests)", len(verdicts))
	}
	if v.result == OK && rejected == 0 && t.unseen != "" {
		f.Detail += "; " + t.unseen
	}
	if v.result == OK && rejected > 0 {
		f.Detail += fmt.Sprintf(", with %d of %s named in failures", rejected, plural(t.records(), "record"))
	}
	return f
}

// maxOthers is how many other requests of a trial are named.
const maxOthers = 5

// others names the requests that ended as badly as the one that speaks.
func (t *trial) others(verdicts []verdict, worst int) string {
	var names []string
	more := 0
	for i, v := range verdicts {
		switch {
		case i == worst || v.result != verdicts[worst].result:
		case len(names) < maxOthers:
			names = append(names, fmt.Sprintf("%q", t.requests[i].name))
		default:
			more++
		}
	}
	if more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

func rank(r Result) int { return map[Result]int{OK: 0, Note: 1, Fail: 2}[r] }
