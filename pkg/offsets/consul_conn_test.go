package offsets_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// The agent allows 200 connections per source address for everything on the host.
func TestConsulFewConnections(t *testing.T) {
	p := newProxy(t, testenv.SharedConsul(t).Addr())
	var mu sync.Mutex
	opened := 0
	counted := httptest.NewUnstartedServer(p.server.Config.Handler)
	counted.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		if state == http.StateNew {
			opened++
		}
	}
	counted.Start()
	t.Cleanup(counted.Close)
	c := openConsul(t, counted.Listener.Addr().String(), nil)
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			for range 5 {
				_, err := c.Entries(t.Context(), parts(0))
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
	mu.Lock()
	defer mu.Unlock()
	assert.LessOrEqual(t, opened, 4)
}

func TestConsulUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "consul-") // a socket's path is limited to 108 bytes
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "http.sock")
	p := newProxy(t, testenv.SharedConsul(t).Addr())
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(p.server.Config.Handler)
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)

	c := openConsul(t, "unix://"+path, nil)
	_, err = put(t, c, entry(0, 1))
	require.NoError(t, err)
	assert.Equal(t, int64(1), get(t, c, 0).Offset)
	assert.Contains(t, c.Location(), path)
	p.intercept(always(http.StatusForbidden, "ACL not found"))
	_, err = put(t, c, entry(1, 1))
	var denied *record.DeniedError
	require.ErrorAs(t, err, &denied, "the status is seen through a socket too")
}

func TestConsulRedirectIsNotFollowed(t *testing.T) {
	followed := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed = true }))
	t.Cleanup(other.Close)
	p := newProxy(t, testenv.SharedConsul(t).Addr())
	p.intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	c := openConsul(t, p.addr(), nil)
	_, err := put(t, c, entry(0, 1))
	require.ErrorIs(t, err, record.ErrUnavailable)
	_, err = c.Entries(t.Context(), parts(0))
	require.ErrorIs(t, err, record.ErrUnavailable)
	assert.False(t, followed, "the token would go with it")
}
