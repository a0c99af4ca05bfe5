package testenv

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Program is a child process of a test, any command, that can be started again with the same arguments.
type Program struct {
	t    testing.TB
	proc *process
}

// StartProgram starts a command and kills it when the test ends. env (NAME=value) is added to the test's environment,
// of which nothing that configures the sidecar, Consul or PostgreSQL is left.
func StartProgram(t testing.TB, name string, argv []string, env ...string) *Program {
	t.Helper()
	dir := t.TempDir()
	p := &Program{t: t, proc: &process{
		name: name, argv: argv, env: env, dir: dir, output: filepath.Join(dir, "output.log"),
	}}
	p.Start()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(p.proc.tail(80))
		}
		p.proc.kill()
	})
	return p
}

// Start starts it again after its end; it returns before the program is ready.
func (p *Program) Start() {
	p.t.Helper()
	if err := p.proc.start(); err != nil {
		p.t.Fatal(err)
	}
}

// Running says whether it has not ended. A stopped (SIGSTOP) program runs.
func (p *Program) Running() bool { return p.proc.running() }

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
