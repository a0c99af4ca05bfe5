package app

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// server is the app inside of its process.
type server struct {
	journal *journal

	mu        sync.Mutex
	behaviour Behaviour
	left      int           // requests, when behaviour.Times is set
	changed   chan struct{} // closed when the behaviour is replaced
	asked     int
	busy      map[oracle.Place]bool  // partitions that are worked on
	retried   map[oracle.Digest]bool // by Retry
}

func newServer(j *journal, b Behaviour) *server {
	s := &server{journal: j, busy: map[oracle.Place]bool{}, retried: map[oracle.Digest]bool{}, changed: make(chan struct{})}
	s.behave(b)
	return s
}

// behave replaces the behaviour.
func (s *server) behave(b Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.behaviour, s.left, s.changed = b, b.Times, make(chan struct{})
}

// control takes a Behaviour by PUT.
func (s *server) control(w http.ResponseWriter, r *http.Request) {
	var b Behaviour
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.behave(b)
}

// exchange is one request and how it is to be answered.
type exchange struct {
	*server
	http.ResponseWriter
	request   *http.Request
	n         int
	batch     *batch
	behaviour Behaviour
	changed   <-chan struct{}
}

// ServeHTTP handles one batch. GET is 200, so that the app can be its own ready_url.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		abort() // the sidecar is gone: nothing was delivered
	}
	b, err := readBatch(r.Header, body)
	if err != nil {
		die("the sidecar sent a request that can't be read: %v", err)
	}
	x, free := s.begin(w, r, b)
	gone := x.watchConnection()
	defer gone()
	if !free {
		x.Header().Set("Retry-After", "1")
		x.answer(oracle.AppLine{Status: http.StatusServiceUnavailable}, "")
		return
	}
	defer s.finish(b)
	x.handle()
}

// begin logs the request and says whether none of its partitions is worked on.
func (s *server) begin(w http.ResponseWriter, r *http.Request, b *batch) (x *exchange, free bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	x = &exchange{server: s, ResponseWriter: w, request: r, n: s.asked, batch: b}
	s.journal.write(oracle.AppLine{What: oracle.Ask, N: x.n, Batch: b.id, Attempt: b.attempt, Parts: b.parts, Size: b.size})
	for _, place := range b.places() {
		if s.busy[place] {
			return x, false
		}
	}
	for _, place := range b.places() {
		s.busy[place] = true
	}
	x.changed = s.changed
	if s.behaviour.Times == 0 || s.left > 0 {
		x.behaviour = s.behaviour
		s.left--
	}
	return x, true
}

func (s *server) finish(b *batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, place := range b.places() {
		delete(s.busy, place)
	}
}

// watchConnection logs when the sidecar closes the connection before it is answered. The function it returns ends the watch.
func (x *exchange) watchConnection() (end func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-x.request.Context().Done():
			x.journal.write(oracle.AppLine{What: oracle.Gone, N: x.n})
		case <-done:
		}
	}()
	return func() { close(done); <-ended }
}

// answer logs an answer and begins it. The body follows at once but for the kinds that write it themselves.
func (x *exchange) answer(line oracle.AppLine, body string) {
	line.What, line.N = oracle.Answer, x.n
	x.journal.write(line)
	if line.Status == 0 {
		abort()
	}
	x.WriteHeader(line.Status)
	_, _ = io.WriteString(x, body) // the sidecar may be gone
}

// abort closes the connection.
func abort() { panic(http.ErrAbortHandler) }
