package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/admin"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// fakeEngine ends when it is told to: with result after a drain, with ErrAborted after Abort. Nobody asks it for more.
type fakeEngine struct {
	admin.Engine

	result   error
	stays    bool // a drain is not enough
	drainErr error

	once     sync.Once
	draining chan struct{} // closed when the drain has begun
	aborted  chan struct{}
}

func newFakeEngine() *fakeEngine {
	return &fakeEngine{draining: make(chan struct{}), aborted: make(chan struct{})}
}

func (e *fakeEngine) Run(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-e.aborted:
		return relay.ErrAborted
	}
	close(e.draining)
	if e.stays {
		<-e.aborted
		return relay.ErrAborted
	}
	return e.result
}

func (e *fakeEngine) Abort()                                       { e.once.Do(func() { close(e.aborted) }) }
func (e *fakeEngine) Feed(context.Context, []record.Chunk) error   { return errors.New("ended") }
func (e *fakeEngine) Status(context.Context) (relay.Status, error) { return relay.Status{}, nil }
func (e *fakeEngine) Live() error                                  { return nil }
func (e *fakeEngine) Drain(context.Context) error                  { return e.drainErr }

// fakeReader feeds once and then waits, or breaks.
type fakeReader struct{ err error }

func (r fakeReader) Run(ctx context.Context, feed func(context.Context, []record.Chunk) error) error {
	if r.err != nil {
		return r.err
	}
	return feed(ctx, nil)
}

func fakeSidecar(t *testing.T, e *fakeEngine, r fakeReader) *sidecar {
	t.Helper()
	cfg := admin.Config{MetricsListen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"}
	s := &sidecar{engine: e, reader: r, server: admin.New(cfg, e, nil, prometheus.NewRegistry(), ""), log: zerolog.Nop()}
	t.Cleanup(s.close)
	require.NoError(t, s.open())
	return s
}

func TestSuperviseDrainsAtTheFirstSignal(t *testing.T) {
	for _, want := range []error{nil, relay.ErrUncommitted} {
		e := newFakeEngine()
		e.result = want
		signals := make(chan os.Signal, 1)
		signals <- syscall.SIGTERM
		reason, err := supervise(context.Background(), fakeSidecar(t, e, fakeReader{}), signals)
		require.ErrorIs(t, err, want)
		require.Equal(t, "signal: terminated", reason)
	}
}

func TestSuperviseAbortsAtTheSecondSignal(t *testing.T) {
	e := newFakeEngine()
	e.stays = true
	signals := make(chan os.Signal, 2)
	signals <- syscall.SIGTERM
	signals <- os.Interrupt
	reason, err := supervise(context.Background(), fakeSidecar(t, e, fakeReader{}), signals)
	require.ErrorIs(t, err, relay.ErrAborted)
	require.Equal(t, "second signal: interrupt", reason)
}

func TestABrokenReaderDrains(t *testing.T) {
	e := newFakeEngine()
	broken := errors.New("broken")
	err := fakeSidecar(t, e, fakeReader{err: broken}).run(context.Background())
	require.ErrorIs(t, err, broken)
	<-e.draining
}

func TestStatusHasTheKindOfTheStore(t *testing.T) {
	s, err := withKind{newFakeEngine(), "file"}.Status(context.Background())
	require.NoError(t, err)
	require.Equal(t, "file", s.Store.Kind)
}

// serveAdmin serves the admin listener of a fake engine at addr and returns the address it got.
func serveAdmin(t *testing.T, addr, token string, drainErr error) string {
	t.Helper()
	e := newFakeEngine()
	e.drainErr = drainErr
	server := admin.New(admin.Config{MetricsListen: "127.0.0.1:0", AdminListen: addr, Token: func() string { return token }}, e, nil, prometheus.NewRegistry(), "")
	require.NoError(t, server.Listen())
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return server.AdminAddr()
}

// command runs one command line in this process.
func command(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = execute(context.Background(), args, nil, &out, &errs)
	return code, out.String(), errs.String()
}

func TestDrainCommand(t *testing.T) {
	addr := serveAdmin(t, "127.0.0.1:0", "", nil)
	code, out, errs := command("drain", "--set", "admin.listen="+addr)
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "drained\n", out)

	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	code, _, errs = command("drain", "--set", "admin.listen=0.0.0.0:"+port)
	require.Equal(t, exitOK, code, "every interface is loopback, too: %s", errs)
}

func TestDrainCommandOverAUnixSocket(t *testing.T) {
	addr := "unix:" + filepath.Join(t.TempDir(), "admin.sock")
	serveAdmin(t, addr, "", nil)
	code, out, errs := command("drain", "--config", file(t, "admin.listen: "+addr+"\n"))
	require.Equal(t, exitOK, code, errs)
	require.Equal(t, "drained\n", out)
}

func TestDrainCommandSendsTheToken(t *testing.T) {
	addr := serveAdmin(t, "127.0.0.1:0", "hunter2", nil)
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("hunter2\n"), 0o600))
	code, _, errs := command("drain", "--set", "admin.listen="+addr, "--set", "admin.token_file="+path)
	require.Equal(t, exitOK, code, errs)
	code, _, errs = command("drain", "--set", "admin.listen="+addr)
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "the token is missing or wrong; send Authorization: Bearer with the value of admin.token")
}

func TestDrainCommandThatFails(t *testing.T) {
	addr := serveAdmin(t, "127.0.0.1:0", "", relay.ErrUncommitted)
	code, out, errs := command("drain", "--set", "admin.listen="+addr)
	require.Equal(t, exitFailed, code)
	require.Empty(t, out)
	require.Contains(t, errs, relay.ErrUncommitted.Error())

	code, _, errs = command("drain", "--set", "admin.listen=unix:"+filepath.Join(t.TempDir(), "none"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "is the sidecar running")

	// A listener that never answers.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	code, _, errs = command("drain", "--set", "admin.listen="+silent.Addr().String(), "--timeout", "50ms")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errs, "not done within 50ms")

	for _, args := range [][]string{{"--timeout", "0s"}, {"--timeout", "soon"}, {"--set", "admin.listen=x"}, {"--set", "admin.token_file=/does/not/exist"}, {"extra"}} {
		code, _, errs = command(append([]string{"drain"}, args...)...)
		require.Equal(t, exitUsage, code, "%v: %s", args, errs)
		require.NotEmpty(t, errs)
	}
}
