// An app that keeps the total of every customer's orders, without a client library: it takes batches of records from
// Kafka Sidecar with the standard library alone.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
	"unicode/utf8"
)

// Batch is the body of a request, as far as this app looks at it. Fields it does not know are ignored.
type Batch struct {
	Partitions []struct {
		Topic     string
		Partition int32
		Records   []Record
	}
}

// Record has bytes that are UTF-8 as a string, and other bytes in the field with Base64 in its name (encoding/json
// decodes a []byte from base64).
type Record struct {
	Offset      int64
	Key         *string
	KeyBase64   []byte
	Value       json.RawMessage // a string; null; with batch.value: json the value itself
	ValueBase64 []byte
	Headers     []struct{ Name, Value *string } // only text matters to this app
}

// Failure names a record that is not acknowledged. With the action "retry" it would come again, and all after it.
type Failure struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Action    string `json:"action"`
	Reason    string `json:"reason"`
}

// bytes is the value; nil is a tombstone. embedded says that a string in the body is JSON of its own, not text.
func (r *Record) bytes(embedded bool) ([]byte, error) {
	switch {
	case r.ValueBase64 != nil:
		return r.ValueBase64, nil
	case string(r.Value) == "null":
		return nil, nil
	case len(r.Value) == 0:
		return nil, fmt.Errorf("the record at offset %d has no value", r.Offset)
	case r.Value[0] != '"' || embedded:
		return r.Value, nil
	}
	var text string
	err := json.Unmarshal(r.Value, &text)
	return []byte(text), err
}

// Order is the value of a record.
type Order struct {
	Customer string
	Cents    *int64
	tags     []string // headers may repeat: every "tag" counts
}

// parse makes an order of a record. Its errors are about the record alone: the same record fails again, always.
func parse(r *Record, value []byte) (Order, error) {
	var o Order
	if !utf8.Valid(value) {
		return o, errors.New("the value is not UTF-8")
	}
	if json.Unmarshal(value, &o) != nil || o.Customer == "" || o.Cents == nil {
		return o, errors.New(`the value is not {"customer": text, "cents": whole number}`)
	}
	for _, h := range r.Headers {
		if h.Name != nil && *h.Name == "tag" && h.Value != nil {
			o.tags = append(o.tags, *h.Value)
		}
	}
	return o, nil
}

// App keeps the orders by their key, so that a record that comes twice changes nothing. It keeps them in memory, to
// fit on a page; yours belong in a database.
type App struct {
	work time.Duration // how long each batch takes, to see what happens when it is long

	mu     sync.Mutex
	orders map[string]Order
	busy   map[string]bool // topic/partition of batches that are being handled
}

// take marks the partitions of a batch as busy, or none of them if one is.
func (a *App) take(b *Batch) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range b.Partitions {
		if a.busy[fmt.Sprint(p.Topic, "/", p.Partition)] {
			return false
		}
	}
	for _, p := range b.Partitions {
		a.busy[fmt.Sprint(p.Topic, "/", p.Partition)] = true
	}
	return true
}

func (a *App) release(b *Batch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range b.Partitions {
		delete(a.busy, fmt.Sprint(p.Topic, "/", p.Partition))
	}
}

// receive answers one batch: 200 acknowledges what it does not name.
func (a *App) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // all of it, before anything is answered
	if err != nil {
		// The sidecar has gone and will send the batch again. To return without an answer would be a 200.
		http.Error(w, "the body ended early", http.StatusInternalServerError)
		return
	}
	if v := r.Header.Get("Sidecar-Protocol"); v != "1" {
		http.Error(w, fmt.Sprintf("this app speaks Sidecar-Protocol 1, not %q", v), http.StatusNotImplemented)
		return
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		http.Error(w, "this app reads batch.format: json", http.StatusUnsupportedMediaType)
		return
	}
	var b Batch
	if err := json.Unmarshal(body, &b); err != nil || !utf8.Valid(body) || len(b.Partitions) == 0 {
		// Not 400: that would blame the records.
		http.Error(w, "the body is not a batch in JSON", http.StatusInternalServerError)
		return
	}
	if !a.take(&b) {
		w.Header().Set("Retry-After", "1")
		http.Error(w, "an earlier batch of this partition is still being handled", http.StatusServiceUnavailable)
		return
	}
	defer a.release(&b)
	failures, err := a.handle(&b, r.Header.Get("Sidecar-Value") == "json")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"failures": failures}) // fails when the sidecar has gone
}

// handle stores the orders and returns the records that are none.
func (a *App) handle(b *Batch, embedded bool) ([]Failure, error) {
	time.Sleep(a.work)
	failures := []Failure{}
	for _, p := range b.Partitions {
		for _, r := range p.Records {
			value, err := r.bytes(embedded)
			if err != nil {
				return nil, err
			}
			if err := a.apply(&r, value); err != nil {
				failures = append(failures, Failure{p.Topic, p.Partition, r.Offset, "reject", err.Error()})
			}
		}
		log.Printf("%s/%d: %d records", p.Topic, p.Partition, len(p.Records))
	}
	return failures, nil
}

// apply stores, changes or deletes one order.
func (a *App) apply(r *Record, value []byte) error {
	id := string(r.KeyBase64)
	if r.Key != nil {
		id = *r.Key
	} else if r.KeyBase64 == nil {
		return errors.New("the record has no key, so it is not known which order it is")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if value == nil { // a tombstone: the order is cancelled
		delete(a.orders, id)
		return nil
	}
	order, err := parse(r, value)
	if err != nil {
		return err
	}
	a.orders[id] = order
	return nil
}

// show answers with the totals of the orders that stand.
func (a *App) show(w http.ResponseWriter, _ *http.Request) {
	customers, tags := map[string]int64{}, map[string]int{}
	a.mu.Lock()
	for _, o := range a.orders {
		customers[o.Customer] += *o.Cents
		for _, tag := range o.tags {
			tags[tag]++
		}
	}
	a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"customers": customers, "tags": tags})
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func main() {
	work, err := time.ParseDuration(env("WORK_SECONDS", "0") + "s")
	if err != nil {
		log.Fatalf("WORK_SECONDS is %q: a number is needed", os.Getenv("WORK_SECONDS"))
	}
	app := &App{work: work, orders: map[string]Order{}, busy: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /batches", app.receive)
	mux.HandleFunc("GET /totals", app.show)
	mux.HandleFunc("GET /{$}", func(http.ResponseWriter, *http.Request) {}) // 200: ready
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", env("PORT", "8080")))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on http://%s", listener.Addr())

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	failed := make(chan error, 1)
	server := &http.Server{Handler: mux}
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		log.Fatal(err)
	case <-stop:
	}
	if err := server.Shutdown(context.Background()); err != nil { // answers the requests in progress
		log.Fatal(err)
	}
}
