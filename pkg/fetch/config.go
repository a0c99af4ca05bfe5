package fetch

import (
	"crypto/tls"
	"time"

	"github.com/rs/zerolog"
)

// Config is what the Kafka side needs to know. Zero values are not defaults: see DefaultConfig.
type Config struct {
	Brokers          []string
	Topics           []string
	Group            string
	ClientID         string // "" = kafka-sidecar
	Rack             string // "" = no rack-aware fetching
	InstanceID       string // "" = dynamic member
	GroupProtocol    string // classic | consumer
	IsolationLevel   string // read_committed | read_uncommitted
	SessionTimeout   time.Duration
	RebalanceTimeout time.Duration
	MetadataInterval time.Duration // = watch.interval: how old the client's own metadata may get
	MemoryBudget     int64         // = memory.max_bytes: bounds the fetch sizes
	Pace             time.Duration // least time between a fetch that brought little and the next; 0 = none
	TLS              *tls.Config   // nil = plaintext
	SASL             SASL
	Log              zerolog.Logger
}

// SASL is how to authenticate; Mechanism "" = not at all.
type SASL struct {
	Mechanism string // PLAIN | SCRAM-SHA-256 | SCRAM-SHA-512
	Username  string
	Password  func() string // asked at every authentication, so that it can rotate
}

// DefaultConfig is the configuration before anything is set.
func DefaultConfig() Config {
	return Config{
		Brokers:          []string{"localhost:9092"},
		GroupProtocol:    "classic",
		IsolationLevel:   "read_committed",
		SessionTimeout:   45 * time.Second,
		RebalanceTimeout: 60 * time.Second,
		MetadataInterval: 10 * time.Second,
		MemoryBudget:     128 << 20,
	}
}
