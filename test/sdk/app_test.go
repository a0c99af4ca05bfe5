package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// line is one line of an app's log. It is written before the batch it belongs to is answered.
type line struct {
	// Event is "start" (of the process), "begin" and "end" of a batch, or "record".
	Event string
	At    int64 // milliseconds since the epoch
	// Outcome is what became of a record: "applied", or "reject", "retry" or "raise" as its value wanted it. Of
	// an end: "answered", or the name of the exception that left the handler.
	Outcome string

	Batch  string
	Ranges []span // of a begin

	Topic      string
	Partition  int32
	Offset     int64
	Timestamp  int64
	Key, Value []byte
	Headers    [][2][]byte // name, value
}

// span is a range of a batch.
type span struct {
	Topic              string
	Partition          int32
	From, Until, Fence int64
}

// appProcess is a running app of one of the languages.
type appProcess struct {
	*testenv.Program
	t     *testing.T
	addr  string // "127.0.0.1:port", or the path of a socket
	state string // folder of its log, and of what it did once
}

// appOption sets one environment variable of the app.
type appOption string

func withToken(token string) appOption { return appOption("APP_TOKEN=" + token) }

// startApp starts the app of the language and waits until it listens.
func startApp(t *testing.T, l language, opts ...appOption) *appProcess {
	t.Helper()
	return startAppAt(t, l, testenv.FreeAddr(t), opts...)
}

func startAppAt(t *testing.T, l language, addr string, opts ...appOption) *appProcess {
	t.Helper()
	a := &appProcess{t: t, addr: addr, state: t.TempDir()}
	argv, env := l.command(t)
	env = append(env, "APP_LISTEN="+addr, "APP_STATE="+a.state)
	for _, o := range opts {
		env = append(env, string(o))
	}
	a.Program = testenv.StartProgram(t, l.name+" app "+addr, argv, env...)
	a.waitUp()
	return a
}

// restart starts the app again after its end and waits until it listens.
func (a *appProcess) restart() {
	a.t.Helper()
	a.Start()
	a.waitUp()
}

func (a *appProcess) waitUp() {
	a.t.Helper()
	testenv.Eventually(a.t, soon, "the app to listen", func() error {
		if !a.Running() {
			return testenv.GiveUp("the app has ended:\n%s", a.Log())
		}
		conn, err := net.Dial(a.network(), a.addr)
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

// waitStopping waits until the app takes no new request: it refuses the connection or answers 503.
func (a *appProcess) waitStopping() {
	a.t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: soon}
	testenv.Eventually(a.t, soon, "the app to stop", func() error {
		resp, err := client.Get(a.url())
		if err != nil {
			return nil
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusServiceUnavailable {
			return fmt.Errorf("it answers %d", resp.StatusCode)
		}
		return nil
	})
}

func (a *appProcess) network() string {
	if filepath.IsAbs(a.addr) {
		return "unix"
	}
	return "tcp"
}

// url is the app.url for the sidecar.
func (a *appProcess) url() string {
	if a.network() == "unix" {
		return "unix:" + a.addr + ":/batches"
	}
	return "http://" + a.addr + "/batches"
}

// open lets everything go on that the values "block" and "stall" hold up.
func (a *appProcess) open() {
	a.t.Helper()
	require.NoError(a.t, os.WriteFile(filepath.Join(a.state, "open"), nil, 0o600))
}

// waitBlocked waits until it has come to a record with the value "block".
func (a *appProcess) waitBlocked() {
	a.t.Helper()
	testenv.Eventually(a.t, soon, "the app to block", func() error {
		if marks, _ := filepath.Glob(filepath.Join(a.state, "block-*")); len(marks) == 0 {
			return errors.New("it does not")
		}
		return nil
	})
}

// lines is the log so far, over all starts. The app writes whole lines.
func (a *appProcess) lines() []line {
	a.t.Helper()
	raw, err := os.ReadFile(filepath.Join(a.state, "log"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(a.t, err)
	var log []line
	for decoder := json.NewDecoder(bytes.NewReader(raw)); ; {
		var l line
		if err := decoder.Decode(&l); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return log
		} else if err != nil {
			a.t.Fatalf("read the log of the app: %v", err)
		}
		log = append(log, l)
	}
}

// lines of one kind.
func kind(log []line, event string) []line {
	var found []line
	for _, l := range log {
		if l.Event == event {
			found = append(found, l)
		}
	}
	return found
}

// records are the lines with the outcome.
func records(log []line, outcome string) []line {
	var found []line
	for _, l := range kind(log, "record") {
		if l.Outcome == outcome {
			found = append(found, l)
		}
	}
	return found
}

// waitLines waits until the log has n lines of the kind.
func (a *appProcess) waitLines(event string, n int) {
	a.t.Helper()
	testenv.Eventually(a.t, soon, fmt.Sprintf("%d lines %q in the app's log", n, event), func() error {
		if got := len(kind(a.lines(), event)); got < n {
			return fmt.Errorf("%d so far", got)
		}
		return nil
	})
}
