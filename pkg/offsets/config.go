package offsets

import (
	"time"

	"github.com/rs/zerolog"
)

// ConsulConfig is how to reach Consul and where under it the offsets are. Empty strings leave the
// choice to Consul's own environment variables (CONSUL_HTTP_ADDR, CONSUL_HTTP_TOKEN, …).
type ConsulConfig struct {
	Prefix     string // may hold "/", none leading or trailing
	Group      string
	Address    string
	Scheme     string
	Token      func() string // nil = Consul's environment; asked again after a 403
	Datacenter string
	Timeout    time.Duration // of every call
	TLS        TLS
	Log        zerolog.Logger
}

// TLS names the files of a TLS set-up; Enabled false = as Consul's environment says.
type TLS struct {
	Enabled            bool
	CAFile             string
	CertFile           string
	KeyFile            string
	ServerName         string
	InsecureSkipVerify bool
}

// FileConfig is where the file store keeps its documents.
type FileConfig struct {
	Path  string // a folder, created if missing
	Group string
}

// DefaultConsulConfig is the configuration before anything is set.
func DefaultConsulConfig() ConsulConfig {
	return ConsulConfig{Prefix: "kafka-sidecar", Timeout: 5 * time.Second}
}

// DefaultFileConfig is the configuration before anything is set.
func DefaultFileConfig() FileConfig { return FileConfig{Path: "./data"} }
