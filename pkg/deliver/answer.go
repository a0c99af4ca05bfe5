package deliver

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// MaxAnswer is the most bytes that the body of an answer may have.
const MaxAnswer = 1 << 20

const (
	maxRetryAfter = 5 * time.Minute // longest wait an answer's Retry-After can ask for
	maxShown      = 200             // bytes of an answer that are shown to people
	// maxRecordWait bounds retryAfterMs, so that no number overflows a timer.
	maxRecordWait = 24 * time.Hour
)

const advice = "answer with an empty body or JSON"

// answer is what came back for one request.
type answer struct {
	status     int
	retryAfter string // the header, "" = none
	body       []byte
	tooLarge   bool // the body is above MaxAnswer; body does not hold it
}

// Classify says what a whole answer to b means. request names the request in the Detail, retryAfter is
// that header ("" = none). Of a body above MaxAnswer the first MaxAnswer+1 bytes are enough.
func Classify(b *record.Batch, request string, status int, retryAfter string, body []byte) record.Outcome {
	a := answer{status: status, retryAfter: retryAfter, body: body, tooLarge: len(body) > MaxAnswer}
	return a.outcome(b, request, time.Now())
}

// outcome is the answer table of protocol/README.md. request names the request for people, now is
// the time Retry-After's dates are compared with.
func (a answer) outcome(b *record.Batch, request string, now time.Time) record.Outcome {
	o := record.Outcome{Status: strconv.Itoa(a.status), Detail: fmt.Sprintf("%s answered %d", request, a.status)}
	switch s := a.status; {
	case s >= 200 && s <= 299:
		failures, err := a.failures(b)
		if err != nil {
			o.Kind = record.Setup
			o.Detail += a.complaint(err)
			return o
		}
		o.Kind, o.Failures, o.Detail = record.Acked, failures, ""
	case s == 429 || s == 503:
		o.Kind = record.Busy
		o.RetryAfter = parseRetryAfter(a.retryAfter, now)
	case s == 400 || s == 413 || s == 422:
		o.Kind = record.Refused
		o.Detail += a.words()
	case s == 401 || s == 403 || s == 404 || s == 405 || s == 406 || s == 410 || s == 415 || s == 501,
		s >= 100 && s <= 199, s >= 300 && s <= 399:
		o.Kind = record.Setup
	default:
		o.Kind = record.Failed
		o.Detail += a.words()
	}
	return o
}

// failures reads the body of a 2xx. An error means that the body is not one the protocol knows.
func (a answer) failures(b *record.Batch) ([]record.Failure, error) {
	if a.tooLarge {
		return nil, errors.New("the body is above 1 MiB")
	}
	if len(bytes.TrimSpace(a.body)) == 0 {
		return nil, nil
	}
	return parseFailures(a.body, b)
}

// complaint is what Detail says of a 2xx whose body the protocol does not know.
func (a answer) complaint(err error) string {
	if a.tooLarge {
		return fmt.Sprintf(", but %v; %s", err, advice)
	}
	return fmt.Sprintf(", but %v: %s; %s", err, show(a.body), advice)
}

// words is what the app says itself of an answer that is no ack; "" = nothing.
func (a answer) words() string {
	if a.tooLarge || len(bytes.TrimSpace(a.body)) == 0 {
		return ""
	}
	return ": " + show(a.body)
}

// show is the first 200 bytes of an answer in one line.
func show(body []byte) string {
	text := strings.ToValidUTF8(string(body[:min(len(body), maxShown)]), "?")
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}

// parseRetryAfter reads seconds or an HTTP date. 0 = the back-off decides: there is no header, it can't
// be read, or its time is over.
func parseRetryAfter(v string, now time.Time) time.Duration {
	v = strings.TrimSpace(v)
	if v == "" {
		return 0
	}
	if strings.Trim(v, "0123456789") == "" {
		seconds, err := strconv.Atoi(v)
		if err != nil || seconds > int(maxRetryAfter/time.Second) { // err: too many digits
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// parseFailures reads {"failures":[…]} strictly: an app that means something else than what is
// understood must not be taken at its word, for an ack can't be taken back.
func parseFailures(body []byte, b *record.Batch) ([]record.Failure, error) {
	if !utf8.Valid(body) || !json.Valid(body) {
		return nil, errors.New("the body is not JSON")
	}
	var list json.RawMessage
	err := eachField(body, func(name string, value json.RawMessage) error {
		switch {
		case name == "failures":
			list = value
		case strings.EqualFold(name, "failures"):
			return fmt.Errorf("the field %q must be written \"failures\"", name)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var entries []json.RawMessage
	if list != nil && json.Unmarshal(list, &entries) != nil {
		return nil, errors.New(`"failures" is not a list`)
	}
	if len(entries) == 0 {
		return nil, nil
	}
	failures := make([]record.Failure, 0, len(entries))
	for i, entry := range entries {
		f, err := parseFailure(entry)
		if err == nil {
			err = named(f, b)
		}
		if err != nil {
			return nil, fmt.Errorf("failures[%d]: %w", i, err)
		}
		failures = append(failures, f)
	}
	slices.SortFunc(failures, func(x, y record.Failure) int {
		return cmp.Or(x.Compare(y.TopicPartition), cmp.Compare(x.Offset, y.Offset))
	})
	for i := 1; i < len(failures); i++ {
		x, y := failures[i-1], failures[i]
		if x.TopicPartition == y.TopicPartition && x.Offset == y.Offset {
			return nil, fmt.Errorf("failures name the record %s at offset %d twice", x.TopicPartition, x.Offset)
		}
	}
	return failures, nil
}

// parseFailure reads one entry. Fields that are not known are ignored, null is as good as absent.
func parseFailure(entry json.RawMessage) (record.Failure, error) {
	var f record.Failure
	missing := map[string]bool{"topic": true, "partition": true, "offset": true, "action": true}
	err := eachField(entry, func(name string, value json.RawMessage) error {
		if string(value) == "null" {
			return nil
		}
		delete(missing, name)
		var err error
		switch name {
		case "topic":
			err = json.Unmarshal(value, &f.Topic)
		case "partition":
			err = json.Unmarshal(value, &f.Partition)
		case "offset":
			err = json.Unmarshal(value, &f.Offset)
		case "reason":
			err = json.Unmarshal(value, &f.Reason)
		case "action":
			f.Action, err = parseAction(value)
		case "retryAfterMs":
			f.RetryAfter, err = parseMillis(value)
		}
		if err != nil {
			return fmt.Errorf("%q is not valid", name)
		}
		return nil
	})
	if err != nil {
		return f, err
	}
	for _, name := range []string{"topic", "partition", "offset", "action"} {
		if missing[name] {
			return f, fmt.Errorf("%q is missing", name)
		}
	}
	if f.Action == record.Reject {
		f.RetryAfter = 0
	}
	return f, nil
}

func parseAction(value json.RawMessage) (record.Action, error) {
	var action string
	if err := json.Unmarshal(value, &action); err != nil {
		return 0, err
	}
	switch action {
	case "retry":
		return record.Retry, nil
	case "reject":
		return record.Reject, nil
	}
	return 0, errors.New("unknown action")
}

func parseMillis(value json.RawMessage) (time.Duration, error) {
	var ms float64
	if err := json.Unmarshal(value, &ms); err != nil {
		return 0, err
	}
	if ms < 0 {
		return 0, errors.New("negative")
	}
	return min(time.Duration(math.Min(ms, float64(maxRecordWait/time.Millisecond))*float64(time.Millisecond)), maxRecordWait), nil
}

// named checks that f is about a record that the batch holds.
func named(f record.Failure, b *record.Batch) error {
	for i := range b.Parts {
		p := &b.Parts[i]
		if p.TopicPartition != f.TopicPartition {
			continue
		}
		_, found := slices.BinarySearchFunc(p.Records, f.Offset, func(r record.Record, offset int64) int {
			return cmp.Compare(r.Offset, offset)
		})
		if found {
			return nil
		}
		return fmt.Errorf("offset %d of %s is not in the batch", f.Offset, f.TopicPartition)
	}
	return fmt.Errorf("%s is not in the batch", f.TopicPartition)
}

// eachField calls do for every field of a JSON object in valid JSON. Names are taken exactly: encoding/json
// would accept another case and the last of two fields of one name.
func eachField(object []byte, do func(name string, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(object))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.New("it is not a JSON object")
	}
	seen := map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return fmt.Errorf("read field: %w", cmp.Or(err, io.ErrUnexpectedEOF))
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("read field: %w", err)
		}
		if seen[name] {
			return fmt.Errorf("the field %q stands there twice", name)
		}
		seen[name] = true
		if err := do(name, value); err != nil {
			return err
		}
	}
	return nil
}
