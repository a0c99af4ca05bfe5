package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// App is an application at one address, over the lives of its processes. Its methods fail the test it was made for: call them
// from its goroutine.
type App struct {
	t             testing.TB
	name, dir     string
	addr, control string

	life      int
	program   *testenv.Program // nil before the first start
	behaviour Behaviour
}

// New reserves the address of an application, which is not started. Its processes log to files in dir, one for each; the name
// ("a1") must be its only one there.
func New(t testing.TB, name, dir string) *App {
	t.Helper()
	return &App{t: t, name: name, dir: dir, addr: testenv.FreeAddr(t), control: testenv.FreeAddr(t)}
}

// Addr is "127.0.0.1:port", the same for all lives.
func (a *App) Addr() string { return a.addr }

// URL is the app.url for the sidecar. A GET of it answers 200 while the app listens.
func (a *App) URL() string { return "http://" + a.addr + "/batches" }

// Proc is the name of the present or last process in the logs, "a1/2"; "" before the first start.
func (a *App) Proc() string {
	if a.life == 0 {
		return ""
	}
	return fmt.Sprintf("%s/%d", a.name, a.life)
}

// Start starts the next process with the behaviour told last, but for Die, and waits until it listens. It returns Proc.
func (a *App) Start() string {
	a.t.Helper()
	if a.Running() {
		a.t.Fatalf("start app %s: it runs already", a.name)
	}
	a.life++
	if a.behaviour.Kind == Die {
		a.behaviour = Behaviour{}
	}
	env := a.environment()
	if a.program == nil {
		binary, err := os.Executable()
		if err != nil {
			a.t.Fatal(err)
		}
		a.program = testenv.StartProgram(a.t, "app "+a.name, []string{binary}, env)
	} else {
		a.program.SetEnv(env)
		a.program.Start()
	}
	testenv.Eventually(a.t, time.Minute, "app "+a.name+" to listen", func() error {
		if err := a.program.Crashed(); err != nil {
			return err
		}
		return a.call(http.MethodGet, a.addr, nil)
	})
	return a.Proc()
}

func (a *App) environment() string {
	text, err := json.Marshal(settings{
		Proc: a.Proc(), Listen: a.addr, Control: a.control, Behaviour: a.behaviour,
		Log: filepath.Join(a.dir, fmt.Sprintf("app-%s-%d.jsonl", a.name, a.life)),
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return variable + "=" + string(text)
}

// Behave tells the app how to behave, now if it runs and at its next start if not. It must not be paused.
func (a *App) Behave(b Behaviour) {
	a.t.Helper()
	if (b.Kind == Reject || b.Kind == Retry) && b.OneIn == 0 {
		a.t.Fatalf("behaviour %s of app %s: OneIn must be set", b.Kind, a.name)
	}
	a.behaviour = b
	text, err := json.Marshal(b)
	if err != nil {
		a.t.Fatal(err)
	}
	if !a.Running() {
		return
	}
	if err := a.call(http.MethodPut, a.control, text); err != nil && a.Running() {
		a.t.Fatalf("tell app %s to be %s: %v", a.name, b.Kind, err)
	}
}

func (a *App) call(method, addr string, body []byte) error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := http.NewRequest(method, "http://"+addr+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %d: %s", resp.StatusCode, answer)
	}
	return err
}

// Running says whether a process runs. A paused one does.
func (a *App) Running() bool { return a.program != nil && a.program.Running() }

// Muddled is an error when the last process has ended because the sidecar sent what can't be read, or its log could not be written.
func (a *App) Muddled() error {
	if a.Running() || a.program == nil || a.program.Wait(time.Second) != 3 {
		return nil
	}
	return fmt.Errorf("app %s gave up:\n%s", a.Proc(), a.program.Log())
}

// Kill ends the process as kill -9 does and waits for it; nothing happens when none runs.
func (a *App) Kill() {
	if a.program != nil {
		a.program.Kill()
	}
}

// Stop sends SIGTERM: the app answers what it works on, takes nothing new, and ends.
func (a *App) Stop() {
	a.t.Helper()
	if code := a.program.Stop(); code != 0 {
		a.t.Fatalf("app %s ended with code %d on SIGTERM", a.Proc(), code)
	}
}

// Pause stops the process with SIGSTOP: its connections stay open and nothing is answered.
func (a *App) Pause() {
	a.t.Helper()
	a.program.Signal(syscall.SIGSTOP)
}

// Resume lets a paused process go on.
func (a *App) Resume() {
	a.t.Helper()
	a.program.Signal(syscall.SIGCONT)
}
