package testenv

import (
	"errors"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTries is how often a first start is tried, each time on other ports: one may have been taken
// between the look and the bind.
const startTries = 3

// inTries calls start until it succeeds, startTries times at most; each call is to take other ports.
func inTries[T any](start func(try int) (T, error)) (T, error) {
	var failures []error
	for try := range startTries {
		started, err := start(try)
		if err == nil {
			return started, nil
		}
		failures = append(failures, err)
	}
	var none T
	return none, errors.Join(failures...)
}

// startWithin is the deadline of one start. A broker needs 2 s on an idle machine; the tests of all
// packages may share two cores.
const startWithin = 90 * time.Second

// server is what all servers have in common: a process with an address and data that stay the same over restarts.
type server struct {
	t     testing.TB
	proc  *process
	addr  string
	ready func() error
}

// Addr is where clients connect: "127.0.0.1:port". It stays the same over restarts.
func (s *server) Addr() string { return s.addr }

// PID is the process id; 0 when it does not run.
func (s *server) PID() int { return s.proc.pid() }

// Log is everything the server has written so far.
func (s *server) Log() string { return s.proc.log() }

// Start starts the server again after Stop or Kill, on the same ports and data, and waits until it serves.
func (s *server) Start() {
	s.t.Helper()
	if err := s.proc.startReady(startWithin, s.ready); err != nil {
		s.t.Fatal(err)
	}
}

// startTogether starts those that do not run, at once because they wait for one another, and waits until all serve. When one
// fails, all are ended.
func startTogether(servers []*server) error {
	failures := make([]error, len(servers))
	var starts sync.WaitGroup
	for i, s := range servers {
		if !s.proc.running() {
			starts.Go(func() { failures[i] = s.proc.startReady(startWithin, s.ready) })
		}
	}
	starts.Wait()
	err := errors.Join(failures...)
	if err != nil {
		for _, s := range servers {
			s.Kill()
		}
	}
	return err
}

// Stop ends the server gracefully and waits for it.
func (s *server) Stop() {
	s.t.Helper()
	if err := s.proc.terminate(); err != nil {
		s.t.Fatal(err)
	}
}

// Kill ends the server as kill -9 does and waits for it.
func (s *server) Kill() { s.proc.kill() }

// Pause stops the server with SIGSTOP: its connections stay open and nothing is answered.
func (s *server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *server) Resume() { s.signal(syscall.SIGCONT) }

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.proc.signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// forTest is the same server with failures reported to another test.
func (s *server) forTest(t testing.TB) *server {
	return &server{t: t, proc: s.proc, addr: s.addr, ready: s.ready}
}

// printOnFailure shows the end of the log when the test has failed.
func (s *server) printOnFailure(t testing.TB) {
	if t.Failed() {
		t.Log(s.proc.tail(20))
	}
}
