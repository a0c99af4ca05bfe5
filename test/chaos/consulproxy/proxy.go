package consulproxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// forwardWithin is the deadline of one request to Consul. It is above any pause of a server that a test makes: a write
// that is given up has an unknown outcome.
const forwardWithin = 5 * time.Minute

// Proxy is the log and the doors. Make it with New. All methods may be called from any goroutine.
type Proxy struct {
	http *http.Client

	ctx    context.Context // ends what hangs when the proxy is closed
	cancel context.CancelFunc

	mu    sync.Mutex
	log   io.Writer
	err   error                      // the first one of the log
	known map[string]map[uint64]bool // versions in the log, by key and index
	last  map[string]oracle.Write    // the newest of each key
	seen  map[string]uint64          // the newest of each key that was logged with Seen
	doors []*Door
}

// New makes a proxy that appends one JSON line per changed key to log, each with one Write. It opens no door.
func New(log io.Writer) *Proxy {
	ctx, cancel := context.WithCancel(context.Background())
	return &Proxy{
		// A connection that is kept would be stale after a restart of Consul, and the client could not know.
		http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}},
		ctx:  ctx, cancel: cancel, log: log,
		known: map[string]map[uint64]bool{}, last: map[string]oracle.Write{}, seen: map[string]uint64{},
	}
}

// Inject sets a fault at every door that is open now.
func (p *Proxy) Inject(f Fault) {
	for _, d := range p.opened() {
		d.Inject(f)
	}
}

// Heal ends the faults of all doors. The error is that of a door that can't listen again.
func (p *Proxy) Heal() error {
	var failures []error
	for _, d := range p.opened() {
		failures = append(failures, d.Heal())
	}
	return errors.Join(failures...)
}

func (p *Proxy) opened() []*Door {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.doors
}

// Close closes all doors and waits for what is under way. The error is the first of writing the log.
func (p *Proxy) Close() error {
	p.cancel()
	for _, d := range p.opened() {
		d.close()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// record logs a write, unless its version is in the log already.
func (p *Proxy) record(w oracle.Write) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[w.Key][w.Index] || w.Seen && p.seen[w.Key] == w.Index {
		return
	}
	switch {
	case w.Seen:
		p.seen[w.Key] = w.Index
	case w.Index != 0:
		p.remember(w)
	}
	line, err := oracle.Line(w)
	if err == nil {
		_, err = p.log.Write(line)
	}
	if p.err == nil {
		p.err = err
	}
}

// remember is called with the lock held.
func (p *Proxy) remember(w oracle.Write) {
	if p.known[w.Key] == nil {
		p.known[w.Key] = map[uint64]bool{}
	}
	p.known[w.Key][w.Index] = true
	if w.Index > p.last[w.Key].Index {
		p.last[w.Key] = w
	}
}

func now() oracle.Nanos { return oracle.Nanos(time.Now().UnixNano()) }
