package testenv

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo is a server that sends back what it gets.
func echo(t *testing.T) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

// dial connects; nothing on the connection lasts longer than within.
func dial(t *testing.T, addr string, within time.Duration) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(within)))
	return c
}

func ping(c net.Conn, message string) error {
	if _, err := io.WriteString(c, message); err != nil {
		return err
	}
	_, err := io.ReadFull(c, make([]byte, len(message)))
	return err
}

func TestEachFaultOfAProxy(t *testing.T) {
	const long = 10 * time.Second
	p := Toxiproxy(t).Proxy(echo(t))
	require.NoError(t, ping(dial(t, p.Addr(), long), "hello"))

	t.Run("cut", func(t *testing.T) {
		c := dial(t, p.Addr(), long)
		p.Cut()
		require.Error(t, ping(c, "hello"))
		_, err := net.Dial("tcp", p.Addr())
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	})
	p.Heal()
	t.Run("latency", func(t *testing.T) {
		c := dial(t, p.Addr(), long)
		p.Latency(200*time.Millisecond, 0)
		start := time.Now()
		require.NoError(t, ping(c, "hello"))
		require.Greater(t, time.Since(start), 150*time.Millisecond)
	})
	p.Heal()
	t.Run("bandwidth", func(t *testing.T) {
		c := dial(t, p.Addr(), long)
		p.Bandwidth(100)
		start := time.Now()
		require.NoError(t, ping(c, string(make([]byte, 50_000))))
		require.Greater(t, time.Since(start), 400*time.Millisecond)
	})
	p.Heal()
	t.Run("reset", func(t *testing.T) {
		old := dial(t, p.Addr(), long)
		p.Reset(0)
		require.Error(t, ping(old, "hello"))
		require.ErrorIs(t, ping(dial(t, p.Addr(), long), "hello"), syscall.ECONNRESET)
	})
	p.Heal()
	t.Run("half open", func(t *testing.T) {
		old := dial(t, p.Addr(), 300*time.Millisecond)
		p.HalfOpen()
		for _, c := range []net.Conn{old, dial(t, p.Addr(), 300*time.Millisecond)} {
			var timeout net.Error
			require.ErrorAs(t, ping(c, "hello"), &timeout)
			require.True(t, timeout.Timeout(), "neither answered nor closed")
		}
	})
	p.Heal()
	require.NoError(t, ping(dial(t, p.Addr(), long), "hello"))
}
