package deliver

import "time"

// Config is where the app is and how batches are written for it.
type Config struct {
	URL      string        // http://host:port/path or unix:/socket:/path; the path may contain {topic}
	ReadyURL string        // "" = the app's port accepts a connection
	Timeout  time.Duration // of one attempt
	Token    func() string // nil = no Authorization header
	Format   string        // json | columns
	Value    string        // auto | json | base64
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
