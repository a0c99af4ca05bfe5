package testenv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ConsulServer is one Consul server, alone or of a cluster.
type ConsulServer struct {
	*server
	rpc   string // where the servers of a cluster talk to one another
	token string
	http  *http.Client
}

// ConsulOption changes the server's set-up.
type ConsulOption func(*consulSettings)

type consulSettings struct {
	onDisk bool
	token  string
	hcl    []string
}

// ConsulOnDisk keeps the data on disk, so that it survives Kill and Start. Without it the server runs
// in memory and starts empty. A cluster always keeps its data on disk.
func ConsulOnDisk() ConsulOption { return func(s *consulSettings) { s.onDisk = true } }

// ConsulACL switches access control on, denying by default, with token (a UUID) as the first management token.
func ConsulACL(token string) ConsulOption { return func(s *consulSettings) { s.token = token } }

// ConsulHCL adds a fragment of configuration.
func ConsulHCL(fragment string) ConsulOption {
	return func(s *consulSettings) { s.hcl = append(s.hcl, fragment) }
}

// Consul starts a server of the test's own and ends it with the test.
func Consul(t testing.TB, opts ...ConsulOption) *ConsulServer {
	t.Helper()
	return ConsulServers(t, 1, opts...).Servers[0]
}

// newConsul starts a server with its data in dir.
func newConsul(dir string, opts []ConsulOption) (*ConsulServer, error) {
	c, err := newConsulCluster(dir, 1, opts)
	if err != nil {
		return nil, err
	}
	return c.Servers[0], nil
}

// forTest is the same server with failures reported to another test.
func (c *ConsulServer) forTest(t testing.TB) *ConsulServer {
	other := *c
	other.server = c.server.forTest(t)
	return &other
}

// consulPorts are those of one server.
type consulPorts struct{ http, rpc, lan, wan int }

// prepareConsul makes server number i of a cluster of len(ports); nothing is started.
func prepareConsul(dir, path string, i int, ports []consulPorts, settings consulSettings) (*ConsulServer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("prepare Consul: %w", err)
	}
	c := &ConsulServer{
		rpc: loopback(ports[i].rpc), token: settings.token,
		// Connections are not kept: a restarted server would be met with stale ones.
		http: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	addr := loopback(ports[i].http)
	proc := &process{
		name: fmt.Sprintf("consul %d %s", i+1, addr), output: filepath.Join(dir, "output.log"), dir: dir,
		argv: append([]string{path}, consulArgs(i, ports, filepath.Join(dir, "data"), settings)...),
	}
	c.server = &server{proc: proc, addr: addr, ready: c.isReady}
	return c, nil
}

func consulArgs(i int, ports []consulPorts, data string, settings consulSettings) []string {
	args := []string{"agent", "-dev"}
	if settings.onDisk {
		args = []string{"agent", "-server", "-bind=127.0.0.1", "-data-dir=" + data, "-bootstrap-expect=" + strconv.Itoa(len(ports))}
	}
	args = append(args, "-log-level=warn", "-client=127.0.0.1", "-node=consul-"+strconv.Itoa(i+1),
		"-http-port="+strconv.Itoa(ports[i].http), "-server-port="+strconv.Itoa(ports[i].rpc),
		"-serf-lan-port="+strconv.Itoa(ports[i].lan), "-serf-wan-port="+strconv.Itoa(ports[i].wan),
		"-grpc-port=-1", "-grpc-tls-port=-1", "-dns-port=-1",
		// A server that is down stays a voter: two of three are a majority, one is not, whatever happened before.
		"-hcl", "performance { raft_multiplier = 1 } autopilot { cleanup_dead_servers = false }")
	if len(ports) > 1 {
		args = append(args, "-retry-interval=1s")
		for _, p := range ports {
			args = append(args, "-retry-join="+loopback(p.lan))
		}
	}
	if settings.token != "" {
		args = append(args, "-hcl", fmt.Sprintf(
			`acl { enabled = true default_policy = "deny" tokens { initial_management = %q agent = %q } }`, settings.token, settings.token))
	}
	for _, fragment := range settings.hcl {
		args = append(args, "-hcl", fragment)
	}
	return args
}

// isReady is nil when there is a leader that answers consistent reads (and knows the token).
func (c *ConsulServer) isReady() error {
	status, body, err := c.call(http.MethodGet, "/v1/kv/testenv-ready?consistent", nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK && status != http.StatusNotFound {
		return fmt.Errorf("answered %d: %s", status, body)
	}
	return nil
}

func (c *ConsulServer) call(method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequest(method, "http://"+c.addr+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("X-Consul-Token", c.token)
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// Call sends a request to the HTTP API (path with its leading slash and query) with the management
// token and returns status and body: for policies, tokens and anything else a test needs.
func (c *ConsulServer) Call(method, path string, body []byte) (int, []byte) {
	c.t.Helper()
	status, answer, err := c.call(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s on Consul: %v", method, path, err)
	}
	return status, answer
}

// Get reads a key; ok is false when it is absent.
func (c *ConsulServer) Get(key string) (value []byte, ok bool) {
	c.t.Helper()
	status, body := c.Call(http.MethodGet, "/v1/kv/"+key+"?raw&consistent", nil)
	switch status {
	case http.StatusOK:
		return body, true
	case http.StatusNotFound:
		return nil, false
	}
	c.t.Fatalf("read key %s: Consul answered %d: %s", key, status, body)
	return nil, false
}

// Put writes a key, whatever its version.
func (c *ConsulServer) Put(key string, value []byte) {
	c.t.Helper()
	if status, body := c.Call(http.MethodPut, "/v1/kv/"+key, value); status != http.StatusOK {
		c.t.Fatalf("write key %s: Consul answered %d: %s", key, status, strings.TrimSpace(string(body)))
	}
}

// Delete removes a key.
func (c *ConsulServer) Delete(key string) {
	c.t.Helper()
	if status, body := c.Call(http.MethodDelete, "/v1/kv/"+key, nil); status != http.StatusOK {
		c.t.Fatalf("delete key %s: Consul answered %d: %s", key, status, strings.TrimSpace(string(body)))
	}
}

// List reads all keys below a prefix from one state of the store; ok is false when Consul does not
// answer. It may be called from any goroutine.
func (c *ConsulServer) List(prefix string) (values map[string][]byte, ok bool) {
	status, body, err := c.call(http.MethodGet, "/v1/kv/"+prefix+"?recurse&consistent", nil)
	if err != nil || status != http.StatusOK && status != http.StatusNotFound {
		return nil, false
	}
	values = map[string][]byte{}
	if status == http.StatusNotFound {
		return values, true
	}
	var entries []struct {
		Key   string
		Value []byte
	}
	if json.Unmarshal(body, &entries) != nil {
		return nil, false
	}
	for _, e := range entries {
		values[e.Key] = e.Value
	}
	return values, true
}
