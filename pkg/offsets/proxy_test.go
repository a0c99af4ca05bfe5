package offsets_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// proxy stands between a store and a real Consul.
type proxy struct {
	server  *httptest.Server
	forward http.Handler
	rule    atomic.Pointer[rule]
	calls   atomic.Int64
}

// rule answers a request in its own way, or with forward.
type rule func(w http.ResponseWriter, r *http.Request, forward http.Handler)

func newProxy(t *testing.T, consul string) *proxy {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	reverse := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: consul})
	reverse.Transport = transport
	p := &proxy{forward: reverse}
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.calls.Add(1)
		if rule := p.rule.Load(); rule != nil {
			(*rule)(w, r, p.forward)
			return
		}
		p.forward.ServeHTTP(w, r)
	}))
	t.Cleanup(p.server.Close)
	return p
}

func (p *proxy) addr() string { return p.server.Listener.Addr().String() }

func (p *proxy) intercept(r rule) { p.rule.Store(&r) }

func (p *proxy) pass() { p.rule.Store(nil) }

// loseAnswer lets Consul do its work and closes the connection instead of answering.
func loseAnswer(_ http.ResponseWriter, r *http.Request, forward http.Handler) {
	forward.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// cutAnswer answers with the first half of what Consul answers.
func cutAnswer(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	whole := httptest.NewRecorder()
	forward.ServeHTTP(whole, r)
	w.WriteHeader(whole.Code)
	_, _ = w.Write(whole.Body.Bytes()[:whole.Body.Len()/2])
}

// withoutGetOrEmpty answers as Consul before 1.14 does.
func withoutGetOrEmpty(w http.ResponseWriter, r *http.Request, forward http.Handler) {
	body, _ := io.ReadAll(r.Body)
	if strings.Contains(string(body), "get-or-empty") {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"Results":null,"Errors":[{"OpIndex":0,"What":"unknown KV operation: get-or-empty"}]}`)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	forward.ServeHTTP(w, r)
}

// always answers with status and text.
func always(status int, text string) rule {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}
