package consulproxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// Door is one listener of the proxy, for one client, so that faults can be aimed at it.
type Door struct {
	proxy *Proxy
	addr  string

	mu       sync.Mutex
	server   *http.Server // nil while cut
	served   chan struct{}
	closed   bool
	running  sync.WaitGroup // handlers
	upstream string
	writer   string
	fault    *injected // nil = none
	hits     int
	lost     int
}

// Open listens at addr ("127.0.0.1:port") and passes on to Consul at upstream. Writer is the name its writes have in the log.
func (p *Proxy) Open(addr, upstream, writer string) (*Door, error) {
	d := &Door{proxy: p, addr: addr, upstream: upstream, writer: writer}
	if err := d.Heal(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doors = append(p.doors, d)
	return d, nil
}

// Addr is where the client connects.
func (d *Door) Addr() string { return d.addr }

// SetUpstream makes later requests go to another server.
func (d *Door) SetUpstream(addr string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.upstream = addr
}

// SetWriter gives later writes another name in the log: that of the client's next life.
func (d *Door) SetWriter(writer string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writer = writer
}

// Hits is how many requests a fault has met.
func (d *Door) Hits() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.hits
}

// Lost is how many requests wrote something and had their answer withheld by a fault.
func (d *Door) Lost() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lost
}

// Cut closes all connections and refuses new ones, until Heal.
func (d *Door) Cut() {
	d.mu.Lock()
	server, served := d.server, d.served
	d.server = nil
	d.mu.Unlock()
	if server != nil {
		_ = server.Close() // an error of a listener that is being closed changes nothing
		<-served
	}
}

// Heal ends the fault and a cut. The error says that the address can't be listened at.
func (d *Door) Heal() error {
	d.setFault(nil)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil || d.closed {
		return nil
	}
	l, err := net.Listen("tcp", d.addr)
	if err != nil {
		return fmt.Errorf("open the door to Consul: %w", err)
	}
	server, served := &http.Server{Handler: d, ReadHeaderTimeout: time.Minute}, make(chan struct{})
	d.server, d.served = server, served
	go func() {
		_ = server.Serve(l) // until Cut or Close
		close(served)
	}()
	return nil
}

// close is for good; it waits for handlers.
func (d *Door) close() {
	d.setFault(nil)
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.Cut()
	d.running.Wait()
}

// enter says whether a request may be handled.
func (d *Door) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.running.Add(1)
	}
	return !d.closed
}

// abort closes the connection without an answer.
func abort() { panic(http.ErrAbortHandler) }

// ServeHTTP handles one request of the client.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !d.enter() {
		abort()
	}
	defer d.running.Done()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		abort() // the client is gone
	}
	found, err := changes(r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	fault := d.meet(len(found) > 0)
	if !fault.before(w, r) {
		return
	}
	a, err := d.carry(r, body, found)
	if err != nil {
		abort()
	}
	if fault.withholds() && len(found) > 0 && outcomeOf(r.URL.Path, a, nil) == applied {
		d.mu.Lock()
		d.lost++
		d.mu.Unlock()
	}
	fault.after(w, r, a)
}

// forwarded is one request to Consul with its answer and when it was.
type forwarded struct {
	request    *http.Request
	writer     string
	sent, done oracle.Nanos
	answer     *answer
	err        error
}

// carry forwards a request and records what it wrote. A read ends with its client; a write goes on without it.
func (d *Door) carry(r *http.Request, body []byte, found []change) (*answer, error) {
	if len(found) == 0 {
		return d.forward(r, body)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), forwardWithin)
	defer cancel()
	stop := context.AfterFunc(d.proxy.ctx, cancel)
	defer stop()
	d.mu.Lock()
	f := &forwarded{request: r, writer: d.writer, sent: now()}
	d.mu.Unlock()
	f.answer, f.err = d.forward(r.WithContext(ctx), body)
	f.done = now()
	if !neverSent(f.err) {
		d.recordChanges(f, found)
	}
	return f.answer, f.err
}

// neverSent says whether an error of a request means that no connection was made.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// answer is a whole answer of Consul.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// forward sends the request with this body to Consul.
func (d *Door) forward(r *http.Request, body []byte) (*answer, error) {
	d.mu.Lock()
	upstream := d.upstream
	d.mu.Unlock()
	out, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+upstream+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding") // answers are read here
	resp, err := d.proxy.http.Do(out)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	return &answer{status: resp.StatusCode, header: resp.Header, body: read}, nil
}
