package admin

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Config is where the two listeners are.
type Config struct {
	MetricsListen string        // /livez /readyz /metrics, read only
	AdminListen   string        // host:port or unix:/path: everything that changes something
	Token         func() string // nil or "" = only loopback and unix addresses are accepted
	Profiles      bool          // serve Go's profiles below /debug/pprof/ of the admin listener
	BodyType      string        // content type of the bodies that the app gets, for /v1/record
	Groups        *Groups       // nil = /v1/groups has none
}

// DefaultConfig is the configuration before anything is set.
func DefaultConfig() Config {
	return Config{MetricsListen: ":7401", AdminListen: "127.0.0.1:7400"}
}

// unixPrefix marks the address of a unix socket.
const unixPrefix = "unix:"

// ErrNeedsToken: the admin address can be reached from other hosts and no token protects it.
var ErrNeedsToken = errors.New("is reachable from other hosts: set admin.token_file, or listen on 127.0.0.1 or unix:/path")

// CheckListen says whether the admin listener may be opened at addr; the error is ErrNeedsToken or
// says what is wrong with the address.
func CheckListen(addr string, token bool) error {
	if path, ok := strings.CutPrefix(addr, unixPrefix); ok {
		if path == "" {
			return errors.New("names no path after unix:, as in unix:/run/sidecar/admin.sock")
		}
		return nil
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("is no host:port or unix:/path: %w", err)
	}
	if !token && !loopback(host) {
		return ErrNeedsToken
	}
	return nil
}

// loopback: the host names this machine to itself only. An empty host is every interface.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
