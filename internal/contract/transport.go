package contract

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const (
	maxTries = 4                      // of a request that is answered with busy
	maxBusy  = 5 * time.Second        // of one wait for an app that is busy
	redial   = 100 * time.Millisecond // between dials of an app that was there before
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
		pause: min(150*time.Millisecond, timeout/10), patience: 5 * time.Second,
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
