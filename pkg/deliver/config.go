package deliver

import (
	"errors"
	"fmt"
	"time"
)

// Config is where the app is and how batches are written for it. Zero values are not defaults: see
// DefaultConfig.
type Config struct {
	URL      string        // http://host:port/path or unix:/socket:/path; the path may contain {topic}
	ReadyURL string        // the same forms without {topic}; "" = the app's port accepts a connection
	Timeout  time.Duration // of one attempt, from the dial to the whole answer
	Token    func() string // asked for every request, so that it can rotate; nil or "" = no Authorization header
	Format   string        // json | columns
	Value    string        // auto | json | base64; columns ignores it
	MaxBytes int           // of an encoded body; a single larger record travels alone
	Lanes    int           // how many requests may be in flight
}

// DefaultConfig is the configuration before anything is set.
func DefaultConfig() Config {
	return Config{
		URL:      "http://127.0.0.1:8080/batches",
		Timeout:  15 * time.Second,
		Format:   "json",
		Value:    "auto",
		MaxBytes: 1 << 20,
		Lanes:    1,
	}
}

// Validate reports every problem at once, one a line, each with the dotted path of its setting.
func (c Config) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if _, err := parseTarget(c.URL, true); err != nil {
		bad("app.url: %w", err)
	}
	if c.ReadyURL != "" {
		if _, err := parseTarget(c.ReadyURL, false); err != nil {
			bad("app.ready_url: %w", err)
		}
	}
	if c.Timeout <= 0 {
		bad("app.timeout: must be above 0 (got %s)", c.Timeout)
	}
	if c.Format != "json" && c.Format != "columns" {
		bad("batch.format: must be json or columns (got %q)", c.Format)
	}
	if c.Value != "auto" && c.Value != "json" && c.Value != "base64" {
		bad("batch.value: must be auto, json or base64 (got %q)", c.Value)
	}
	if c.MaxBytes < 1 {
		bad("batch.max_bytes: must be at least 1 (got %d)", c.MaxBytes)
	}
	if c.Lanes < 1 {
		bad("deliver.lanes: must be at least 1 (got %d)", c.Lanes)
	}
	return errors.Join(problems...)
}
