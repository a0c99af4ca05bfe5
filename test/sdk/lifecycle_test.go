package sdk

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// Killed by kill -9, and by itself, in the middle of a batch: what was not acknowledged comes again.
func TestAppThatDiesLosesNothing(t *testing.T) {
	inEachFormat(t, func(t *testing.T, l language, format testenv.SidecarOption) {
		s := newScene(t, 3)
		app := startApp(t, l)
		s.produceNumbered(3, 300)
		s.produceValues(1, "a", "block", "b")
		s.produceNumbered(3, 300)
		s.produceValues(2, "a", "exit", "b")
		s.produceNumbered(3, 100)
		s.sidecar(app, format)
		app.waitBlocked()
		app.Kill()
		app.Start() // whether it listens is not asked: it may have ended itself by then
		require.Equal(t, 9, app.Wait(soon), "the app has ended itself")
		app.restart()
		log := s.settle(app)
		require.Len(t, kind(log, "start"), 3)
		require.LessOrEqual(t, repeats(log), 2*50, "what comes again is a batch")
	})
}

// SIGTERM lets the request in progress end and answers it before the process ends.
func TestAppEndsItsRequestOnTerm(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		s := newScene(t, 1)
		app := startApp(t, l)
		s.produceValues(0, "a", "block", "b")
		sidecar := s.sidecar(app)
		app.waitBlocked()
		app.Signal(syscall.SIGTERM)
		app.waitStopping()
		require.True(t, app.Running(), "a request is in progress")
		app.open()
		require.Equal(t, l.stopped, app.Wait(soon))
		s.waitStored()
		require.Zero(t, batches(sidecar, "failed"))

		s.produceValues(0, "c")
		app.restart()
		log := s.settle(app)
		require.Zero(t, repeats(log), "the answer has arrived")
	})
}

// A handler that is slower than the sidecar's time-out: the repeats are refused while it runs.
func TestHandlersNeverOverlap(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		s := newScene(t, 2)
		app := startApp(t, l)
		s.produceValues(0, "a", "block", "b")
		s.produceValues(1, "a", "b")
		sidecar := s.sidecar(app, append(inOneBatch(5), testenv.Set("app.timeout", "500ms"))...)
		app.waitBlocked()
		s.waitBatches(sidecar, "failed", 1)
		s.waitBatches(sidecar, "busy", 3)
		require.Len(t, kind(app.lines(), "begin"), 1, "no other handler has begun")
		app.open()
		s.settle(app)
		sidecar.WaitReady()
	})
}

// A wrong token is said to be one, and acknowledges nothing; the right one is taken without a restart.
func TestWrongToken(t *testing.T) {
	inEach(t, func(t *testing.T, l language) {
		s := newScene(t, 1)
		const token = "7c1f0a52e9"
		app := startApp(t, l, withToken(token))
		s.produceValues(0, "a", "b")
		file := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(file, []byte("wrong"), 0o600))
		sidecar := s.sidecar(app, testenv.Set("app.token_file", file))
		s.waitReason(sidecar, "app_setup")
		s.waitBatches(sidecar, "setup", 3)
		require.Empty(t, kind(app.lines(), "begin"), "no handler was called")
		require.Zero(t, s.stored(0))
		require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
		require.Zero(t, repeats(s.settle(app)))
		sidecar.WaitReady()
		require.NotContains(t, app.Log()+sidecar.Log(), token, "a token is not logged")
	})
}

func TestAppOverAUnixSocket(t *testing.T) {
	python := languages[0]
	s := newScene(t, 2)
	dir, err := os.MkdirTemp("", "sdk-") // the path of a socket is short
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	app := startAppAt(t, python, filepath.Join(dir, "app.sock"))
	s.produceNumbered(2, 200)
	s.sidecar(app)
	app.waitLines("begin", 2)
	app.Kill() // which leaves the socket's file behind
	app.restart()
	s.settle(app)
	app.Signal(syscall.SIGTERM)
	require.Equal(t, 0, app.Wait(soon))
}
