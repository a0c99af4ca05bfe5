package app

import (
	"encoding/json"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// ok is the line of an answer that acknowledges what it does not list.
var ok = oracle.AppLine{Status: http.StatusOK}

// handle answers as the behaviour says.
func (x *exchange) handle() {
	b := x.behaviour
	switch b.Kind {
	case Slow:
		time.Sleep(b.Delay) // the work
		x.answer(ok, "")
	case Hang:
		select {
		case <-x.request.Context().Done():
		case <-x.changed:
		}
		x.answer(oracle.AppLine{}, "")
	case Status:
		if b.RetryAfter != "" {
			x.Header().Set("Retry-After", b.RetryAfter)
		}
		x.answer(oracle.AppLine{Status: b.Status}, "")
	case Trickle:
		x.trickle(b.Delay)
	case CloseAfterHeaders:
		x.Header().Set("Content-Length", "15")
		x.answer(oracle.AppLine{Status: http.StatusOK, Broken: "cut"}, "")
		_ = http.NewResponseController(x.ResponseWriter).Flush() // the sidecar may be gone
		abort()
	case Huge:
		x.answer(oracle.AppLine{Status: http.StatusOK, Broken: "huge"}, `{"failures":[]}`+strings.Repeat(" ", 2<<20))
	case Garbage:
		x.answer(oracle.AppLine{Status: http.StatusOK, Broken: "garbage"}, "<html>OK</html>")
	case WrongOffset:
		p := x.batch.parts[0]
		x.fail([]oracle.Failure{{Topic: p.Topic, Partition: p.Partition, Offset: p.Until, Action: "retry"}}, 0)
	case Die:
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // a process may always kill itself
		select {}
	case Reject:
		x.fail(x.rejects(b.OneIn), 0)
	case Retry:
		x.fail(x.retries(b.OneIn), b.Delay)
	default:
		x.answer(ok, "")
	}
}

// trickle writes an acknowledgement byte by byte.
func (x *exchange) trickle(within time.Duration) {
	const body = `{"failures":[]}`
	controller := http.NewResponseController(x.ResponseWriter)
	x.Header().Set("Content-Length", strconv.Itoa(len(body)))
	x.answer(ok, "")
	for i := range len(body) {
		time.Sleep(within / time.Duration(len(body)))
		_, _ = x.Write([]byte{body[i]}) // the sidecar may be gone
		_ = controller.Flush()
	}
}

// rejects are the picked records.
func (x *exchange) rejects(oneIn uint64) []oracle.Failure {
	var failures []oracle.Failure
	for _, p := range x.batch.parts {
		for i, d := range p.Digests {
			if picked(d, oneIn) {
				failures = append(failures, oracle.Failure{Topic: p.Topic, Partition: p.Partition, Offset: p.Offsets[i], Action: "reject"})
			}
		}
	}
	return failures
}

// retries are the first picked records of each partition that were not retried before.
func (x *exchange) retries(oneIn uint64) []oracle.Failure {
	x.mu.Lock()
	defer x.mu.Unlock()
	var failures []oracle.Failure
	for _, p := range x.batch.parts {
		for i, d := range p.Digests {
			if picked(d, oneIn) && !x.retried[d] {
				x.retried[d] = true
				failures = append(failures, oracle.Failure{Topic: p.Topic, Partition: p.Partition, Offset: p.Offsets[i], Action: "retry"})
				break
			}
		}
	}
	return failures
}

// fail acknowledges all but the failures.
func (x *exchange) fail(failures []oracle.Failure, after time.Duration) {
	type entry struct {
		Topic        string `json:"topic"`
		Partition    int32  `json:"partition"`
		Offset       int64  `json:"offset"`
		Action       string `json:"action"`
		Reason       string `json:"reason"`
		RetryAfterMs int64  `json:"retryAfterMs,omitempty"`
	}
	entries := make([]entry, len(failures))
	for i, f := range failures {
		entries[i] = entry{f.Topic, f.Partition, f.Offset, f.Action, "picked by its content", 0}
		if f.Action == "retry" {
			entries[i].RetryAfterMs = after.Milliseconds()
		}
	}
	body, err := json.Marshal(map[string]any{"failures": entries})
	if err != nil {
		die("encode failures: %v", err)
	}
	x.Header().Set("Content-Type", "application/json")
	x.answer(oracle.AppLine{Status: http.StatusOK, Failures: failures}, string(body))
}
