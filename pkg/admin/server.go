package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// Time-outs of both servers. A drain lifts those of its own connection.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 10 * time.Second
	writeTimeout    = 30 * time.Second
	idleTimeout     = 60 * time.Second
	shutdownTimeout = 5 * time.Second
	maxHeaderBytes  = 16 << 10
)

// Engine is what is asked and ordered here; *relay.Engine is one.
type Engine interface {
	Status(ctx context.Context) (relay.Status, error)
	Live() error
	Drain(ctx context.Context) error
	Events(ctx context.Context, after int64) ([]relay.Event, error)
	Retry(ctx context.Context, p record.TopicPartition) error
	Record(ctx context.Context, p record.TopicPartition, offset int64) ([]byte, error)
	DeadLetter(ctx context.Context, p record.TopicPartition, offset int64, why string) error
}

// Server has the two listeners. Its steps are Listen, Run, Close.
type Server struct {
	cfg       Config
	engine    Engine
	operators func(who string) Operator
	gatherer  prometheus.Gatherer
	version   string
	secured   bool // a token was set when the listener was opened; written by Listen

	mu      sync.Mutex // guards what follows
	metrics net.Listener
	admin   net.Listener
}

// New makes a server. It has no side effects. operators gives the one that acts for somebody; "" = for who can reach the listener.
func New(cfg Config, engine Engine, operators func(who string) Operator, gatherer prometheus.Gatherer, version string) *Server {
	return &Server{cfg: cfg, engine: engine, operators: operators, gatherer: gatherer, version: version}
}

// Listen opens both listeners, or none. The error names the setting and the address: a port that is
// taken, a socket in use, ErrNeedsToken.
func (s *Server) Listen() error {
	s.secured = s.token() != ""
	metrics, err := net.Listen("tcp", s.cfg.MetricsListen)
	if err != nil {
		return fmt.Errorf("metrics.listen: open %s: %w", s.cfg.MetricsListen, err)
	}
	admin, err := listenAdmin("admin.listen", s.cfg.AdminListen, s.secured)
	if err != nil {
		metrics.Close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.metrics, s.admin = metrics, admin
	return nil
}

// listenAdmin opens addr for what changes something; setting is what names it.
func listenAdmin(setting, addr string, secured bool) (net.Listener, error) {
	if err := CheckListen(addr, secured); err != nil {
		return nil, fmt.Errorf("%s: %s %w", setting, addr, err)
	}
	path, unix := strings.CutPrefix(addr, unixPrefix)
	if !unix {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, fmt.Errorf("%s: open %s: %w", setting, addr, err)
		}
		return l, nil
	}
	removeStale(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("%s: open %s: %w", setting, addr, err)
	}
	if err := os.Chmod(path, 0o600); err != nil { // only the same user may drain
		l.Close()
		return nil, fmt.Errorf("%s: restrict %s: %w", setting, addr, err)
	}
	return l, nil
}

// removeStale removes a socket that a killed process has left behind: nobody accepts on it. Anything
// else at the path stays, and opening the listener says so.
func removeStale(path string) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode().Type() != os.ModeSocket {
		return
	}
	conn, err := net.DialTimeout("unix", path, time.Second)
	if err == nil {
		conn.Close()
		return
	}
	_ = os.Remove(path) // if it fails, opening the listener says why
}

// MetricsAddr is where the metrics listener is, with the port the system chose; "" before Listen.
func (s *Server) MetricsAddr() string { return s.addr(func() net.Listener { return s.metrics }) }

// AdminAddr is where the admin listener is; "" before Listen.
func (s *Server) AdminAddr() string { return s.addr(func() net.Listener { return s.admin }) }

func (s *Server) addr(of func() net.Listener) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := of()
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// Run serves until ctx ends, then finishes the requests under way, for shutdownTimeout at most. It
// needs Listen before it; the error is that of a listener that broke.
func (s *Server) Run(ctx context.Context) error {
	s.mu.Lock()
	metrics, admin := s.metrics, s.admin
	s.mu.Unlock()
	if metrics == nil || admin == nil {
		return errors.New("serve: Listen was not called")
	}
	group, ctx := errgroup.WithContext(ctx)
	serve(ctx, group, metrics, s.metricsHandler())
	serve(ctx, group, admin, s.adminHandler())
	return group.Wait()
}

// serve runs one HTTP server in the group until ctx ends.
func serve(ctx context.Context, group *errgroup.Group, l net.Listener, handler http.Handler) {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
	}
	group.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if server.Shutdown(grace) != nil {
			return server.Close()
		}
		return nil
	})
}

// Close gives the listeners back when Run was not called. It may be called twice, and after Run.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range []net.Listener{s.metrics, s.admin} {
		if l != nil {
			l.Close()
		}
	}
	s.metrics, s.admin = nil, nil
	return nil
}

// token is the token of this moment; "" = none.
func (s *Server) token() string {
	if s.cfg.Token == nil {
		return ""
	}
	return s.cfg.Token()
}
