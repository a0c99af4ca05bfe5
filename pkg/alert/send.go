package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// Outcomes of an alert, as sidecar_alerts_total counts them.
const (
	sent    = "sent"
	failed  = "failed"
	dropped = "dropped"
)

// Tries of one alert: 8 over some 2 minutes. The others wait in the queue meanwhile.
const (
	tries       = 8
	firstPause  = time.Second
	longest     = 30 * time.Second
	tryTimeout  = 10 * time.Second
	answerBytes = 64 << 10 // read of an answer, so that its connection can be used again
)

// send posts what is queued, one at a time and in order, until ctx ends.
func (w *Watch) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			w.total.WithLabelValues(dropped).Add(float64(len(w.queue)))
			return
		case a := <-w.queue:
			outcome, err := w.deliver(ctx, a)
			w.total.WithLabelValues(outcome).Inc()
			if outcome == failed {
				w.log(w.cfg.Log.Warn(), a).Err(err).Msg("alert not delivered; it is given up")
			}
		}
	}
}

// deliver tries one alert until it is taken, refused for good, or given up.
func (w *Watch) deliver(ctx context.Context, a Alert) (outcome string, err error) {
	body, err := json.Marshal(a)
	if err != nil {
		return failed, err
	}
	id, wait := newID(), firstPause
	for n := 1; ; n++ {
		err = w.post.try(ctx, id, body)
		var final *finalError
		switch {
		case err == nil:
			return sent, nil
		case ctx.Err() != nil:
			return dropped, ctx.Err()
		case n == tries, errors.As(err, &final):
			return failed, err
		}
		if !pause(ctx, wait/2+rand.N(wait/2)) {
			return dropped, ctx.Err()
		}
		wait = min(2*wait, longest)
	}
}

// finalError is an answer that another try would get again.
type finalError struct{ status int }

func (e *finalError) Error() string {
	return fmt.Sprintf("the webhook answered %d, which it would again", e.status)
}

// poster makes the requests.
type poster struct {
	cfg    Config
	client *http.Client
}

func newPoster(cfg Config) poster {
	return poster{cfg, &http.Client{
		Timeout: tryTimeout,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			MaxIdleConns:        1,
			IdleConnTimeout:     time.Minute,
			TLSHandshakeTimeout: tryTimeout,
			ForceAttemptHTTP2:   true,
		},
		// A redirect could lead anywhere, and in clear.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (p poster) close() { p.client.CloseIdleConnections() }

// try makes one request. The errors do not show the URL, whose path may be a secret.
func (p poster) try(ctx context.Context, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.cfg.Webhook, bytes.NewReader(body))
	if err != nil {
		return errors.New("alerts.webhook is no URL")
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "kafka-sidecar")
	secret := ""
	if p.cfg.Secret != nil {
		secret = p.cfg.Secret()
	}
	if err := sign(req.Header, secret, id, time.Now(), body); err != nil {
		return fmt.Errorf("alerts.secret %w", err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		var of *url.Error
		if errors.As(err, &of) {
			err = of.Err
		}
		return fmt.Errorf("post to the webhook: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, answerBytes) // what it says is of no use
	switch s := resp.StatusCode; {
	case s >= 200 && s < 300:
		return nil
	case s >= 500, s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusTooManyRequests:
		return fmt.Errorf("the webhook answered %d", s)
	default:
		return &finalError{s}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
