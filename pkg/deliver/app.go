package deliver

import (
	"fmt"
	"strings"
	"time"
)

// App is the application the batches are for. Encode may be called concurrently; Send one at a time
// per lane; Ready at any time.
type App struct {
	target   target
	ready    target // path "" = a connection is enough
	timeout  time.Duration
	token    func() string
	columns  bool
	value    valueForm
	maxBytes int
	lanes    []*lane
}

// New checks cfg and prepares the lanes. It connects to nothing. The error names every problem, one a line.
func New(cfg Config) (*App, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("configure the app: %w", err)
	}
	a := &App{
		timeout:  cfg.Timeout,
		token:    cfg.Token,
		columns:  cfg.Format == "columns",
		value:    map[string]valueForm{"auto": valueAuto, "json": valueJSON, "base64": valueBase64}[cfg.Value],
		maxBytes: cfg.MaxBytes,
	}
	var err error
	if a.target, err = parseTarget(cfg.URL, true); err != nil {
		return nil, fmt.Errorf("app.url: %w", err)
	}
	if cfg.ReadyURL != "" {
		if a.ready, err = parseTarget(cfg.ReadyURL, false); err != nil {
			return nil, fmt.Errorf("app.ready_url: %w", err)
		}
	}
	for range cfg.Lanes {
		a.lanes = append(a.lanes, newLane(&a.target))
	}
	return a, nil
}

// URL is the app's address for people: user and password are hidden, {topic} stands as it was given.
func (a *App) URL() string { return a.target.shown }

// Address is where requests go, as net.Dial wants it.
func (a *App) Address() (network, address string) { return a.target.network, a.target.address }

// TopicInURL reports whether the path holds {topic}: a batch may then hold one topic only.
func (a *App) TopicInURL() bool { return a.target.perTopic() }

// Close closes the connections that are kept for the next request. No Send may be running; one that
// comes later connects anew.
func (a *App) Close() {
	for _, l := range a.lanes {
		l.drop()
	}
}

// authorization is the value of that header; "" = none. The token is asked for each time.
func (a *App) authorization(t *target) string {
	if a.token != nil {
		if token := strings.TrimSpace(a.token()); token != "" {
			return "Bearer " + token
		}
	}
	return t.basic
}

// ContentType is that of the bodies Encode writes.
func (a *App) ContentType() string {
	if a.columns {
		return "application/vnd.kafka-sidecar.columns"
	}
	return "application/json"
}
