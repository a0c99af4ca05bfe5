package testenv

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Program is a child process of a test, any command, that can be started again with the same arguments.
type Program struct {
	t    testing.TB
	proc *process
}

// StartProgram starts a command, and kills it and its children when the test ends. env (NAME=value) is added to the test's
// environment, of which nothing that configures the sidecar, Consul or PostgreSQL is left.
func StartProgram(t testing.TB, name string, argv []string, env ...string) *Program {
	t.Helper()
	return startProgram(t, &process{name: name, argv: argv, env: env, dir: t.TempDir()})
}

// StartScript is StartProgram with a script for bash in the folder dir, as a reader of a document runs it. Its last line
// replaces the shell, so that a signal reaches the program; a backslash at the end of a line continues it.
func StartScript(t testing.TB, name, dir, script string, env ...string) *Program {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(script, "\\\n", " ")), "\n")
	lines[len(lines)-1] = "exec " + lines[len(lines)-1]
	argv := []string{"bash", "-euo", "pipefail", "-c", strings.Join(lines, "\n")}
	return startProgram(t, &process{name: name, argv: argv, env: env, dir: dir})
}

func startProgram(t testing.TB, proc *process) *Program {
	t.Helper()
	proc.output = filepath.Join(t.TempDir(), "output.log")
	p := &Program{t: t, proc: proc}
	p.Start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.proc.tail(80))
		}
		p.killGroup()
	})
	return p
}

// killGroup ends the program and what it has started: it leads a process group (see sysProcAttr), whose id stays theirs
// for as long as one of them is left.
func (p *Program) killGroup() {
	if err := syscall.Kill(-p.proc.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		p.t.Errorf("kill the process group of %s: %v", p.proc.name, err)
	}
	p.Kill()
}

// Start starts it again after its end; it returns before the program is ready.
func (p *Program) Start() {
	p.t.Helper()
	if err := p.proc.start(); err != nil {
		p.t.Fatal(err)
	}
}

// SetEnv replaces what is added to the environment (NAME=value) from the next start on.
func (p *Program) SetEnv(env ...string) { p.proc.env = env }

// PID is the process id; 0 when it does not run.
func (p *Program) PID() int { return p.proc.pid() }

// Running says whether it has not ended. A stopped (SIGSTOP) program runs.
func (p *Program) Running() bool { return p.proc.running() }

// Crashed is an error that ends Eventually when the program has ended.
func (p *Program) Crashed() error {
	if !p.Running() {
		return GiveUp("%s ended with code %d", p.proc.name, p.proc.exit)
	}
	return nil
}

// Log is everything it has written, over all its starts.
func (p *Program) Log() string { return p.proc.log() }

// Signal sends a signal.
func (p *Program) Signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.proc.signal(sig); err != nil {
		p.t.Fatal(err)
	}
}

// Kill ends it as kill -9 does and waits for it; nothing happens when it does not run.
func (p *Program) Kill() { p.proc.kill() }

// Wait returns the exit code, 128 + number for a signal, and fails the test when it still runs after within.
func (p *Program) Wait(within time.Duration) int {
	p.t.Helper()
	code, err := p.proc.wait(within)
	if err != nil {
		p.t.Fatal(err)
	}
	return code
}

// Stop sends SIGTERM and returns the exit code.
func (p *Program) Stop() int {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	return p.Wait(stopWithin)
}
