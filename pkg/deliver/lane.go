package deliver

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

const (
	readBuffer = 32 << 10 // also the most bytes an answer's headers may have
	// maxInterim is how many answers of 1xx are passed by before the last one counts as the answer.
	maxInterim = 10
	// earlyAnswer is how long an answer is looked for after the request could not be written to its end:
	// an app that refuses a body by its length answers before it has read it.
	earlyAnswer = 100 * time.Millisecond
)

// dialError: no connection came about, so nothing was sent.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

var (
	// errTimeout: the attempt's deadline has passed.
	errTimeout = errors.New("no whole answer in time")
	// errStatusLine: what came back is no HTTP, or has a status that HTTP does not know.
	errStatusLine = errors.New("the answer is not HTTP/1.x with a status of three digits")
)

// lane has one connection, kept from one request to the next, and what is used again for each. The
// sender alone uses it; a cancel may close the connection from outside.
//
// fasthttp's request and response are used without its client: that one hides whether a byte was
// sent, keeps connections that hold unread bytes, and starts a goroutine that outlives its owner.
type lane struct {
	target *target
	br     *bufio.Reader
	req    fasthttp.Request
	resp   fasthttp.Response
	pieces [2][]byte   // behind out
	out    net.Buffers // of the request: its head and its body, in one system call
	wrote  int64       // bytes of the request that the connection took

	mu   sync.Mutex
	conn net.Conn // written by the sender under mu; read by it without, by a cancel under mu
}

func newLane(t *target) *lane {
	l := &lane{target: t}
	l.br = bufio.NewReaderSize(nil, readBuffer)
	l.req.Header.SetHost(t.host)
	l.req.Header.SetUserAgent("kafka-sidecar")
	l.req.Header.DisableNormalizing()
	return l
}

// exchange sends l.req once and reads the answer. It ends at the deadline or, with the connection
// closed, soon after ctx. Errors: *dialError when nothing was sent, errTimeout, or how the connection was lost.
func (l *lane) exchange(ctx context.Context, deadline time.Time) (answer, error) {
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(ended)
		l.interrupt()
	})
	a, keep, err := l.roundTrip(ctx, deadline)
	if !stop() {
		<-ended
		keep = false
	}
	if !keep {
		l.drop()
	}
	if isTimeout(err, deadline) {
		err = errTimeout
	}
	return a, err
}

func isTimeout(err error, deadline time.Time) bool {
	if err == nil {
		return false
	}
	var dial *dialError
	if errors.As(err, &dial) {
		return false
	}
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || !time.Now().Before(deadline)
}

// roundTrip is one request and its answer. keep: the connection can carry another.
func (l *lane) roundTrip(ctx context.Context, deadline time.Time) (a answer, keep bool, err error) {
	kept := l.conn != nil && alive(l.conn, deadline)
	if !kept {
		if err := l.dial(ctx, deadline); err != nil {
			return answer{}, false, err
		}
	}
	err = l.write(deadline)
	if err != nil && kept && l.wrote == 0 && ctx.Err() == nil && time.Now().Before(deadline) {
		// The app closed the kept connection while it was idle. No byte went out: this is still the first try.
		if err := l.dial(ctx, deadline); err != nil {
			return answer{}, false, err
		}
		err = l.write(deadline)
	}
	if err != nil {
		return l.early(ctx, err)
	}
	return l.read(deadline)
}

// dial replaces the lane's connection.
func (l *lane) dial(ctx context.Context, deadline time.Time) error {
	l.drop()
	d := net.Dialer{Deadline: deadline, KeepAlive: -1}
	conn, err := d.DialContext(ctx, l.target.network, l.target.address)
	if err != nil {
		return &dialError{err}
	}
	l.mu.Lock()
	l.conn = conn
	l.mu.Unlock()
	if ctx.Err() != nil {
		l.interrupt() // the cancel may have run before the connection was there to be closed
	}
	return nil
}

func (l *lane) write(deadline time.Time) error {
	l.wrote = 0
	if err := l.conn.SetDeadline(deadline); err != nil {
		return err
	}
	body := l.req.Body()
	l.req.Header.SetContentLength(len(body))
	l.pieces = [2][]byte{l.req.Header.Header(), body}
	l.out = l.pieces[:]
	var err error
	l.wrote, err = l.out.WriteTo(l.conn)
	l.pieces = [2][]byte{} // lets go of the caller's buffer
	return err
}

// early looks for an answer that came before the request was written to its end, which failed with
// err. Only a refusal counts: an ack of a body the app can't have read is none.
func (l *lane) early(ctx context.Context, err error) (answer, bool, error) {
	if l.wrote == 0 || ctx.Err() != nil {
		return answer{}, false, err
	}
	a, _, failed := l.read(time.Now().Add(earlyAnswer))
	if failed != nil || a.status < 300 {
		return answer{}, false, err
	}
	return a, false, nil
}

// read reads the answer. When nothing comes behind a 1xx, that is the answer's status.
func (l *lane) read(deadline time.Time) (a answer, keep bool, err error) {
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return answer{}, false, err
	}
	l.resp.Reset()
	l.br.Reset(l.conn)
	status, interim, err := l.readStatus()
	if err == nil {
		err = l.resp.ReadLimitBody(l.br, MaxAnswer)
	}
	tooLarge := errors.Is(err, fasthttp.ErrBodyTooLarge) // comes after the headers, so these are true
	if err != nil && !tooLarge {
		if interim != 0 {
			return answer{status: interim}, false, nil
		}
		return answer{}, false, err
	}
	a = answer{
		status:     status,
		retryAfter: string(l.resp.Header.Peek("Retry-After")),
		body:       l.resp.Body(),
		tooLarge:   tooLarge,
	}
	// Bytes behind the answer would be taken for the next one.
	keep = !tooLarge && !l.resp.ConnectionClose() && l.br.Buffered() == 0 && status >= 200
	return a, keep, nil
}

// readStatus looks at the status of the answer that comes next and passes interim ones by; interim is
// the last of these, 0 if there was none. The status is read here and not by the parser, which gives
// 200 for "000".
func (l *lane) readStatus() (status, interim int, err error) {
	const end = len("HTTP/1.1 200")
	for range maxInterim {
		line, err := l.br.Peek(end)
		if err != nil {
			return 0, interim, err
		}
		status, err := strconv.Atoi(string(line[end-3:]))
		if string(line[:7]) != "HTTP/1." || line[8] != ' ' || err != nil || status < 100 {
			return 0, interim, errStatusLine
		}
		if status > 199 || status == fasthttp.StatusSwitchingProtocols {
			return status, interim, nil
		}
		interim = status
		if err := l.resp.Header.Read(l.br); err != nil {
			return 0, interim, err
		}
	}
	return 0, interim, errStatusLine
}

// interrupt closes the connection under the sender, which then ends with an error.
func (l *lane) interrupt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close() // closing is all that is wanted of it
	}
}

// drop closes the connection and forgets it.
func (l *lane) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		_ = l.conn.Close() // nothing is owed to it any more
		l.conn = nil
	}
}
