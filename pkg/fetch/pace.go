package fetch

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keyFetch = 1 // Kafka's number of fetch requests
	// An answer to a fetch that brought nothing is below nothing bytes; one from plenty bytes on is no trickle.
	nothing = 64
	plenty  = 64 << 10
)

// paced makes connections that put a fetch off until pause after an answer that brought little.
// A broker answers a fetch with the first record that comes; records that trickle in would otherwise cost a fetch each.
func paced(cfg Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	plain := &net.Dialer{Timeout: dialTimeout}
	dial := plain.DialContext
	if cfg.TLS != nil {
		dial = (&tls.Dialer{NetDialer: plain, Config: cfg.TLS}).DialContext
	}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return newPacedConn(conn, cfg.Pace), nil
	}
}

// pacedConn is one such connection. The client writes a request in one piece, and sends the next fetch only after it
// has read the answer to the last.
type pacedConn struct {
	net.Conn
	pause  time.Duration
	got    atomic.Int64 // bytes read since the last fetch
	gotAt  atomic.Int64 // when the last of them came, in nanoseconds since the epoch
	closed chan struct{}
	once   sync.Once
}

func newPacedConn(conn net.Conn, pause time.Duration) *pacedConn {
	return &pacedConn{Conn: conn, pause: pause, closed: make(chan struct{})}
}

func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.got.Add(int64(n))
	c.gotAt.Store(time.Now().UnixNano())
	return n, err
}

func (c *pacedConn) Write(p []byte) (int, error) {
	if len(p) >= 6 && binary.BigEndian.Uint16(p[4:]) == keyFetch {
		if got := c.got.Swap(0); got >= nothing && got < plenty {
			c.wait(time.Until(time.Unix(0, c.gotAt.Load()).Add(c.pause)))
		}
	}
	return c.Conn.Write(p)
}

func (c *pacedConn) wait(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.closed:
	}
}

// Close ends a wait.
func (c *pacedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
