package deliver

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// rawApp is an app that answers with the very bytes a test wants.
type rawApp struct {
	t        testing.TB
	listener net.Listener
	serve    func(*rawConn)
	wg       sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// rawConn is one connection at the app's side.
type rawConn struct {
	net.Conn
	br    *bufio.Reader
	index int // 0 for the first connection
}

// request reads one whole request; nil when the connection has ended.
func (c *rawConn) request() *http.Request {
	r, err := http.ReadRequest(c.br)
	if err != nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

func (c *rawConn) say(format string, args ...any) { _, _ = fmt.Fprintf(c, format, args...) }

func startRaw(t testing.TB, network, address string, serve func(*rawConn)) *rawApp {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	a := &rawApp{t: t, listener: l, serve: serve}
	a.wg.Add(1)
	go a.accept()
	t.Cleanup(a.stop)
	return a
}

func (a *rawApp) accept() {
	defer a.wg.Done()
	for {
		c, err := a.listener.Accept()
		if err != nil {
			return
		}
		a.mu.Lock()
		rc := &rawConn{Conn: c, br: bufio.NewReader(c), index: len(a.conns)}
		a.conns = append(a.conns, c)
		a.mu.Unlock()
		a.wg.Add(1)
		go func() {
			defer a.wg.Done()
			defer c.Close()
			a.serve(rc)
		}()
	}
}

func (a *rawApp) stop() {
	_ = a.listener.Close()
	a.mu.Lock()
	for _, c := range a.conns {
		_ = c.Close()
	}
	a.mu.Unlock()
	a.wg.Wait()
}

func (a *rawApp) connections() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.conns)
}

func rawTCP(t testing.TB, serve func(*rawConn)) *rawApp {
	return startRaw(t, "tcp", "127.0.0.1:0", serve)
}

func (a *rawApp) url() string { return "http://" + a.listener.Addr().String() + "/batches" }

// always answers every request with the same bytes.
func always(text string) func(*rawConn) {
	return func(c *rawConn) {
		for c.request() != nil {
			c.say("%s", text)
		}
	}
}

// to is an App for the raw one.
func (a *rawApp) to(set ...func(*Config)) *App {
	return newApp(a.t, func(c *Config) {
		c.URL = a.url()
		c.Timeout = 5 * time.Second
		for _, s := range set {
			s(c)
		}
	})
}

func post(ctx context.Context, a *App) record.Outcome {
	b := batchOf(3, []byte("secret value"))
	return a.Send(ctx, 0, b, a.Encode(nil, b))
}

func short(c *Config) { c.Timeout = 150 * time.Millisecond }

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

func TestSendAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string // then the connection is closed
		kind   record.OutcomeKind
		status string
		detail string
	}{
		"empty body":                   {ok, record.Acked, "200", ""},
		"no length, closed":            {"HTTP/1.0 200 OK\r\n\r\n", record.Acked, "200", ""},
		"chunked":                      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", record.Acked, "200", ""},
		"closed before anything":       {"", record.Failed, "connection", "closed before a whole HTTP answer"},
		"closed in the status line":    {"HTTP/1.1 20", record.Failed, "connection", "closed before"},
		"closed in the headers":        {"HTTP/1.1 200 OK\r\nContent-", record.Failed, "connection", "closed before"},
		"closed after the headers":     {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", record.Failed, "connection", "closed before"},
		"closed in the body":           {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n ", record.Failed, "connection", "closed before"},
		"closed in a chunk":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n", record.Failed, "connection", "closed before"},
		"no last chunk":                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", record.Failed, "connection", "closed before"},
		"two lengths":                  {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n", record.Failed, "connection", ""},
		"not HTTP":                     {"SSH-2.0-OpenSSH_9.6\r\n", record.Failed, "connection", "not HTTP"},
		"status 000":                   {"HTTP/1.1 000 \r\nContent-Length: 0\r\n\r\n", record.Failed, "connection", "not HTTP"},
		"status of four digits":        {"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n", record.Failed, "connection", ""},
		"status of two digits":         {"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n", record.Failed, "connection", "not HTTP"},
		"headers too large":            {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 40_000) + "\r\n\r\n", record.Failed, "connection", "headers are above"},
		"huge 200, announced":          {"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", record.Setup, "200", "above 1 MiB; answer with an empty body or JSON"},
		"huge 200, chunked":            {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n" + strings.Repeat(" ", 2<<20), record.Setup, "200", "above 1 MiB"},
		"huge 500":                     {"HTTP/1.1 500 X\r\nContent-Length: 99999999\r\n\r\n", record.Failed, "500", "answered 500"},
		"garbage 200":                  {"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n" + strings.Repeat("g", 300), record.Setup, "200", ": " + strings.Repeat("g", 200) + "; answer with an empty body or JSON"},
		"redirect":                     {"HTTP/1.1 302 X\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", record.Setup, "302", "answered 302"},
		"102 and closed":               {"HTTP/1.1 102 Processing\r\n\r\n", record.Setup, "102", "answered 102"},
		"100 then 200":                 {"HTTP/1.1 100 Continue\r\n\r\n" + ok, record.Acked, "200", ""},
		"103 then 500":                 {"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", record.Failed, "500", "answered 500"},
		"100 then 000":                 {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 000 X\r\nContent-Length: 0\r\n\r\n", record.Setup, "100", "answered 100"},
		"101":                          {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", record.Setup, "101", "answered 101"},
		"nothing but 1xx":              {strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 50), record.Setup, "100", "answered 100"},
		"500 with words":               {"HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\ndb\r\ndown\x01", record.Failed, "500", "answered 500: db  down "},
		"204 with a body behind it":    {"HTTP/1.1 204 X\r\n\r\ngarbage", record.Acked, "204", ""},
		"200 with bytes behind it":     {ok + "garbage", record.Acked, "200", ""},
		"white space above one packet": {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat(" ", 100_000), record.Acked, "200", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := rawTCP(t, func(rc *rawConn) {
				rc.request()
				rc.say("%s", c.answer)
			}).to()
			o := post(t.Context(), a)
			assert.Equal(t, c.kind, o.Kind, o.Detail)
			assert.Equal(t, c.status, o.Status)
			assert.Contains(t, o.Detail, c.detail)
			assert.NotContains(t, o.Detail, "secret")
			assert.LessOrEqual(t, len(o.Detail), 500)
			assert.Positive(t, o.Elapsed)
			assert.Empty(t, o.Failures)
		})
	}
}

func TestSendAnswerVectorsOverHTTP(t *testing.T) {
	b, cases := readAnswers(t)
	next := make(chan *answerVector, 1)
	app := rawTCP(t, func(c *rawConn) {
		for c.request() != nil {
			v := <-next
			body := v.body()
			c.say("HTTP/1.1 %d X\r\n", v.Status)
			for name, value := range v.Headers {
				c.say("%s: %s\r\n", name, value)
			}
			if v.Status == 101 || v.Status == 204 || v.Status == 304 {
				c.say("\r\n")
				continue
			}
			c.say("Content-Length: %d\r\n\r\n", len(body))
			_, _ = c.Write(body)
		}
	})
	a := app.to()
	for i := range cases {
		if cases[i].Now != "" {
			continue // a date of the past; TestAnswerVectors has it
		}
		next <- &cases[i]
		t.Run(cases[i].Name, func(t *testing.T) {
			checkOutcome(t, cases[i].want(), a.Send(t.Context(), 0, b, []byte("{}")))
		})
	}
}

func TestSendTimesOut(t *testing.T) {
	for name, serve := range map[string]func(*rawConn){
		"hang": func(c *rawConn) { c.request(); c.request() },
		"slow byte by byte": func(c *rawConn) {
			c.request()
			for i := 0; ; i++ {
				if _, err := c.Write([]byte{ok[i%len(ok[:20])]}); err != nil {
					return
				}
				_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond)) // the pace
				_, _ = c.Read(make([]byte, 1))
				if i == 19 {
					_, _ = c.Write([]byte("\r\nX: "))
				}
			}
		},
		"body never comes":     func(c *rawConn) { c.request(); c.say("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"); c.request() },
		"reads nothing at all": nil,
	} {
		t.Run(name, func(t *testing.T) {
			if serve == nil {
				stop := make(chan struct{})
				defer close(stop)
				serve = func(*rawConn) { <-stop }
			}
			a := rawTCP(t, serve).to(short)
			b := batchOf(1, bytes.Repeat([]byte("x"), 8<<20))
			o := a.Send(t.Context(), 0, b, a.Encode(nil, b))
			assert.Equal(t, record.Failed, o.Kind)
			assert.Equal(t, "timeout", o.Status)
			assert.Contains(t, o.Detail, "no whole answer within 150ms")
			assert.GreaterOrEqual(t, o.Elapsed, 150*time.Millisecond)
			assert.Less(t, o.Elapsed, 2*time.Second)
		})
	}
}

func TestSendTimedOutAnswerIsNeverTakenForTheNext(t *testing.T) {
	release := make(chan struct{})
	app := rawTCP(t, func(c *rawConn) {
		c.request()
		if c.index == 0 {
			<-release
			c.say(ok)
			return
		}
		close(release)
		c.say("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
	})
	a := app.to(short)
	assert.Equal(t, "timeout", post(t.Context(), a).Status)
	assert.Equal(t, "500", post(t.Context(), a).Status)
}

func TestSendOnly1xxUntilTheTimeoutIsTheSetup(t *testing.T) {
	a := rawTCP(t, func(c *rawConn) { c.request(); c.say("HTTP/1.1 102 Processing\r\n\r\n"); c.request() }).to(short)
	o := post(t.Context(), a)
	assert.Equal(t, record.Setup, o.Kind)
	assert.Equal(t, "102", o.Status)
}

func TestSendAnswerTwiceIsNotTakenForTheNext(t *testing.T) {
	app := rawTCP(t, func(c *rawConn) {
		for c.request() != nil {
			if c.index > 0 {
				c.say("HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")
				continue
			}
			c.say(ok)
			c.say(ok)
		}
	})
	a := app.to()
	require.Equal(t, record.Acked, post(t.Context(), a).Kind)
	// Whether the second answer came with the first or after it, this one is on another connection.
	require.Eventually(t, func() bool { return a.lanes[0].conn == nil || !alive(a.lanes[0].conn, time.Now().Add(time.Second)) }, 5*time.Second, time.Millisecond)
	assert.Equal(t, "500", post(t.Context(), a).Status)
}

func TestSendKeepsTheConnection(t *testing.T) {
	app := rawTCP(t, always(ok))
	a := app.to(func(c *Config) { c.Lanes = 2 })
	b := batchOf(1, nil)
	for range 5 {
		for lane := range 2 {
			require.Equal(t, record.Acked, a.Send(t.Context(), lane, b, a.Encode(nil, b)).Kind)
		}
	}
	assert.Equal(t, 2, app.connections(), "one a lane")
}

func TestSendDialsAnewWhenTheIdleConnectionWasClosed(t *testing.T) {
	closed := make(chan struct{}, 10)
	app := rawTCP(t, func(c *rawConn) {
		c.request()
		c.say(ok)
		_ = c.Close()
		closed <- struct{}{}
	})
	a := app.to()
	for range 3 {
		require.Equal(t, record.Acked, post(t.Context(), a).Kind)
		<-closed
	}
	assert.Equal(t, 3, app.connections())
}

func TestSendLostOnAKeptConnectionCounts(t *testing.T) {
	app := rawTCP(t, func(c *rawConn) {
		c.request()
		c.say(ok)
		c.request() // takes the second one and dies
	})
	a := app.to()
	require.Equal(t, record.Acked, post(t.Context(), a).Kind)
	o := post(t.Context(), a)
	assert.Equal(t, record.Failed, o.Kind, "the app may have processed it")
	assert.Equal(t, "connection", o.Status)
	assert.Equal(t, 1, app.connections(), "it is not sent a second time")
}

func TestSendDown(t *testing.T) {
	app := rawTCP(t, always(ok))
	a := app.to()
	app.stop()
	o := post(t.Context(), a)
	assert.Equal(t, record.Down, o.Kind)
	assert.Contains(t, o.Detail, "refused")
	assert.Error(t, a.Ready(t.Context()))

	a = newApp(t, func(c *Config) { c.URL = "unix:" + filepath.Join(t.TempDir(), "none.sock") + ":/x" })
	o = post(t.Context(), a)
	assert.Equal(t, record.Down, o.Kind)
	assert.Contains(t, o.Detail, "no such file")
	assert.Error(t, a.Ready(t.Context()))
}

func TestSendCancelClosesTheConnection(t *testing.T) {
	got, ended := make(chan struct{}), make(chan struct{})
	app := rawTCP(t, func(c *rawConn) {
		c.request()
		close(got)
		c.request()
		close(ended)
	})
	a := app.to(func(c *Config) { c.Timeout = time.Minute })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-got
		cancel()
	}()
	o := post(ctx, a)
	assert.Equal(t, record.Cancelled, o.Kind)
	assert.Less(t, o.Elapsed, 10*time.Second)
	<-ended // the app sees it too

	assert.Equal(t, record.Cancelled, post(ctx, a).Kind, "over before it began")
	assert.Equal(t, 1, app.connections())
}

func TestSendEarlyRefusalOfALargeBody(t *testing.T) {
	for status, want := range map[int]record.OutcomeKind{413: record.Refused, 503: record.Busy, 404: record.Setup, 200: record.Failed} {
		app := rawTCP(t, func(c *rawConn) {
			_, _ = http.ReadRequest(c.br)
			c.say("HTTP/1.1 %d X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status)
		})
		a := app.to(func(c *Config) { c.MaxBytes = 32 << 20 })
		b := batchOf(1, bytes.Repeat([]byte("x"), 16<<20))
		o := a.Send(t.Context(), 0, b, a.Encode(nil, b))
		assert.Equal(t, want, o.Kind, "%d: %s", status, o.Detail)
	}
}

func TestSendRequest(t *testing.T) {
	requests := make(chan *http.Request, 1)
	serve := func(c *rawConn) {
		for r := c.request(); r != nil; r = c.request() {
			requests <- r
			c.say(ok)
		}
	}
	token := "t1"
	app := rawTCP(t, serve)
	a := app.to(func(c *Config) {
		c.URL = strings.Replace(app.url(), "http://", "http://user:pa%73s@", 1) + "/{topic}?a=b"
		c.Token = func() string { return token }
	})
	assert.True(t, a.TopicInURL())
	assert.NotContains(t, a.URL(), "user")
	b := batchOf(2, []byte("v"))
	b.Attempt = 7
	body := a.Encode(nil, b)
	require.Equal(t, record.Acked, a.Send(t.Context(), 0, b, body).Kind)
	r := <-requests
	assert.Equal(t, "POST", r.Method)
	assert.Equal(t, "/batches/orders?a=b", r.RequestURI)
	assert.Equal(t, app.listener.Addr().String(), r.Host)
	assert.Equal(t, int64(len(body)), r.ContentLength)
	assert.Empty(t, r.TransferEncoding)
	for name, want := range map[string]string{
		"Sidecar-Protocol": "1", "Sidecar-Batch": b.ID(), "Sidecar-Attempt": "7",
		"Content-Type": "application/json", "Authorization": "Bearer t1",
	} {
		assert.Equal(t, want, r.Header.Get(name), name)
	}
	assert.Empty(t, r.Header.Values("Sidecar-Value"))
	sent, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, string(body), string(sent))

	token = "" // user and password of the URL are left
	require.Equal(t, record.Acked, a.Send(t.Context(), 0, b, body).Kind)
	r = <-requests
	user, pass, _ := r.BasicAuth()
	assert.Equal(t, "user pass", user+" "+pass)

	socket := filepath.Join(shortDir(t), "app.sock")
	startRaw(t, "unix", socket, serve)
	a = newApp(t, func(c *Config) { c.URL, c.Format = "unix:"+socket+":/in/{topic}", "columns" })
	require.NoError(t, a.Ready(t.Context()))
	require.Equal(t, record.Acked, a.Send(t.Context(), 0, b, a.Encode(nil, b)).Kind)
	r = <-requests
	assert.Equal(t, "localhost", r.Host)
	assert.Equal(t, "/in/orders", r.RequestURI)
	assert.Equal(t, "application/vnd.kafka-sidecar.columns", r.Header.Get("Content-Type"))
	assert.Empty(t, r.Header.Values("Authorization"))
}

// An app can't tell the text x from the JSON string "x" by the body: both are "value":"x".
func TestSendSaysThatValuesAreJSON(t *testing.T) {
	headers := make(chan http.Header, 1)
	app := rawTCP(t, func(c *rawConn) {
		if r := c.request(); r != nil {
			headers <- r.Header
			c.say(ok)
		}
	})
	for _, c := range []struct {
		format, value string
		want          []string
	}{
		{"json", "json", []string{"json"}},
		{"json", "auto", nil},
		{"json", "base64", nil},
		{"columns", "json", nil},
	} {
		a := app.to(func(cfg *Config) { cfg.Format, cfg.Value = c.format, c.value })
		b := batchOf(1, []byte(`"x"`))
		require.Equal(t, record.Acked, a.Send(t.Context(), 0, b, a.Encode(nil, b)).Kind)
		assert.Equal(t, c.want, (<-headers).Values("Sidecar-Value"), "%s %s", c.format, c.value)
	}
}

// shortDir is a folder whose name leaves room for a socket's.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "app")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestReadyURL(t *testing.T) {
	status := make(chan int, 1)
	app := rawTCP(t, func(c *rawConn) {
		r := c.request()
		if r == nil {
			return
		}
		assert.Equal(t, "GET /ready", r.Method+" "+r.RequestURI)
		assert.Equal(t, "Bearer t", r.Header.Get("Authorization"))
		c.say("HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nxx", <-status)
	})
	a := app.to(func(c *Config) {
		c.ReadyURL = strings.Replace(app.url(), "/batches", "/ready", 1)
		c.Token = func() string { return "t" }
	})
	status <- 200
	require.NoError(t, a.Ready(t.Context()))
	status <- 204
	require.NoError(t, a.Ready(t.Context()))
	for _, s := range []int{302, 404, 503} {
		status <- s
		require.ErrorContains(t, a.Ready(t.Context()), fmt.Sprintf("/ready answered %d", s))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, a.Ready(ctx))
}

func TestReadyHangs(t *testing.T) {
	app := rawTCP(t, func(c *rawConn) { c.request(); c.request() })
	a := app.to(func(c *Config) { c.ReadyURL = app.url() })
	start := time.Now()
	require.ErrorContains(t, a.Ready(t.Context()), "within 2s")
	assert.Less(t, time.Since(start), 10*time.Second)
}

// Who plays the sidecar sends what Send sends.
func TestHeadIsWhatSendWrites(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"plain":           func(*Config) {},
		"token and topic": func(c *Config) { c.Token = func() string { return "x" }; c.URL += "/{topic}" },
		"columns":         func(c *Config) { c.Format = "columns" },
		"embedded values": func(c *Config) { c.Value = "json" },
	} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan []byte, 1)
			raw := rawTCP(t, func(c *rawConn) {
				var wire bytes.Buffer
				c.br = bufio.NewReader(io.TeeReader(c.Conn, &wire))
				c.request()
				sent <- wire.Bytes()
				c.say(ok)
			})
			a := raw.to(set)
			network, address := a.Address()
			assert.Equal(t, "tcp "+raw.listener.Addr().String(), network+" "+address)
			b := batchOf(3, []byte("value"))
			body := a.Encode(nil, b)
			require.Equal(t, record.Acked, a.Send(t.Context(), 0, b, body).Kind)
			assert.Equal(t, string(<-sent), string(a.Head(b, len(body)))+string(body))
		})
	}
}
