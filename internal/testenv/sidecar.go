package testenv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// SidecarProcess is a running `sidecar run`.
type SidecarProcess struct {
	*Program
	admin   string
	metrics string
}

// SidecarOption changes how the sidecar is started.
type SidecarOption func(*process)

// Set sets one key of the configuration, for example Set("kafka.topics", "orders,payments").
func Set(key, value string) SidecarOption {
	return func(p *process) { p.argv = append(p.argv, "--set", key+"="+value) }
}

// Env adds NAME=value to the environment.
func Env(name, value string) SidecarOption {
	return func(p *process) { p.env = append(p.env, name+"="+value) }
}

// Binary runs another binary than SidecarPath.
func Binary(path string) SidecarOption {
	return func(p *process) { p.argv[0] = path }
}

// Sidecar starts the real binary with its listeners on free ports, and kills it when the test ends.
func Sidecar(t testing.TB, opts ...SidecarOption) *SidecarProcess {
	t.Helper()
	ports, err := freePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	admin, metrics := loopback(ports[0]), loopback(ports[1])
	proc := &process{name: "sidecar " + admin, argv: []string{SidecarPath(t), "run"}, dir: t.TempDir()}
	for _, o := range append([]SidecarOption{Set("admin.listen", admin), Set("metrics.listen", metrics)}, opts...) {
		o(proc)
	}
	return &SidecarProcess{Program: startProgram(t, proc), admin: admin, metrics: metrics}
}

// Admin is the address of the admin listener, "127.0.0.1:port".
func (s *SidecarProcess) Admin() string { return s.admin }

// MetricsAddr is the address of the listener for health and metrics, "127.0.0.1:port".
func (s *SidecarProcess) MetricsAddr() string { return s.metrics }

// Crashed is an error that ends Eventually when the process has ended as it should in no test that
// waits for something: by a panic or for its configuration (both are code 2).
func (s *SidecarProcess) Crashed() error {
	if !s.proc.running() && s.proc.exit == 2 {
		return GiveUp("the sidecar ended with code 2")
	}
	return nil
}

// WaitReady waits until /readyz answers 200.
func (s *SidecarProcess) WaitReady() {
	s.t.Helper()
	Eventually(s.t, time.Minute, "the sidecar to be ready", func() error {
		if !s.Running() {
			return GiveUp("the sidecar ended with code %d", s.proc.exit)
		}
		status, body, err := s.Get("http://" + s.metrics + "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("/readyz answered %d: %s", status, body)
		}
		return err
	})
}

// Metrics reads /metrics.
func (s *SidecarProcess) Metrics() string {
	s.t.Helper()
	status, body, err := s.Get("http://" + s.metrics + "/metrics")
	if err != nil || status != http.StatusOK {
		s.t.Fatalf("read metrics: status %d: %v", status, err)
	}
	return string(body)
}

// Status decodes GET /v1/status of the admin listener into a *relay.Status. (The type is the caller's,
// so that the packages under test can use testenv themselves.)
func (s *SidecarProcess) Status(into any) error {
	status, body, err := s.Get("http://" + s.admin + "/v1/status")
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fmt.Errorf("/v1/status answered %d: %s", status, body)
	}
	return json.Unmarshal(body, into)
}

// Get reads a URL of one of the listeners.
func (s *SidecarProcess) Get(url string) (int, []byte, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get(url)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, body, err
}

// RunSidecar runs one command of the binary to its end and returns its exit code and output.
func RunSidecar(t testing.TB, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, SidecarPath(t), args...)
	cmd.Dir = t.TempDir()
	cmd.Env = cleanEnv()
	cmd.SysProcAttr = sysProcAttr()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run sidecar %v: %v", args, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("run sidecar %v: still running after 2 min\n%s", args, out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// binary is the sidecar under test, built once per test binary.
var binary struct {
	sync.Once
	path string
	err  error
}

// SidecarPath is the binary under test: SIDECAR_BIN, else a fresh build in the shared folder, which Main removes.
func SidecarPath(t testing.TB) string {
	t.Helper()
	binary.Do(func() {
		if binary.path = os.Getenv("SIDECAR_BIN"); binary.path != "" {
			return
		}
		root, err := moduleRoot()
		if err != nil {
			binary.err = err
			return
		}
		shared.Lock()
		defer shared.Unlock()
		binary.path = filepath.Join(sharedDir(t), "sidecar")
		build := exec.Command("go", "build", "-o", binary.path, "./cmd/sidecar")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			binary.err = fmt.Errorf("build the sidecar: %w\n%s", err, out)
		}
	})
	if binary.err != nil {
		t.Fatal(binary.err)
	}
	return binary.path
}
