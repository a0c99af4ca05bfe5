package contract

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
)

const (
	maxHead    = 32 << 10 // bytes of an answer's headers; as pkg/deliver has it
	maxWire    = 8 << 20  // bytes of an answer's body as it is sent, framing included
	maxInterim = 10       // answers of 1xx that are passed by
	// earlyAnswer is how long an answer is looked for after a request could not be written to its end.
	earlyAnswer = 100 * time.Millisecond
)

var (
	errTimeout = errors.New("no whole answer in time")
	errClosed  = errors.New("the connection was closed without an answer")
	errCut     = errors.New("the connection was closed within the answer")
	errNotHTTP = errors.New("the answer is not HTTP/1.x")
	errHead    = fmt.Errorf("the answer's headers are above %d KiB", maxHead>>10)
)

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
