package docs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// commandWithin is the deadline of one block; a first `make build` compiles everything.
const commandWithin = 4 * time.Minute

// managementToken is the token of the test's Consul.
const managementToken = "6f3c1d0a-8f1e-4a55-9f2b-0f6d6f0b7c11"

// session is a reader at a terminal: what a block exports holds for the blocks that follow.
type session struct {
	t       *testing.T
	dir     string
	env     []string
	ports   *strings.Replacer // the addresses of the document, as they are here
	app     string
	metrics string
	servers map[string]*serverBlock // by their first word
}

// serverBlock is a command that does not end by itself.
type serverBlock struct {
	cmd    *exec.Cmd
	output string // path of a file
	done   chan struct{}
}

func newSession(t *testing.T) *session {
	kafka := testenv.Kafka(t)
	consul := testenv.Consul(t, testenv.ConsulACL(managementToken))
	app, metrics, admin := freeAddr(t), freeAddr(t), freeAddr(t)
	_, appPort, _ := net.SplitHostPort(app)
	return &session{
		t: t, dir: t.TempDir(), app: app, metrics: metrics,
		ports: strings.NewReplacer("localhost:9092", kafka.Addr(), "127.0.0.1:8500", consul.Addr(), "8080", appPort),
		env: append(os.Environ(),
			"PATH="+testenv.Tools(t)+string(os.PathListSeparator)+os.Getenv("PATH"),
			"CONSUL_HTTP_ADDR="+consul.Addr(), "CONSUL_HTTP_TOKEN="+managementToken,
			"SIDECAR_METRICS_LISTEN="+metrics, "SIDECAR_ADMIN_LISTEN="+admin),
		servers: map[string]*serverBlock{},
	}
}

func freeAddr(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// command is a block for bash, in the folder and environment its reader has. The sidecar gets no
// token from the environment: it must live on the rights the document gives it.
func (s *session) command(script string) *exec.Cmd {
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", s.ports.Replace(script))
	cmd.Dir, cmd.Env = s.dir, s.env
	if strings.HasPrefix(script, "make ") {
		cmd.Dir = root(s.t)
	}
	if strings.Contains(script, "sidecar ") {
		cmd.Env = slices.DeleteFunc(slices.Clone(s.env), func(v string) bool { return strings.HasPrefix(v, "CONSUL_HTTP_TOKEN=") })
	}
	return cmd
}

// run runs a block to its end and returns its output.
func (s *session) run(script string) (string, error) {
	exported := filepath.Join(s.dir, ".env")
	cmd := s.command(script + "\nenv -0 > '" + exported + "'\n")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	ctx, cancel := context.WithTimeout(context.Background(), commandWithin)
	defer cancel()
	if err := cmd.Start(); err != nil {
		return "", err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("run\n%s: %w\n%s", script, err, out.String())
	}
	if strings.Contains(script, "export ") {
		env, err := os.ReadFile(exported)
		if err != nil {
			return out.String(), err
		}
		s.env = append(strings.Split(strings.TrimSuffix(string(env), "\x00"), "\x00"), "CONSUL_HTTP_TOKEN="+managementToken)
	}
	return out.String(), nil
}

// serve starts a block that does not end, and kills it when the test ends.
func (s *session) serve(script string) {
	name := strings.Fields(script)[0]
	b := &serverBlock{cmd: s.command("exec " + script), output: filepath.Join(s.dir, name+".log"), done: make(chan struct{})}
	out, err := os.Create(b.output)
	if err != nil {
		s.t.Fatal(err)
	}
	defer out.Close()
	b.cmd.Stdout, b.cmd.Stderr = out, out
	if err := b.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = b.cmd.Wait() // the exit code is read from the process's state
		close(b.done)
	}()
	s.servers[name] = b
	s.t.Cleanup(func() {
		_ = b.cmd.Process.Kill() // fails only when it has ended
		<-b.done
		if s.t.Failed() {
			s.t.Logf("output of %s:\n%s", name, b.log())
		}
	})
	testenv.Eventually(s.t, time.Minute, name+" to be up", func() error {
		if name == "sidecar" {
			return s.ready()
		}
		conn, err := net.Dial("tcp", s.app)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

func (s *session) ready() error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Get("http://" + s.metrics + "/readyz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("/readyz answered %d", resp.StatusCode)
	}
	return nil
}

func (b *serverBlock) log() string {
	text, err := os.ReadFile(b.output)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// terminate sends SIGTERM and returns the exit code.
func (b *serverBlock) terminate(t *testing.T) int {
	if err := b.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, time.Minute, "the end after SIGTERM", func() error {
		select {
		case <-b.done:
			return nil
		default:
			return errors.New("still running")
		}
	})
	return b.cmd.ProcessState.ExitCode()
}
