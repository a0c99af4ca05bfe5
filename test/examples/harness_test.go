package examples

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const (
	// soon is the bound for everything that should happen within seconds; generous for a busy machine.
	soon = time.Minute
	// runWithin is the deadline of a command that ends by itself; it may compile or fetch something.
	runWithin = 8 * time.Minute
)

// example is one folder of examples/: its app and, once started, the sidecar beside it.
type example struct {
	t       *testing.T
	dir     string
	blocks  map[string][]string // of its README, by kind: sh, sh app, sh sidecar
	path    string              // PATH with the sidecar under test in front
	url     string              // of the app, without a path
	appEnv  []string
	app     *testenv.Program
	sidecar *testenv.Program

	kafka   *testenv.KafkaServer
	consul  *testenv.ConsulServer
	topic   string
	group   string
	metrics string
	stopped int // exit code of the app after SIGTERM, where it is not 0: a Java process has that of the signal
}

// open reads the README of a folder of examples/. Each pair of words is replaced in its commands, and must be there.
func open(t *testing.T, folder string, replace ...string) *example {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("../../examples", folder))
	require.NoError(t, err)
	readme, err := os.ReadFile(filepath.Join(dir, "README.md"))
	require.NoError(t, err)
	text := string(readme)
	for i := 0; i+1 < len(replace); i += 2 {
		require.Contains(t, text, replace[i], "what the test replaces in %s/README.md", folder)
		text = strings.ReplaceAll(text, replace[i], replace[i+1])
	}
	return &example{t: t, dir: dir, blocks: blocks(text), path: pathWithSidecar(t)}
}

// blocks are the fenced blocks of a document by what stands after their fence.
func blocks(doc string) map[string][]string {
	found := map[string][]string{}
	for i, part := range strings.Split("\n"+doc, "\n```") {
		if info, text, _ := strings.Cut(part, "\n"); i%2 == 1 { // odd: inside of a pair of fences
			found[info] = append(found[info], text+"\n")
		}
	}
	return found
}

// pathWithSidecar is PATH as a reader has it after `make build`.
func pathWithSidecar(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Symlink(testenv.SidecarPath(t), filepath.Join(dir, "sidecar")))
	return dir + string(os.PathListSeparator) + os.Getenv("PATH")
}

// need fails the test when a program that the README expects is not there.
func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("this example needs %s on the PATH: install it", program)
	}
}

// only is the single block of a kind.
func (e *example) only(kind string) string {
	e.t.Helper()
	require.Len(e.t, e.blocks[kind], 1, "blocks of the kind `%s` in %s/README.md", kind, e.dir)
	return e.blocks[kind][0]
}

// run runs a script to its end in the example's folder and returns its output. The address of the app in it, where
// no variable can tell it, is made the one in use.
func (e *example) run(script string, env ...string) string {
	e.t.Helper()
	env = append([]string{"PATH=" + e.path}, env...)
	script = strings.ReplaceAll(script, "http://127.0.0.1:8080", e.url)
	c := testenv.StartScript(e.t, "command of "+filepath.Base(e.dir), e.dir, script+"\ntrue", env...)
	code := c.Wait(runWithin)
	require.Equal(e.t, 0, code, "exit code of\n%s\n%s", script, c.Log())
	return c.Log()
}

// startApp starts the app on a port of its own, and waits until it answers GET / with 200.
func (e *example) startApp(env ...string) {
	e.t.Helper()
	addr := testenv.FreeAddr(e.t)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(e.t, err)
	e.url = "http://" + addr
	e.appEnv = append([]string{"PATH=" + e.path, "PORT=" + port}, env...)
	e.app = testenv.StartScript(e.t, filepath.Base(e.dir), e.dir, e.only("sh app"), e.appEnv...)
	e.eventually("the app to be ready", func() error { return wants200(e.url + "/") })
}

// variables tell the sidecar where everything is in this test, under the names that examples/README.md has for them.
func (e *example) variables() []string {
	return []string{
		"PATH=" + e.path,
		"SIDECAR_APP_URL=" + e.url + "/batches", "SIDECAR_APP_READY_URL=" + e.url + "/",
		"SIDECAR_KAFKA_BROKERS=" + e.kafka.Addr(), "SIDECAR_OFFSETS_CONSUL_ADDRESS=" + e.consul.Addr(),
		"SIDECAR_KAFKA_TOPICS=" + e.topic, "SIDECAR_GROUP=" + e.group,
		"SIDECAR_METRICS_LISTEN=" + e.metrics, "SIDECAR_ADMIN_LISTEN=" + testenv.FreeAddr(e.t),
	}
}

// startSidecar starts the sidecar against the app, with topics and a group of the test's own.
func (e *example) startSidecar(env ...string) {
	e.t.Helper()
	e.topic, e.group = testenv.Name(e.t, "orders"), testenv.Name(e.t, "group")
	kafka := testenv.SharedKafka(e.t)
	kafka.CreateTopic(e.topic, 3)
	kafka.CreateTopic(e.topic+".dead", 1)
	e.consume(env...)
}

// consume starts the sidecar on topics that are there, and waits until it is ready.
func (e *example) consume(env ...string) {
	e.t.Helper()
	e.kafka, e.consul, e.metrics = testenv.SharedKafka(e.t), testenv.SharedConsul(e.t), testenv.FreeAddr(e.t)
	e.sidecar = testenv.StartScript(e.t, "sidecar of "+filepath.Base(e.dir), e.dir, e.only("sh sidecar"), append(e.variables(), env...)...)
	e.eventually("the sidecar to be ready", func() error { return wants200("http://" + e.metrics + "/readyz") })
}

// eventually waits for cond, but not for a process that has ended.
func (e *example) eventually(what string, cond func() error) {
	e.t.Helper()
	testenv.Eventually(e.t, soon, what, func() error {
		for _, p := range []*testenv.Program{e.app, e.sidecar} {
			if p == nil {
				continue
			}
			if err := p.Crashed(); err != nil {
				return err
			}
		}
		return cond()
	})
}

// stop ends the app and then the sidecar with SIGTERM, in the order in which Kubernetes ends a pod with a sidecar. The
// app must close the connection that the sidecar keeps, and both must end as they should.
func (e *example) stop() {
	e.t.Helper()
	require.Equal(e.t, e.stopped, e.app.Stop(), "exit code of the app")
	require.Equal(e.t, 0, e.sidecar.Stop(), "exit code of the sidecar")
}

// client keeps no connection, so that a stopping app waits for none.
var client = http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// get reads a URL.
func get(url string) (status int, body string, err error) {
	resp, err := client.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(content), err
}

func wants200(url string) error {
	status, body, err := get(url)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answered %d: %s", url, status, body)
	}
	return err
}
