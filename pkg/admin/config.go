package admin

// Config is where the two listeners are.
type Config struct {
	MetricsListen string        // /livez /readyz /metrics, read only
	AdminListen   string        // host:port or unix:/path: everything that changes something
	Token         func() string // nil or "" = only loopback and unix addresses are accepted
}

// DefaultConfig is the configuration before anything is set.
func DefaultConfig() Config {
	return Config{MetricsListen: ":7401", AdminListen: "127.0.0.1:7400"}
}
