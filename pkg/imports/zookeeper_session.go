package imports

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

const (
	// sessionTimeout is that of the session with ZooKeeper, which holds nothing: it only bounds how long a silent server is waited for.
	sessionTimeout = 10 * time.Second

	// maxPacket bounds one answer. A server sends 1 MiB at most unless it is told otherwise.
	maxPacket = maxSize
)

// session is a connection to ZooKeeper that is used for a few reads, within one context.
//
// The client knows no contexts and goes on dialling until it is closed. So the context closes it, and the session dials
// for it: to know why there is no connection, and to end one that a silent server holds.
type session struct {
	ctx    context.Context
	cancel context.CancelFunc // ends dialling
	forget func() bool        // the caller's context no longer closes the session
	conn   *zk.Conn
	ended  <-chan zk.Event // closed when the client's goroutines have ended
	chroot string

	mu      sync.Mutex
	socket  net.Conn // the last that was dialled
	dialErr error    // of the last dial that failed
}

// connect makes a session; sync tells whether a server answers.
func connect(ctx context.Context, connection string) (*session, error) {
	servers, chroot, err := parseConnect(connection)
	if err != nil {
		return nil, err
	}
	s := &session{chroot: chroot}
	s.ctx, s.cancel = context.WithCancel(ctx)
	s.conn, s.ended, err = zk.Connect(servers, sessionTimeout,
		zk.WithDialer(s.dial), zk.WithLogger(silent{}), zk.WithLogInfo(false), zk.WithMaxBufferSize(maxPacket))
	if err != nil {
		s.cancel()
		return nil, fmt.Errorf("connect to ZooKeeper (%s): %w", connection, err)
	}
	s.forget = context.AfterFunc(ctx, func() {
		s.hangUp()
		s.conn.Close()
	})
	return s, nil
}

// parseConnect takes a connection string apart. Ports are added by the client.
func parseConnect(connection string) (servers []string, chroot string, err error) {
	hosts, root, hasRoot := strings.Cut(connection, "/")
	for _, h := range strings.Split(hosts, ",") {
		if h = strings.TrimSpace(h); h == "" {
			return nil, "", fmt.Errorf("the servers of ZooKeeper must be host:port[,host:port…][/chroot] (got %s)", shown(connection))
		}
		servers = append(servers, h)
	}
	if root = strings.Trim(root, "/"); hasRoot && root != "" {
		chroot = "/" + root
	}
	return servers, chroot, nil
}

// close ends the session and waits for the client's goroutines.
func (s *session) close() {
	s.forget()
	s.conn.Close() // says goodbye, so that the server forgets the session at once
	s.cancel()
	s.hangUp()
	for range s.ended { // until the channel is closed
	}
}

func (s *session) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket != nil {
		s.socket.Close()
	}
}

func (s *session) dial(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.ctx, timeout)
	defer cancel()
	socket, err := (&net.Dialer{}).DialContext(ctx, network, address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.dialErr = err
		return nil, err
	}
	s.socket = socket
	if err := s.ctx.Err(); err != nil { // hangUp may have come and gone
		socket.Close()
		return nil, err
	}
	return socket, nil
}

// silent is the client's logger: what goes wrong is returned.
type silent struct{}

func (silent) Printf(string, ...any) {}

// sync has the server catch up with its leader: what was committed before it is read.
func (s *session) sync() error {
	if _, err := s.conn.Sync("/"); err != nil {
		return s.failed("/", err)
	}
	return nil
}

// text is the content of a znode, without space around it.
func (s *session) text(znode string) (string, error) {
	data, _, err := s.conn.Get(s.chroot + znode)
	if err != nil {
		return "", s.failed(znode, err)
	}
	text := strings.TrimSpace(string(data))
	if text == "" {
		return "", fmt.Errorf("%s is empty", znode)
	}
	return text, nil
}

// children are the names below a znode, sorted.
func (s *session) children(znode string) ([]string, error) {
	names, _, err := s.conn.Children(s.chroot + znode)
	if err != nil {
		return nil, s.failed(znode, err)
	}
	slices.Sort(names) // the server has no order
	return names, nil
}

// childrenIfAny are the names below a znode, none when it does not exist.
func (s *session) childrenIfAny(znode string) ([]string, error) {
	names, err := s.children(znode)
	if errors.Is(err, zk.ErrNoNode) {
		return nil, nil
	}
	return names, err
}

func (s *session) exists(znode string) (bool, error) {
	there, _, err := s.conn.Exists(s.chroot + znode)
	if err != nil {
		return false, s.failed(znode, err)
	}
	return there, nil
}

// failed says what went wrong with a read.
func (s *session) failed(znode string, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ctx.Err() != nil && s.dialErr != nil:
		return fmt.Errorf("read %s from ZooKeeper: %w: %w", s.chroot+znode, s.ctx.Err(), s.dialErr)
	case s.ctx.Err() != nil:
		return fmt.Errorf("read %s from ZooKeeper: no answer in time: %w", s.chroot+znode, s.ctx.Err())
	case errors.Is(err, zk.ErrNoServer) && s.dialErr != nil:
		return fmt.Errorf("connect to ZooKeeper: %w", s.dialErr)
	case errors.Is(err, zk.ErrNoNode):
		return fmt.Errorf("%s does not exist in ZooKeeper: %w", s.chroot+znode, err)
	case errors.Is(err, zk.ErrNoAuth):
		return fmt.Errorf("read %s from ZooKeeper: its ACL does not let everybody read: %w", s.chroot+znode, err)
	}
	return fmt.Errorf("read %s from ZooKeeper: %w", s.chroot+znode, err)
}
