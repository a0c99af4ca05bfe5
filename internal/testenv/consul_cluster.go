package testenv

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
)

// ConsulCluster is some Consul servers that elect a leader among themselves.
type ConsulCluster struct {
	t       testing.TB
	Servers []*ConsulServer
}

// ConsulServers starts n servers (1 or 3) of the test's own and ends them with the test.
func ConsulServers(t testing.TB, n int, opts ...ConsulOption) *ConsulCluster {
	t.Helper()
	c, err := newConsulCluster(t.TempDir(), n, opts)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	for _, s := range c.Servers {
		s.server.t = t
		t.Cleanup(func() {
			s.printOnFailure(t)
			s.Kill()
		})
	}
	return c
}

// newConsulCluster starts n servers with their data in dir.
func newConsulCluster(dir string, n int, opts []ConsulOption) (*ConsulCluster, error) {
	path, err := ConsulPath()
	if err != nil {
		return nil, err
	}
	settings := consulSettings{onDisk: n > 1}
	for _, o := range opts {
		o(&settings)
	}
	return inTries(func(try int) (*ConsulCluster, error) {
		return tryConsulCluster(filepath.Join(dir, fmt.Sprintf("consul-%d", try)), path, n, settings)
	})
}

func tryConsulCluster(dir, path string, n int, settings consulSettings) (*ConsulCluster, error) {
	free, err := freePorts(4 * n)
	if err != nil {
		return nil, err
	}
	ports := make([]consulPorts, n)
	for i := range ports {
		ports[i] = consulPorts{http: free[4*i], rpc: free[4*i+1], lan: free[4*i+2], wan: free[4*i+3]}
	}
	c := &ConsulCluster{Servers: make([]*ConsulServer, n)}
	for i := range c.Servers {
		if c.Servers[i], err = prepareConsul(filepath.Join(dir, fmt.Sprint(i+1)), path, i, ports, settings); err != nil {
			return nil, err
		}
	}
	return c, c.start()
}

func (c *ConsulCluster) start() error {
	servers := make([]*server, len(c.Servers))
	for i, s := range c.Servers {
		servers[i] = s.server
	}
	return startTogether(servers)
}

// Start starts every server that does not run, on the same ports and data, and waits until all of them answer consistent reads.
// (A server alone waits in its own Start for a majority.)
func (c *ConsulCluster) Start() {
	c.t.Helper()
	if err := c.start(); err != nil {
		c.t.Fatal(err)
	}
}

// Leader is the server that says of itself that it leads; nil = none does, as without a majority.
func (c *ConsulCluster) Leader() *ConsulServer {
	for _, s := range c.Servers {
		status, body, err := s.call(http.MethodGet, "/v1/status/leader", nil)
		var leader string
		if err == nil && status == http.StatusOK && json.Unmarshal(body, &leader) == nil && leader == s.rpc {
			return s
		}
	}
	return nil
}

// Serving is a server that answers consistent reads; nil = none does.
func (c *ConsulCluster) Serving() *ConsulServer {
	for _, s := range c.Servers {
		if s.isReady() == nil {
			return s
		}
	}
	return nil
}
