package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Send makes one attempt in the given lane (0 <= lane < Lanes; one at a time in a lane) and classifies
// its answer. It returns when the request has ended or, soon after ctx ends, with its connection
// closed and the outcome Cancelled. body is not kept.
func (a *App) Send(ctx context.Context, lane int, b *record.Batch, body []byte) record.Outcome {
	start := time.Now()
	l := a.lanes[lane]
	a.prepare(l, b, body)
	answer, err := l.exchange(ctx, start.Add(a.timeout))
	l.req.ResetBody() // lets go of the caller's buffer
	request := "POST " + expand(a.target.shown, b.Parts[0].Topic)
	var o record.Outcome
	if err != nil {
		o = a.failure(ctx, request, err)
	} else {
		o = answer.outcome(b, request, time.Now())
	}
	o.Elapsed = time.Since(start)
	return o
}

// prepare fills the lane's request, which is used again and again.
func (a *App) prepare(l *lane, b *record.Batch, body []byte) {
	h := &l.req.Header
	h.SetMethod("POST")
	h.SetRequestURI(expand(a.target.path, b.Parts[0].Topic))
	h.SetContentType(a.ContentType())
	h.Set("Sidecar-Protocol", "1")
	h.Set("Sidecar-Batch", b.ID())
	h.Set("Sidecar-Attempt", strconv.Itoa(b.Attempt))
	if a.value == valueJSON && !a.columns {
		// "value":"x" is then the text "x" with its quotes; without this an app could not tell.
		h.Set("Sidecar-Value", "json")
	}
	if auth := a.authorization(&a.target); auth != "" {
		h.Set("Authorization", auth)
	} else {
		h.Del("Authorization")
	}
	l.req.SetBodyRaw(body)
}

// Head is what Send writes before a body of so many bytes: the request line and the headers, with the
// empty line that ends them. It is for those who play the sidecar.
func (a *App) Head(b *record.Batch, bodyBytes int) []byte {
	l := newLane(&a.target)
	a.prepare(l, b, nil)
	l.req.Header.SetContentLength(bodyBytes)
	return bytes.Clone(l.req.Header.Header())
}

// failure is the outcome of an attempt without an answer.
func (a *App) failure(ctx context.Context, request string, err error) record.Outcome {
	if ctx.Err() != nil {
		return record.Outcome{Kind: record.Cancelled, Detail: request + " was cancelled"}
	}
	o := record.Outcome{Kind: record.Failed, Status: "connection", Detail: request + ": " + words(err, a.timeout)}
	var dial *dialError
	switch {
	case errors.As(err, &dial):
		o.Kind = record.Down // nothing was sent
	case errors.Is(err, errTimeout):
		o.Status = "timeout"
	}
	return o
}

// words says how an exchange failed. The HTTP parser's own errors would repeat what the app sent.
func words(err error, timeout time.Duration) string {
	var dial *dialError
	var op *net.OpError
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &dial):
		return err.Error()
	case errors.Is(err, errTimeout):
		return fmt.Sprintf("no whole answer within %s", timeout)
	case errors.As(err, &op):
		return fmt.Sprintf("the connection was lost: %v", op)
	case errors.As(err, &small):
		return fmt.Sprintf("the answer's headers are above %d bytes", readBuffer)
	case errors.Is(err, errStatusLine):
		return err.Error()
	default:
		return "the connection was closed before a whole HTTP answer"
	}
}
