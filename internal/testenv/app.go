package testenv

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"
)

// AppRecord is one record of a batch, with key and value decoded; nil is null.
type AppRecord struct {
	Offset     int64
	Timestamp  int64
	Key, Value []byte
	Headers    []AppHeader
}

// AppHeader is one header; a nil Value is null.
type AppHeader struct {
	Name  string
	Value []byte
}

// AppPart is one partition's share of a batch.
type AppPart struct {
	Topic       string
	Partition   int32
	FromOffset  int64
	UntilOffset int64
	Fence       int64
	Records     []AppRecord
}

// AppBatch is a request as the app received it.
type AppBatch struct {
	Path    string
	Header  http.Header
	ID      string
	Group   string
	Attempt int
	Parts   []AppPart
	Body    []byte
}

// Answer is what the app answers; the zero value is 200 with an empty body.
type Answer struct {
	Status int // 0 = 200
	Header map[string]string
	Body   string
}

// AppFailure is one entry of the answer's failures.
type AppFailure struct {
	Topic        string `json:"topic"`
	Partition    int32  `json:"partition"`
	Offset       int64  `json:"offset"`
	Action       string `json:"action"` // retry | reject
	Reason       string `json:"reason,omitempty"`
	RetryAfterMs int64  `json:"retryAfterMs,omitempty"`
}

// Failures is a 200 that lists failures.
func Failures(failures ...AppFailure) Answer {
	body, err := json.Marshal(map[string]any{"failures": failures})
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return Answer{Body: string(body)}
}

// Delivery is one request and how it was answered: the app's log.
type Delivery struct {
	Batch  AppBatch
	Answer Answer
	Start  time.Time // the whole request was read
	End    time.Time // the answer was about to be written; zero while the request is handled
}

// AppServer is an HTTP application in the test process that records every batch it is sent.
type AppServer struct {
	t    testing.TB
	addr string

	mu         sync.Mutex
	server     *httptest.Server // nil while stopped
	answer     func(AppBatch) Answer
	deliveries []*Delivery
}

// App starts an application that acknowledges everything.
func App(t testing.TB) *AppServer {
	t.Helper()
	a := StoppedApp(t)
	a.Start()
	return a
}

// StoppedApp reserves the address of an application that is not there yet.
func StoppedApp(t testing.TB) *AppServer {
	t.Helper()
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	a := &AppServer{t: t, addr: loopback(ports[0]), answer: func(AppBatch) Answer { return Answer{} }}
	t.Cleanup(a.Stop)
	return a
}

// Start makes the application listen, on the same port after a Stop.
func (a *AppServer) Start() {
	a.t.Helper()
	l, err := net.Listen("tcp", a.addr)
	if err != nil {
		a.t.Fatalf("start the app: %v", err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: a}}
	s.Start()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.server = s
}

// Stop closes every connection and ends the application; nothing happens when it does not run. It
// waits for answer functions that still run.
func (a *AppServer) Stop() {
	a.mu.Lock()
	s := a.server
	a.server = nil
	a.mu.Unlock()
	if s == nil {
		return
	}
	s.CloseClientConnections()
	s.Close()
}

// Addr is "127.0.0.1:port".
func (a *AppServer) Addr() string { return a.addr }

// URL is the app.url for the sidecar.
func (a *AppServer) URL() string { return "http://" + a.addr + "/batches" }

// SetAnswer makes fn decide about every following batch. It may be called concurrently, and it may block.
func (a *AppServer) SetAnswer(fn func(AppBatch) Answer) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answer = fn
}

// Deliveries is the log so far, in the order the requests arrived.
func (a *AppServer) Deliveries() []Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	log := make([]Delivery, len(a.deliveries))
	for i, d := range a.deliveries {
		log[i] = *d
	}
	return log
}

// ServeHTTP records and answers one request. GET is 200, so that the app can be its own ready_url.
func (a *AppServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return
	}
	batch, err := readBatch(r)
	if errors.Is(err, errCut) {
		return // the sidecar was killed or cut its request while it wrote: nothing was delivered
	}
	if err != nil {
		a.t.Errorf("the app received a malformed request: %v", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	d := &Delivery{Batch: batch, Start: time.Now()}
	a.mu.Lock()
	a.deliveries = append(a.deliveries, d)
	decide := a.answer
	a.mu.Unlock()

	answer := decide(batch)

	a.mu.Lock()
	d.Answer, d.End = answer, time.Now()
	a.mu.Unlock()
	for name, value := range answer.Header {
		w.Header().Set(name, value)
	}
	if answer.Status != 0 {
		w.WriteHeader(answer.Status)
	}
	_, _ = io.WriteString(w, answer.Body) // the sidecar may be gone
}

// Acked lists the records this delivery acknowledged, in body order.
func (d *Delivery) Acked() []Produced {
	if d.End.IsZero() || d.Answer.Status != 0 && (d.Answer.Status < 200 || d.Answer.Status > 299) {
		return nil
	}
	var answer struct{ Failures []AppFailure }
	if d.Answer.Body != "" && json.Unmarshal([]byte(d.Answer.Body), &answer) != nil {
		return nil
	}
	var acked []Produced
	for _, p := range d.Batch.Parts {
		for _, r := range p.Records {
			if !slices.ContainsFunc(answer.Failures, func(f AppFailure) bool { return f.covers(p, r) }) {
				acked = append(acked, p.produced(r))
			}
		}
	}
	return acked
}

// covers says whether the failure keeps the record from being acknowledged.
func (f AppFailure) covers(p AppPart, r AppRecord) bool {
	if f.Topic != p.Topic || f.Partition != p.Partition {
		return false
	}
	return f.Offset == r.Offset || f.Action == "retry" && f.Offset < r.Offset
}

func (p *AppPart) produced(r AppRecord) Produced {
	return Produced{Topic: p.Topic, Partition: p.Partition, Offset: r.Offset, Key: string(r.Key), Value: string(r.Value)}
}

// wireBatch is the body of protocol version 1.
type wireBatch struct {
	Batch      string
	Group      string
	Attempt    int
	Partitions []struct {
		Topic                          string
		Partition                      int32
		FromOffset, UntilOffset, Fence int64
		Records                        []wireRecord
	}
}

type wireRecord struct {
	Offset, Timestamp int64
	Key               *string
	KeyBase64         *string
	Value             *json.RawMessage
	ValueBase64       *string
	Headers           []struct {
		Name, NameBase64   *string
		Value, ValueBase64 *string
	}
}

// errCut: the connection ended within the body.
var errCut = errors.New("the request was cut")

// readBatch decodes a delivery.
func readBatch(r *http.Request) (AppBatch, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return AppBatch{}, fmt.Errorf("%w: %w", errCut, err)
	}
	var wire wireBatch
	if err := json.Unmarshal(body, &wire); err != nil {
		return AppBatch{}, fmt.Errorf("decode body: %w", err)
	}
	b := AppBatch{Path: r.URL.Path, Header: r.Header, ID: wire.Batch, Group: wire.Group, Attempt: wire.Attempt, Body: body}
	for _, p := range wire.Partitions {
		part := AppPart{Topic: p.Topic, Partition: p.Partition, FromOffset: p.FromOffset, UntilOffset: p.UntilOffset, Fence: p.Fence}
		for i := range p.Records {
			rec, err := p.Records[i].decode()
			if err != nil {
				return b, fmt.Errorf("record %s/%d offset %d: %w", p.Topic, p.Partition, p.Records[i].Offset, err)
			}
			part.Records = append(part.Records, rec)
		}
		b.Parts = append(b.Parts, part)
	}
	return b, nil
}

func (w *wireRecord) decode() (AppRecord, error) {
	rec := AppRecord{Offset: w.Offset, Timestamp: w.Timestamp}
	var err error
	if rec.Key, err = bytesOf(w.Key, w.KeyBase64); err != nil {
		return rec, err
	}
	if rec.Value, err = w.value(); err != nil {
		return rec, err
	}
	for _, h := range w.Headers {
		name, err := bytesOf(h.Name, h.NameBase64)
		if err != nil {
			return rec, err
		}
		value, err := bytesOf(h.Value, h.ValueBase64)
		if err != nil {
			return rec, err
		}
		rec.Headers = append(rec.Headers, AppHeader{Name: string(name), Value: value})
	}
	return rec, nil
}

// value takes a string's content, and any other embedded JSON as its bytes.
func (w *wireRecord) value() ([]byte, error) {
	if w.Value == nil {
		return bytesOf(nil, w.ValueBase64)
	}
	raw := *w.Value
	if len(raw) == 0 || raw[0] != '"' {
		return raw, nil
	}
	var text string
	err := json.Unmarshal(raw, &text)
	return []byte(text), err
}

// bytesOf takes the one of both that is set; none is null.
func bytesOf(text, encoded *string) ([]byte, error) {
	switch {
	case text != nil:
		return []byte(*text), nil
	case encoded != nil:
		return base64.StdEncoding.DecodeString(*encoded)
	}
	return nil, nil
}
