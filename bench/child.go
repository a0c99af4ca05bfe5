package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

const childStops = 30 * time.Second

// child is a process that is measured. What it writes to its standard output are lines for the bench (marks.go, deliveries.go), what it
// writes to its standard error goes to a file that a failure shows.
type child struct {
	name  string
	cmd   *exec.Cmd
	errs  string        // path
	ended chan struct{} // closed when the process has ended; its state is valid then

	mu    sync.Mutex
	lines []string      // written and not taken yet
	over  bool          // there will be no more
	more  chan struct{} // has something when lines or over changed
}

// start starts a process and ends it with the scope at the latest. env is NAME=value.
func start(s *scope, name string, argv []string, env ...string) (*child, error) {
	dir := s.TempDir()
	c := &child{name: name, errs: filepath.Join(dir, "stderr"), ended: make(chan struct{}), more: make(chan struct{}, 1)}
	errs, err := os.Create(c.errs)
	if err != nil {
		return nil, err
	}
	defer errs.Close() // the child has its own descriptor
	c.cmd = exec.Command(argv[0], argv[1:]...)
	c.cmd.Dir, c.cmd.Stderr, c.cmd.Env = dir, errs, append(cleanEnv(), env...)
	// A Ctrl-C goes to the bench alone; the kernel ends the child when the bench dies.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go c.read(bufio.NewScanner(out))
	s.Cleanup(c.kill)
	return c, nil
}

// cleanEnv is the environment without what would configure the sidecar, Consul or a Go program's memory.
func cleanEnv() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return slices.ContainsFunc([]string{"SIDECAR_", "CONSUL_", "GOGC=", "GOMEMLIMIT=", "GOMAXPROCS="}, func(prefix string) bool {
			return strings.HasPrefix(variable, prefix)
		})
	})
}

// read keeps lines until the process closes its output, then waits for its end.
func (c *child) read(out *bufio.Scanner) {
	for out.Scan() {
		c.say(out.Text(), false)
	}
	c.say("", true)
	_ = c.cmd.Wait() // the state says all of it
	close(c.ended)
}

func (c *child) say(line string, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over = over; !over {
		c.lines = append(c.lines, line)
	}
	select {
	case c.more <- struct{}{}:
	default: // there is a sign already
	}
}

// take is the oldest line not taken yet.
func (c *child) take() (line string, ok, over bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.lines) == 0 {
		return "", false, c.over
	}
	line = c.lines[0]
	c.lines = c.lines[1:]
	return line, true, false
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) usage() (usage, error) {
	u, err := usageOf(c.pid())
	if err != nil {
		return u, c.failed(err)
	}
	return u, nil
}

// next is the next line of output. The end of the output is an error. For one goroutine.
func (c *child) next(ctx context.Context) (string, error) {
	for {
		line, ok, over := c.take()
		switch {
		case ok:
			return line, nil
		case over:
			return "", c.failed(errors.New("it ended early"))
		}
		select {
		case <-ctx.Done():
			return "", c.failed(context.Cause(ctx))
		case <-c.more:
		}
	}
}

// stop ends the process as its supervisor would and returns the CPU time of its whole life. An exit code other than 0 is an
// error; to be ended by the signal is none.
func (c *child) stop() (time.Duration, error) {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // fails only when it has ended meanwhile
	late := time.NewTimer(childStops)
	defer late.Stop()
	select {
	case <-c.ended:
	case <-late.C:
		return 0, c.failed(fmt.Errorf("it still runs %s after SIGTERM", childStops))
	}
	state := c.cmd.ProcessState
	status := state.Sys().(syscall.WaitStatus)
	asked := status.Signaled() && status.Signal() == syscall.SIGTERM || status.ExitStatus() == 128+int(syscall.SIGTERM) // Java's
	if !state.Success() && !asked {
		return 0, c.failed(fmt.Errorf("it ended with %s", state))
	}
	return state.UserTime() + state.SystemTime(), nil
}

// kill ends the process at once; nothing happens when it has ended.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // fails only when it has ended
	<-c.ended
}

// failed adds the end of what the process has complained of.
func (c *child) failed(err error) error {
	said, _ := os.ReadFile(c.errs) // without it the error says enough
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return fmt.Errorf("%s: %w\n%s", c.name, err, strings.Join(lines[max(0, len(lines)-20):], "\n"))
}
