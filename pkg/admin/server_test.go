package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// fakeEngine answers what a test wants.
type fakeEngine struct {
	status    relay.Status
	statusErr error
	hangs     bool // Status waits for its context
	live      error
	drain     func(ctx context.Context) error

	events    []relay.Event
	since     int64
	retried   []record.TopicPartition
	retry     error
	body      string // of every record
	recordErr error
	letters   []int64
	letter    error
}

func (e *fakeEngine) Events(_ context.Context, after int64) ([]relay.Event, error) {
	e.since = after
	return e.events, e.statusErr
}

func (e *fakeEngine) Retry(_ context.Context, p record.TopicPartition) error {
	e.retried = append(e.retried, p)
	return e.retry
}

func (e *fakeEngine) Record(_ context.Context, p record.TopicPartition, offset int64) ([]byte, error) {
	if e.body == "" {
		return nil, &record.NoRecordError{TopicPartition: p, Offset: offset, End: 9}
	}
	return []byte(e.body), e.recordErr
}

func (e *fakeEngine) DeadLetter(_ context.Context, _ record.TopicPartition, offset int64, _ string) error {
	e.letters = append(e.letters, offset)
	return e.letter
}

func (e *fakeEngine) Status(ctx context.Context) (relay.Status, error) {
	if e.hangs {
		<-ctx.Done()
		return relay.Status{}, ctx.Err()
	}
	return e.status, e.statusErr
}

func (e *fakeEngine) Live() error { return e.live }

func (e *fakeEngine) Drain(ctx context.Context) error {
	if e.drain == nil {
		return nil
	}
	return e.drain(ctx)
}

// nobody is for tests without orders.
func nobody(string) Operator { return nil }

func newServer(e *fakeEngine, token string) *Server {
	cfg := Config{MetricsListen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"}
	if token != "" {
		cfg.Token = func() string { return token }
	}
	s := New(cfg, e, nobody, prometheus.NewRegistry(), "v1.2.3")
	s.secured = token != ""
	return s
}

// call makes one request of a handler.
func call(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, "http://127.0.0.1:7400"+path, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// code is the code of an error's body.
func code(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var body struct {
		Error struct{ Code, Message, Hint string }
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &body), w.Body.String())
	require.NotEmpty(t, body.Error.Message)
	return body.Error.Code
}

func TestHealth(t *testing.T) {
	setup := []relay.Reason{{Reason: "app_setup", Detail: "POST http://127.0.0.1:8080/batches answered 404"}}
	for _, c := range []struct {
		name   string
		engine fakeEngine
		path   string
		status int
		body   string
	}{
		{"ready", fakeEngine{}, "/readyz", 200, `{"ready":true,"reasons":[]}`},
		{
			"not ready", fakeEngine{status: relay.Status{Reasons: setup}}, "/readyz", 503,
			`{"ready":false,"reasons":[{"reason":"app_setup","detail":"POST http://127.0.0.1:8080/batches answered 404"}]}`,
		},
		{"live while not ready", fakeEngine{status: relay.Status{Reasons: setup}}, "/livez", 200, `{"ready":true,"reasons":[]}`},
		{"live while the engine hangs", fakeEngine{hangs: true}, "/livez", 200, `{"ready":true,"reasons":[]}`},
		{"watchdog", fakeEngine{live: errors.New("stalled")}, "/livez", 503, `{"ready":false,"reasons":[{"reason":"watchdog","detail":"stalled"}]}`},
		{
			"the engine hangs", fakeEngine{hangs: true}, "/readyz", 503,
			`{"ready":false,"reasons":[{"reason":"watchdog","detail":"the engine does not answer: context deadline exceeded"}]}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := call(newServer(&c.engine, "").metricsHandler(), "GET", c.path, "")
			require.Equal(t, c.status, w.Code)
			require.JSONEq(t, c.body, w.Body.String())
			require.Equal(t, "application/json", w.Header().Get("Content-Type"))
		})
	}
}

func TestMetrics(t *testing.T) {
	s := newServer(&fakeEngine{}, "")
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "sidecar_fenced_total", Help: "h"})
	registry.MustRegister(counter)
	s.gatherer = registry
	counter.Inc()
	w := call(s.metricsHandler(), "GET", "/metrics", "")
	require.Equal(t, 200, w.Code)
	require.Contains(t, w.Body.String(), "sidecar_fenced_total 1\n")
}

func TestMetricsListenerChangesNothing(t *testing.T) {
	drained := false
	h := newServer(&fakeEngine{drain: func(context.Context) error { drained = true; return nil }}, "").metricsHandler()
	w := call(h, "POST", "/v1/drain", "")
	require.Equal(t, 404, w.Code)
	require.Equal(t, "not_found", code(t, w))
	w = call(h, "POST", "/readyz", "")
	require.Equal(t, 405, w.Code)
	require.Equal(t, "method_not_allowed", code(t, w))
	require.Equal(t, "GET", w.Header().Get("Allow"))
	require.False(t, drained)
}

func TestStatus(t *testing.T) {
	e := &fakeEngine{status: relay.Status{Group: "billing", State: "running"}}
	w := call(newServer(e, "").adminHandler(), "GET", "/v1/status", "")
	require.Equal(t, 200, w.Code)
	var got relay.Status
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	require.Equal(t, "billing", got.Group)
	require.Equal(t, "v1.2.3", got.Version)

	e.statusErr = errors.New("the engine has ended")
	w = call(newServer(e, "").adminHandler(), "GET", "/v1/status", "")
	require.Equal(t, 503, w.Code)
	require.Equal(t, "unavailable", code(t, w))
}

func TestDrain(t *testing.T) {
	for _, c := range []struct {
		name, body string
		err        error
		status     int
		code       string
	}{
		{"done", "", nil, 200, ""},
		{"an empty object", "{}", nil, 200, ""},
		{"not done", "", relay.ErrUncommitted, 503, "not_drained"},
		{"an unknown field", `{"grace":"1s"}`, nil, 400, "bad_request"},
		{"no JSON", "now", nil, 400, "bad_request"},
		{"no object", "[]", nil, 400, "bad_request"},
		{"two objects", "{} {}", nil, 400, "bad_request"},
		{"too large", "{" + strings.Repeat(" ", maxBody), nil, 413, "too_large"},
		{"too large behind the object", "{}" + strings.Repeat(" ", maxBody), nil, 413, "too_large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			drained := false
			e := &fakeEngine{drain: func(context.Context) error { drained = true; return c.err }}
			w := call(newServer(e, "").adminHandler(), "POST", "/v1/drain", c.body)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, c.status == 200 || c.err != nil, drained)
			if c.code != "" {
				require.Equal(t, c.code, code(t, w))
			}
		})
	}
}

func TestToken(t *testing.T) {
	token := "s3cret"
	s := newServer(&fakeEngine{}, token)
	s.cfg.Token = func() string { return token }
	for header, status := range map[string]int{
		"": 401, "Bearer": 401, "Bearer ": 401, "Bearer wrong": 401, "Bearer s3cre": 401, "Basic s3cret": 401, "s3cret": 401, "Bearer s3cret": 200,
	} {
		w := call(s.adminHandler(), "GET", "/v1/status", "", "Authorization", header)
		require.Equal(t, status, w.Code, header)
	}
	token = "" // the file became empty: nobody gets in, rather than everybody
	for _, header := range []string{"", "Bearer ", "Bearer s3cret"} {
		w := call(s.adminHandler(), "GET", "/v1/status", "", "Authorization", header)
		require.Equal(t, 401, w.Code, header)
		require.Equal(t, "unauthorized", code(t, w))
	}
}

func TestForeignOrigin(t *testing.T) {
	h := newServer(&fakeEngine{}, "").adminHandler()
	for _, c := range []struct {
		host, origin string
		status       int
	}{
		{"127.0.0.1:7400", "", 200},
		{"127.0.0.1:7400", "http://127.0.0.1:7400", 200},
		{"localhost:7400", "http://localhost:7400", 200},
		{"[::1]:7400", "http://[::1]:7400", 200},
		{"127.0.0.1:7400", "http://127.0.0.1:8080", 403},
		{"127.0.0.1:7400", "https://example.com", 403},
		{"127.0.0.1:7400", "null", 403},
		{"evil.example:7400", "http://evil.example:7400", 403}, // a name that was made to resolve here
	} {
		req := httptest.NewRequest("POST", "http://"+c.host+"/v1/drain", nil)
		if c.origin != "" {
			req.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		require.Equal(t, c.status, w.Code, "%s at %s", c.origin, c.host)
	}
}

func TestCheckListen(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:7400": true, "localhost:0": true, "[::1]:7400": true, "[::ffff:127.0.0.1]:7400": true, "unix:/run/a.sock": true,
		":7400": false, "0.0.0.0:7400": false, "[::]:7400": false, "10.0.0.1:7400": false, "example.com:7400": false,
	} {
		err := CheckListen(addr, false)
		if ok {
			require.NoError(t, err, addr)
		} else {
			require.ErrorIs(t, err, ErrNeedsToken, addr)
		}
		require.NoError(t, CheckListen(addr, true), addr)
	}
	require.Error(t, CheckListen("unix:", true))
	require.Error(t, CheckListen("7400", true))
}

func TestListenRefusesARemoteAddressWithoutToken(t *testing.T) {
	s := New(Config{MetricsListen: "127.0.0.1:0", AdminListen: "0.0.0.0:0", Token: func() string { return "" }}, &fakeEngine{}, nobody, prometheus.NewRegistry(), "")
	require.ErrorIs(t, s.Listen(), ErrNeedsToken)
	require.Empty(t, s.MetricsAddr(), "both listeners or none")
	require.NoError(t, s.Close())
}

func TestListenNamesTheSettingOfATakenPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	addr := taken.Addr().String()
	err = New(Config{MetricsListen: addr, AdminListen: "127.0.0.1:0"}, &fakeEngine{}, nobody, prometheus.NewRegistry(), "").Listen()
	require.ErrorContains(t, err, "metrics.listen: open "+addr)
	err = New(Config{MetricsListen: "127.0.0.1:0", AdminListen: addr}, &fakeEngine{}, nobody, prometheus.NewRegistry(), "").Listen()
	require.ErrorContains(t, err, "admin.listen: open "+addr)
}

// serveInBackground runs s until the test ends.
func serveInBackground(t *testing.T, s *Server) {
	t.Helper()
	require.NoError(t, s.Listen())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		require.NoError(t, s.Close())
		require.NoError(t, s.Close())
	})
}

func TestServe(t *testing.T) {
	s := newServer(&fakeEngine{}, "")
	serveInBackground(t, s)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for url, want := range map[string]string{
		"http://" + s.MetricsAddr() + "/readyz":  `{"ready":true,"reasons":[]}` + "\n",
		"http://" + s.MetricsAddr() + "/metrics": "",
	} {
		resp, err := client.Get(url)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, want, string(body))
	}
}

func TestServeOnAUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "admin.sock")
	// A killed process leaves its socket behind.
	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	require.NoError(t, stale.Close())

	cfg := Config{MetricsListen: "127.0.0.1:0", AdminListen: "unix:" + path}
	s := New(cfg, &fakeEngine{}, nobody, prometheus.NewRegistry(), "")
	serveInBackground(t, s)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}}
	resp, err := client.Post("http://localhost/v1/drain", "", nil)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, 200, resp.StatusCode)

	second := New(cfg, &fakeEngine{}, nobody, prometheus.NewRegistry(), "")
	require.ErrorContains(t, second.Listen(), "admin.listen: open unix:"+path, "a socket in use is not taken away")
}

func TestListenLeavesAFileInTheWayAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
	s := New(Config{MetricsListen: "127.0.0.1:0", AdminListen: "unix:" + path}, &fakeEngine{}, nobody, prometheus.NewRegistry(), "")
	require.Error(t, s.Listen())
	require.FileExists(t, path)
}

func TestADrainEndsWhenTheServerStops(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	s := newServer(&fakeEngine{drain: func(context.Context) error {
		close(started)
		<-release
		return nil
	}}, "")
	require.NoError(t, s.Listen())
	ctx, stop := context.WithCancel(context.Background())
	served, answered := make(chan error, 1), make(chan int, 1)
	go func() { served <- s.Run(ctx) }()
	go func() {
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Post("http://"+s.AdminAddr()+"/v1/drain", "", nil)
		if err != nil {
			answered <- 0
			return
		}
		resp.Body.Close()
		answered <- resp.StatusCode
	}()
	<-started
	stop() // the process is told to end: a drain under way still gets its answer
	close(release)
	require.Equal(t, 200, <-answered)
	require.NoError(t, <-served)
}

func TestRunNeedsListen(t *testing.T) {
	require.Error(t, newServer(&fakeEngine{}, "").Run(context.Background()))
}
