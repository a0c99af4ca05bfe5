package contract

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const (
	maxHead    = 32 << 10 // bytes of an answer's headers; as pkg/deliver has it
	maxWire    = 8 << 20  // bytes of an answer's body as it is sent, framing included
	maxInterim = 10       // answers of 1xx that are passed by
	maxTries   = 4        // of a request that is answered with busy
	maxBusy    = 5 * time.Second
	// earlyAnswer is how long an answer is looked for after a request could not be written to its end.
	earlyAnswer = 100 * time.Millisecond
	redial      = 100 * time.Millisecond // between dials of an application that was there before
)

// transport sends requests. A connection is used for one request, unless the next one asks for it.
type transport struct {
	app     *deliver.App
	timeout time.Duration
	last    *connection // of the request before; nil = it can't carry another
	reached bool        // a connection came about once

	pause    time.Duration // between the pieces of a slow request
	patience time.Duration // how long an application that was there may take to come back
	busyWait time.Duration // between tries, when Retry-After does not say
	busyLeft time.Duration // what is left for waiting while it is busy
}

func newTransport(app *deliver.App, timeout time.Duration) transport {
	return transport{
		app: app, timeout: timeout,
		pause: 150 * time.Millisecond, patience: 5 * time.Second,
		busyWait: 500 * time.Millisecond, busyLeft: time.Minute,
	}
}

// reply is what came back for one request.
type reply struct {
	batch      *record.Batch // what it is about
	status     int
	retryAfter string
	body       []byte
	err        error         // no whole answer: a *dialError, errTimeout, errClosed, errCut or errNotHTTP
	within     time.Duration // the time-out it was given
	tries      int           // more than 1 after busy
	early      bool          // it came before the request was written to its end
	fresh      bool          // the connection of the request before could not be used
	before     bool          // the application was reached before
}

// dialError: there was no connection.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

var (
	errTimeout = errors.New("no whole answer in time")
	errClosed  = errors.New("the connection was closed without an answer")
	errCut     = errors.New("the connection was closed within the answer")
	errNotHTTP = errors.New("the answer is not HTTP/1.x")
	errHead    = fmt.Errorf("the answer's headers are above %d KiB", maxHead>>10)
)

// outcome is what the sidecar would take a whole answer for.
func (a *reply) outcome() record.Outcome {
	return deliver.Classify(a.batch, "the app", a.status, a.retryAfter, a.body)
}

func (a *reply) gone() bool {
	var dial *dialError
	return errors.As(a.err, &dial)
}

func (a *reply) timedOut() bool { return errors.Is(a.err, errTimeout) }

func (a *reply) acked() bool { return a.err == nil && a.status >= 200 && a.status <= 299 }

func (a *reply) busy() bool { return a.err == nil && a.outcome().Kind == record.Busy }

// wrongSetup: the status says so; a 2xx with a wrong body is another matter.
func (a *reply) wrongSetup() bool {
	return a.err == nil && !a.acked() && a.outcome().Kind == record.Setup
}

// exchangeUntilFree sends r again while it is answered with busy, a few times.
func (w *transport) exchangeUntilFree(ctx context.Context, r *request) reply {
	for try := 1; ; try++ {
		a := w.exchange(ctx, r)
		a.tries = try
		if !a.busy() || try == maxTries || w.busyLeft <= 0 {
			return a
		}
		wait := a.outcome().RetryAfter
		if wait == 0 {
			wait = w.busyWait
		}
		wait = min(wait, maxBusy, w.busyLeft)
		w.busyLeft -= wait
		if !sleep(ctx, wait) {
			return a
		}
	}
}

// sleep reports whether the time has passed; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// exchange sends r once and reads the answer.
func (w *transport) exchange(ctx context.Context, r *request) reply {
	kept := w.last
	w.last = nil
	if kept != nil && !r.again {
		kept.Close()
		kept = nil
	}
	if kept != nil {
		a := w.over(ctx, kept, r)
		if !errors.Is(a.err, errClosed) {
			return a
		}
		// The application may close a connection between two requests.
	}
	c, err := w.dial(ctx)
	if err != nil {
		return reply{batch: r.batch, err: &dialError{err}, before: w.reached}
	}
	a := w.over(ctx, c, r)
	a.fresh = r.again
	return a
}

// over sends r over c and keeps c for the next request if it can carry one.
func (w *transport) over(ctx context.Context, c *connection, r *request) reply {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	deadline := time.Now().Add(w.timeout)
	a, keep := c.roundTrip(r, deadline, w.pause)
	a.batch, a.within = r.batch, w.timeout
	if keep {
		w.last = c
	} else {
		c.Close()
	}
	return a
}

func (w *transport) drop() {
	if w.last != nil {
		w.last.Close()
		w.last = nil
	}
}

// dial waits for an application that was there before: it may be starting again.
func (w *transport) dial(ctx context.Context) (*connection, error) {
	network, address := w.app.Address()
	d := net.Dialer{Timeout: w.timeout}
	until := time.Now().Add(w.patience)
	for {
		conn, err := d.DialContext(ctx, network, address)
		if err == nil {
			w.reached = true
			return newConnection(conn), nil
		}
		if !w.reached || time.Now().After(until) || !sleep(ctx, redial) {
			return nil, err
		}
	}
}

// connection is one connection to the application.
type connection struct {
	net.Conn
	limit io.LimitedReader // what may be read of an answer
	br    *bufio.Reader
}

func newConnection(conn net.Conn) *connection {
	c := &connection{Conn: conn, limit: io.LimitedReader{R: conn}}
	c.br = bufio.NewReader(&c.limit)
	return c
}

// roundTrip is one request and its answer. keep: the connection can carry another.
func (c *connection) roundTrip(r *request, deadline time.Time, pause time.Duration) (a reply, keep bool) {
	if err := c.SetDeadline(deadline); err != nil {
		return reply{err: errClosed}, false
	}
	c.limit.N = maxHead
	for i, piece := range r.pieces() {
		if i > 0 && c.answers(pause, deadline) {
			a, _ = c.read()
			a.early = true
			return a, false
		}
		if _, err := c.Write(piece); err != nil {
			return c.unwritten(err), false
		}
	}
	return c.read()
}

// pieces are what is written at once.
func (r *request) pieces() [][]byte {
	if !r.slow {
		return [][]byte{append(bytes.Clone(r.head), r.body...)}
	}
	n := len(r.body)
	return [][]byte{r.head, r.body[:n/3], r.body[n/3 : n-1], r.body[n-1:]}
}

// answers reports whether something comes back within the pause, if only the end of the connection.
func (c *connection) answers(pause time.Duration, deadline time.Time) bool {
	if c.SetReadDeadline(time.Now().Add(pause)) != nil {
		return true
	}
	_, err := c.br.Peek(1)
	return !isTimeout(err) || c.SetReadDeadline(deadline) != nil
}

// unwritten looks for the answer to a request that could not be written to its end, which failed with err.
func (c *connection) unwritten(err error) reply {
	a := reply{err: errClosed}
	if c.SetReadDeadline(time.Now().Add(earlyAnswer)) == nil {
		a, _ = c.read()
	}
	if a.err != nil && isTimeout(err) {
		a.err = errTimeout
	} else if a.err != nil {
		a.err = errClosed
	}
	a.early = !isTimeout(a.err)
	return a
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.Is(err, errTimeout) || errors.As(err, &timeout) && timeout.Timeout()
}

// read reads the answer. When nothing comes behind a 1xx, that is the answer's status.
func (c *connection) read() (a reply, keep bool) {
	interim := 0
	for range maxInterim {
		c.limit.N = maxHead
		resp, err := http.ReadResponse(c.br, &http.Request{Method: http.MethodPost})
		switch {
		case err != nil && interim != 0:
			return reply{status: interim}, false
		case err != nil:
			return reply{err: c.readError(err)}, false
		case resp.StatusCode < 100:
			return reply{err: errNotHTTP}, false
		case resp.StatusCode < 200 && resp.StatusCode != http.StatusSwitchingProtocols:
			interim = resp.StatusCode
			continue
		}
		return c.readBody(resp) //nolint:bodyclose // closing would read an endless body to its end; the connection is closed
	}
	return reply{status: interim}, false
}

func (c *connection) readBody(resp *http.Response) (a reply, keep bool) {
	c.limit.N = maxWire
	body, err := io.ReadAll(io.LimitReader(resp.Body, deliver.MaxAnswer+1))
	switch {
	case err == nil:
	case isTimeout(err):
		return reply{err: errTimeout}, false
	default:
		return reply{err: errCut}, false
	}
	a = reply{status: resp.StatusCode, retryAfter: resp.Header.Get("Retry-After"), body: body}
	return a, !resp.Close && len(body) <= deliver.MaxAnswer && c.br.Buffered() == 0 && resp.StatusCode >= 200
}

// readError says why no headers could be read. The parser's own errors would repeat what was sent.
func (c *connection) readError(err error) error {
	var op *net.OpError
	switch {
	case isTimeout(err):
		return errTimeout
	case c.limit.N <= 0:
		return errHead
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op), errors.Is(err, net.ErrClosed):
		if c.limit.N < maxHead {
			return errCut
		}
		return errClosed
	default:
		return errNotHTTP
	}
}
