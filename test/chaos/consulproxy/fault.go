package consulproxy

import (
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Kind is what a fault does to a request.
type Kind int

// Kinds of faults.
const (
	// Close closes the connection; Consul does not see the request.
	Close Kind = iota + 1
	// Delay holds the request for Fault.Delay and passes it on then.
	Delay
	// Hang never answers; Consul does not see the request. It ends, with the connection, when the client leaves or at Heal.
	Hang
	// Reset ends the connection with a TCP reset in the middle of Consul's answer.
	Reset
	// Lose closes the connection in place of Consul's answer: a write is applied and the client does not know.
	Lose
	// Swallow is Lose without an end of the connection: the client waits for its deadline.
	Swallow
	// Refuse answers with Fault.Status and Fault.Body; Consul does not see the request.
	Refuse
)

// Answers that Consul gives by itself.
var (
	TooManyRequests = Fault{
		Kind: Refuse, Status: http.StatusTooManyRequests,
		Body: "Your IP is issuing too many concurrent connections, please rate limit your calls\n",
	}
	NoLeader    = Fault{Kind: Refuse, Status: http.StatusInternalServerError, Body: "No cluster leader"}
	Unavailable = Fault{Kind: Refuse, Status: http.StatusServiceUnavailable, Body: "No cluster leader"}
	Denied      = Fault{Kind: Refuse, Status: http.StatusForbidden, Body: "Permission denied"}
)

// Fault is what happens to requests at a door until Heal or the next fault.
type Fault struct {
	Kind   Kind
	Writes bool          // meets only requests that write keys
	Times  int           // ends after as many requests; 0 = does not
	For    time.Duration // ends by itself after this time; 0 = does not
	Delay  time.Duration // of Delay
	Status int           // of Refuse
	Body   string        // of Refuse
}

// injected is a fault at a door.
type injected struct {
	Fault
	left  int           // requests, when Times is set
	until time.Time     // when For is set
	ended chan struct{} // closed when it is replaced or healed
}

// Inject sets the door's fault in place of the one before. A cut door stays cut.
func (d *Door) Inject(f Fault) {
	d.setFault(&injected{Fault: f, left: f.Times, until: time.Now().Add(f.For), ended: make(chan struct{})})
}

func (d *Door) setFault(f *injected) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fault != nil {
		close(d.fault.ended)
	}
	d.fault = f
}

// meet is the fault that a request meets; nil = none.
func (d *Door) meet(writes bool) *injected {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.fault
	switch {
	case f == nil, f.Writes && !writes, f.For > 0 && time.Now().After(f.until), f.Times > 0 && f.left == 0:
		return nil
	}
	f.left--
	d.hits++
	return f
}

// withholds says whether the answer of a request that reaches Consul does not reach the client.
func (f *injected) withholds() bool {
	return f != nil && (f.Kind == Reset || f.Kind == Lose || f.Kind == Swallow)
}

// before is done before the request is passed on; false = it is not.
func (f *injected) before(w http.ResponseWriter, r *http.Request) bool {
	if f == nil {
		return true
	}
	switch f.Kind {
	case Close:
		abort()
	case Delay:
		// The packets are under way: they arrive whether the client still waits or not.
		select {
		case <-time.After(f.Delay):
		case <-f.ended:
		}
	case Hang:
		f.hang(r)
	case Refuse:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(f.Status)
		_, _ = io.WriteString(w, f.Body) // the client may be gone
		return false
	}
	return true
}

// after hands the answer on, or not.
func (f *injected) after(w http.ResponseWriter, r *http.Request, a *answer) {
	if f.withholds() {
		switch f.Kind {
		case Reset:
			reset(w, a)
		case Swallow:
			f.hang(r)
		}
		abort()
	}
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client may be gone
}

func (f *injected) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-f.ended:
	}
	abort()
}

// reset sends half of the answer and then a TCP reset.
func reset(w http.ResponseWriter, a *answer) {
	maps.Copy(w.Header(), a.header)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body[:len(a.body)/2]) // the client may be gone
	controller := http.NewResponseController(w)
	_ = controller.Flush()
	conn, _, err := controller.Hijack()
	if err != nil {
		abort()
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
