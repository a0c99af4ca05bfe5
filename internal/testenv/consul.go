package testenv

import (
	"bytes"
	"encoding/json"
	"errors"
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

// ConsulServer is one Consul server.
type ConsulServer struct {
	*server
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
// in memory and starts empty.
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
	c, err := newConsul(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	c.server.t = t
	t.Cleanup(func() {
		c.printOnFailure(t)
		c.Kill()
	})
	return c
}

// newConsul starts a server with its data in dir.
func newConsul(dir string, opts []ConsulOption) (*ConsulServer, error) {
	path, err := ConsulPath()
	if err != nil {
		return nil, err
	}
	var settings consulSettings
	for _, o := range opts {
		o(&settings)
	}
	var failures []error
	for try := range startTries {
		c, err := tryConsul(filepath.Join(dir, fmt.Sprintf("consul-%d", try)), path, settings)
		if err == nil {
			return c, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func tryConsul(dir, path string, settings consulSettings) (*ConsulServer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("prepare Consul: %w", err)
	}
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	c := &ConsulServer{
		token: settings.token,
		// Connections are not kept: a restarted server would be met with stale ones.
		http: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
	addr := loopback(ports[0])
	proc := &process{
		name: "consul " + addr, output: filepath.Join(dir, "output.log"), dir: dir,
		argv: append([]string{path}, consulArgs(ports, filepath.Join(dir, "data"), settings)...),
	}
	c.server = &server{proc: proc, addr: addr, ready: c.isReady}
	if err := proc.startReady(startWithin, c.isReady); err != nil {
		return nil, err
	}
	return c, nil
}

func consulArgs(ports []int, data string, settings consulSettings) []string {
	args := []string{"agent", "-dev"}
	if settings.onDisk {
		args = []string{"agent", "-server", "-bootstrap-expect=1", "-bind=127.0.0.1", "-data-dir=" + data}
	}
	args = append(args, "-log-level=warn", "-client=127.0.0.1",
		"-http-port="+strconv.Itoa(ports[0]), "-server-port="+strconv.Itoa(ports[1]),
		"-serf-lan-port="+strconv.Itoa(ports[2]), "-serf-wan-port="+strconv.Itoa(ports[3]),
		"-grpc-port=-1", "-grpc-tls-port=-1", "-dns-port=-1",
		"-hcl", "performance { raft_multiplier = 1 }")
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
