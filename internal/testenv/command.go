package testenv

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// CommandProcess is a shell command that does not end by itself, started as a reader of a document starts it.
type CommandProcess struct {
	t    testing.TB
	proc *process
}

// Command starts a script with bash in dir. Its last line replaces the shell, so that a signal reaches the program.
// env (NAME=value) is added to the test's environment, of which nothing that configures the sidecar or Consul is
// left. The program and its children are killed when the test ends.
func Command(t testing.TB, name, dir, script string, env ...string) *CommandProcess {
	t.Helper()
	c := &CommandProcess{t: t, proc: &process{
		name: name, dir: dir, env: env, output: filepath.Join(t.TempDir(), "output.log"),
		argv: []string{"bash", "-euo", "pipefail", "-c", execLast(script)},
	}}
	if err := c.proc.start(); err != nil {
		t.Fatal(err)
	}
	group := c.proc.cmd.Process.Pid // it leads a process group, see sysProcAttr
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.proc.tail(80))
		}
		c.killGroup(group)
	})
	return c
}

// execLast puts exec before the last command of a script; a backslash at the end of a line continues it.
func execLast(script string) string {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(script, "\\\n", " ")), "\n")
	lines[len(lines)-1] = "exec " + lines[len(lines)-1]
	return strings.Join(lines, "\n")
}

// killGroup ends the program and what it has started. The id stays theirs for as long as one of them is left.
func (c *CommandProcess) killGroup(group int) {
	if err := syscall.Kill(-group, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		c.t.Errorf("kill the process group of %s: %v", c.proc.name, err)
	}
	c.proc.kill()
}

// Crashed is an error that ends Eventually when the process has ended.
func (c *CommandProcess) Crashed() error {
	if !c.proc.running() {
		return GiveUp("%s ended with code %d", c.proc.name, c.proc.exit)
	}
	return nil
}

// Log is everything it has written.
func (c *CommandProcess) Log() string { return c.proc.log() }

// Signal sends a signal to the program, not to its children.
func (c *CommandProcess) Signal(sig os.Signal) {
	c.t.Helper()
	if err := c.proc.signal(sig); err != nil {
		c.t.Fatal(err)
	}
}

// Wait returns the exit code, 128 + number for a signal, and fails the test when it still runs after within.
func (c *CommandProcess) Wait(within time.Duration) int {
	c.t.Helper()
	code, err := c.proc.wait(within)
	if err != nil {
		c.t.Fatal(err)
	}
	return code
}

// Stop sends SIGTERM and returns the exit code.
func (c *CommandProcess) Stop() int {
	c.t.Helper()
	c.Signal(syscall.SIGTERM)
	return c.Wait(stopWithin)
}
