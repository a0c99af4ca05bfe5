package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// secret is the example key of the specification of Standard Webhooks.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// The test vector of the specification's libraries.
func TestSignature(t *testing.T) {
	h := http.Header{}
	at := time.Unix(1614265330, 0)
	require.NoError(t, sign(h, secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, []byte(`{"test": 2432232314}`)))
	require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", h.Get("webhook-signature"))
	require.Equal(t, "1614265330", h.Get("webhook-timestamp"))

	for _, bad := range []string{"whsec_", "whsec_!", "whsec_c2hvcnQ=", "s3cret"} {
		err := sign(h, bad, "id", at, nil)
		require.ErrorIs(t, err, errSecret)
		require.Equal(t, err, CheckSecret(bad))
		require.NotContains(t, strings.ReplaceAll(err.Error(), "whsec_ ", ""), bad)
	}
	require.NoError(t, CheckSecret(secret))
	require.NotContains(t, newID(), ".")
	require.NotEqual(t, newID(), newID())
}

func TestCheckWebhook(t *testing.T) {
	for raw, says := range map[string]string{
		"https://hooks.example.com/x?y=z": "", "http://127.0.0.1:9/x": "", "http://localhost/": "", "http://[::1]:80": "",
		"http://hooks.example.com/x": "alerts.allow_http", "http://10.0.0.1/": "alerts.allow_http", "ftp://127.0.0.1/": "must begin with",
		"hooks.example.com": "must be a URL", "https://": "must be a URL", "https://a b/": "must be a URL", "https://a/#x": "fragment", "https://a:x/": "must be a URL",
	} {
		err := CheckWebhook(raw, false)
		if says == "" {
			require.NoError(t, err, raw)
		} else {
			require.ErrorContains(t, err, says, raw)
		}
	}
	require.NoError(t, CheckWebhook("http://hooks.example.com/x", true))
}

// One request is as a receiver's library expects it.
func TestRequest(t *testing.T) {
	var got *http.Request
	var body []byte
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer hook.Close()
	p := newPoster(Config{Webhook: hook.URL + "/hook?k=v", Secret: func() string { return secret }})
	defer p.close()
	require.NoError(t, p.try(t.Context(), "msg_1", []byte(`{"type":"blocked"}`)))
	require.Equal(t, []string{"POST", "/hook?k=v", "application/json", `{"type":"blocked"}`}, []string{got.Method, got.URL.String(), got.Header.Get("Content-Type"), string(body)})
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	require.NoError(t, err)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("msg_1." + got.Header.Get("webhook-timestamp") + `.{"type":"blocked"}`))
	require.Equal(t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), got.Header.Get("webhook-signature"))
}

func TestAnswers(t *testing.T) {
	status, visits := 0, 0
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		visits++
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
	}))
	defer hook.Close()
	p := newPoster(Config{Webhook: hook.URL})
	defer p.close()
	for s, final := range map[int]bool{307: true, 400: true, 401: true, 404: true, 410: true, 408: false, 425: false, 429: false, 500: false, 503: false} {
		status, visits = s, 0
		err := p.try(t.Context(), "id", nil)
		var f *finalError
		require.Equal(t, final, errors.As(err, &f), s)
		require.Equal(t, 1, visits, "a redirect is not followed")
	}
	status = 204
	require.NoError(t, p.try(t.Context(), "id", nil))
}

// What can't be reached is not shown with its path, which may be a secret.
func TestErrorsDoNotShowTheURL(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	p := newPoster(Config{Webhook: gone.URL + "/s3cret"})
	err := p.try(t.Context(), "id", nil)
	require.ErrorContains(t, err, "post to the webhook: ")
	require.NotContains(t, err.Error(), "s3cret")
	p.cfg.Secret = func() string { return "whsec_?" }
	require.ErrorIs(t, p.try(t.Context(), "id", nil), errSecret)
}

// hook plays the webhook in a bubble, where no real connection can be waited for.
type hook func(*http.Request) (int, error)

func (h hook) RoundTrip(r *http.Request) (*http.Response, error) {
	status, err := h(r)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Body: http.NoBody, Request: r}, nil
}

// engine is one that a test plays.
type engine struct {
	events []relay.Event
	status relay.Status
	asked  atomic.Int32
}

func (e *engine) Events(_ context.Context, after int64) ([]relay.Event, error) {
	return e.events[min(int(after), len(e.events)):], nil
}

func (e *engine) Status(context.Context) (relay.Status, error) {
	e.asked.Add(1)
	return e.status, nil
}

func (e *engine) Live() error { return nil }

// watched is a watch with its registry.
type watched struct {
	*Watch
	reg *prometheus.Registry
}

func newWatch(e *engine, h hook) watched {
	reg := prometheus.NewRegistry()
	w := New(Config{Webhook: "http://127.0.0.1/hook", After: time.Minute, Log: zerolog.Nop()}, e, reg)
	w.post.client.Transport = h
	return watched{w, reg}
}

// counts are the alerts by outcome; an outcome without a series is not there.
func (w watched) counts(t *testing.T) map[string]float64 {
	families, err := w.reg.Gather()
	require.NoError(t, err)
	counts := map[string]float64{}
	for _, f := range families {
		require.Equal(t, "sidecar_alerts_total", f.GetName())
		for _, m := range f.GetMetric() {
			counts[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return counts
}

func outcomes(sent, failed, dropped float64) map[string]float64 {
	return map[string]float64{"sent": sent, "failed": failed, "dropped": dropped}
}

// runFor runs a watch in a bubble for so long.
func runFor(t *testing.T, w watched, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	require.NoError(t, w.Run(ctx))
}

func numbered(evs ...relay.Event) []relay.Event {
	for i := range evs {
		evs[i].Seq, evs[i].Time = int64(i+1), time.Now()
	}
	return evs
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{events: numbered(happened("blocked", "orders", 3, "poison"), happened("claimed", "orders", 4, "")), status: *well()}
		visits := 0
		w := newWatch(e, func(*http.Request) (int, error) { visits++; return 200, nil })
		runFor(t, w, time.Minute)
		require.Equal(t, 1, visits)
		require.Equal(t, outcomes(1, 0, 0), w.counts(t))
		require.LessOrEqual(t, int(e.asked.Load()), 13, "a status each 5 seconds")
	})
}

// The same message is tried again, with the time of the try, and given up in the end.
func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids, stamps := map[string]bool{}, map[string]bool{}
		var at []time.Time
		w := newWatch(&engine{events: numbered(happened("blocked", "orders", 3, "poison")), status: *well()}, func(r *http.Request) (int, error) {
			ids[r.Header.Get("webhook-id")], stamps[r.Header.Get("webhook-timestamp")] = true, true
			at = append(at, time.Now())
			return 0, errors.New("connection refused")
		})
		runFor(t, w, time.Hour)
		require.Equal(t, []int{tries, 1}, []int{len(at), len(ids)})
		require.Equal(t, outcomes(0, 1, 0), w.counts(t))
		require.Greater(t, len(stamps), 5)
		for i := 1; i < len(at); i++ {
			require.Greater(t, at[i].Sub(at[i-1]), firstPause/2-time.Millisecond)
			require.LessOrEqual(t, at[i].Sub(at[i-1]), longest)
		}
	})
}

func TestRefusedForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		visits := 0
		w := newWatch(&engine{events: numbered(happened("blocked", "orders", 3, "poison")), status: *well()}, func(*http.Request) (int, error) { visits++; return 404, nil })
		runFor(t, w, time.Hour)
		require.Equal(t, 1, visits)
		require.Equal(t, outcomes(0, 1, 0), w.counts(t))
	})
}

// A webhook that hangs holds up neither the looking nor the end; what finds no place is counted.
func TestHangingWebhook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &engine{status: *well()}
		for i := range 30 { // kinds of their own, so that nothing sums them up
			for n := range int32(windowSize) {
				e.events = append(e.events, happened("blocked", "orders", n+int32(i)*windowSize, "reason-"+string(rune('A'+i))))
			}
		}
		numbered(e.events...)
		w := newWatch(e, func(r *http.Request) (int, error) {
			<-r.Context().Done()
			return 0, r.Context().Err()
		})
		start := time.Now()
		runFor(t, w, 5*time.Second)
		require.Equal(t, 5*time.Second, time.Since(start))
		require.Equal(t, outcomes(0, 0, 300), w.counts(t), "some found no place; the others are dropped at the end")
	})
}
