package contract

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// scripted is a connection to an app that answers with the same bytes whatever it is sent.
type scripted struct {
	io.Reader
	net.Conn // nil: what is not here is not called
	taken    int
}

func (s *scripted) Read(p []byte) (int, error) { return s.Reader.Read(p) }
func (s *scripted) Close() error               { return nil }

// Write fails behind the bytes the app takes.
func (s *scripted) Write(p []byte) (int, error) {
	n := min(len(p), s.taken)
	s.taken -= n
	if n < len(p) {
		return n, io.ErrClosedPipe
	}
	return n, nil
}
func (s *scripted) SetDeadline(time.Time) error     { return nil }
func (s *scripted) SetReadDeadline(time.Time) error { return nil }

var judges = []func(*trial, *request, *reply) verdict{
	judgeBatch, judgeKept, judgeLargest, judgeGarbage, judgeMalformedColumns, judgeIntruder, judgeStranger,
}

// judgeAll plays one request over the connection and lets every judge look at what came back.
func judgeAll(t testing.TB, app *deliver.App, r request, conn net.Conn) reply {
	t.Helper()
	a, keep := newConnection(conn).roundTrip(&r, time.Now().Add(time.Minute), time.Millisecond)
	a.batch, a.tries = r.batch, 1
	require.LessOrEqual(t, len(a.body), deliver.MaxAnswer+1)
	require.False(t, keep && a.err != nil)
	require.True(t, a.err != nil || a.status >= 100 && a.status <= 999, "%+v", a.status)
	tr := &trial{name: "x", sent: "a batch", why: "why", hint: "do", requests: []request{r}}
	for _, judge := range judges {
		v := judge(tr, &r, &a)
		require.Contains(t, []Result{OK, Note, Fail}, v.result)
		require.NotEmpty(t, v.detail)
		require.LessOrEqual(t, len(v.detail), 1000, "what an app answers is shown in part")
		require.NotContains(t, v.detail, "\n")
		require.Equal(t, v.result == OK, v.why == "", "%+v", v)
	}
	o := a.outcome()
	v := judgeBatch(tr, &r, &a)
	require.Equal(t, v.result == OK, a.err == nil && !a.early && o.Kind == record.Acked, "%+v", v)
	if v.result == OK {
		require.True(t, a.acked())
	}
	return a
}

func fuzzWriter(t testing.TB) *writer {
	t.Helper()
	cfg := DefaultConfig()
	cfg.URL = "http://127.0.0.1:1/batches"
	app, err := newApp(cfg, nil)
	require.NoError(t, err)
	w, err := newWriter(cfg, app, time.Unix(1764000041, 0))
	require.NoError(t, err)
	return w
}

// Whatever an app answers, the player does not fall over, and only an ack of the batch is an ack.
func FuzzAnswers(f *testing.F) {
	for _, answer := range []string{
		"", emptyOK, "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\n" + emptyOK, "HTTP/1.1 000 \r\n\r\n", "HTTP/1.1 101 X\r\n\r\n", "SSH-2.0-x\r\n",
		"HTTP/1.1 503 X\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\n\x00\xff\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		`HTTP/1.1 200 OK` + "\r\n\r\n" + `{"failures":[{"topic":"contract-x","partition":0,"offset":100,"action":"retry"}]}`,
	} {
		f.Add([]byte(answer), 1<<20, false)
		f.Add([]byte(answer), 300, true)
		f.Add([]byte(answer), 10, false)
	}
	w := fuzzWriter(f)
	b := w.single("x", func(*record.Record) {})
	f.Fuzz(func(t *testing.T, answer []byte, taken int, slow bool) {
		r := w.request(b)
		r.slow = slow
		judgeAll(t, w.app, r, &scripted{Reader: bytes.NewReader(answer), taken: max(taken, 0)})
	})
}

// endless repeats a text for ever and counts what was taken of it.
type endless struct {
	text  string
	taken int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.text[(e.taken+i)%len(e.text)]
	}
	e.taken += len(p)
	return len(p), nil
}

func TestEndlessAnswers(t *testing.T) {
	w := fuzzWriter(t)
	for name, c := range map[string]struct {
		start, rest string
		says        string
	}{
		"garbage":           {"", "x", "headers are above 32 KiB"},
		"a header":          {"HTTP/1.1 200 OK\r\nX: ", "x", "headers are above 32 KiB"},
		"headers":           {"HTTP/1.1 200 OK\r\n", "X: y\r\n", "headers are above 32 KiB"},
		"1xx":               {"", "HTTP/1.1 100 Continue\r\n\r\n", "answered 100"},
		"body":              {"HTTP/1.1 200 OK\r\n\r\n", " ", "above 1 MiB"},
		"body of a failure": {"HTTP/1.1 500 X\r\n\r\n", "x", "answered 500 to"},
		"chunks":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n", "above 1 MiB"},
		"chunk extensions":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1;" + strings.Repeat("x", 2000) + "\r\n \r\n", "within the answer"},
	} {
		t.Run(name, func(t *testing.T) {
			rest := &endless{text: c.rest}
			r := w.request(w.single("x", func(*record.Record) {}))
			a := judgeAll(t, w.app, r, &scripted{Reader: io.MultiReader(strings.NewReader(c.start), rest), taken: 1 << 20})
			v := judgeBatch(&trial{sent: "a batch", why: "why", hint: "do"}, &r, &a)
			assert.Equal(t, Fail, v.result)
			assert.Contains(t, v.detail, c.says)
			assert.LessOrEqual(t, rest.taken, maxWire+maxHead, "no more is read than could be an answer")
		})
	}
}

// An app that sends its answer a byte at a time does not hold the run past the time-out.
func TestDrippingAnswer(t *testing.T) {
	app := &testApp{before: func(w http.ResponseWriter, r *http.Request) bool {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(" ")); err != nil {
				break
			}
			_ = http.NewResponseController(w).Flush()
			time.Sleep(5 * time.Millisecond) // drips; nothing waits for it
		}
		return true
	}}
	cfg := DefaultConfig()
	cfg.URL = start(t, app).URL + "/batches"
	cfg.Timeout = 100 * time.Millisecond
	found, _ := run(t, cfg)
	assert.Contains(t, found["plain batch"].Detail, "no whole answer within 100ms")
}
