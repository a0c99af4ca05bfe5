package fetch

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A fetch that follows an answer with a few records waits; nothing else does.
func TestPaceOfFetches(t *testing.T) {
	const pause = 10 * time.Millisecond
	fetch := []byte{0, 0, 0, 2, 0, keyFetch}
	metadata := []byte{0, 0, 0, 2, 0, 3}
	for _, c := range []struct {
		name     string
		request  []byte
		brought  int
		handling time.Duration // between the answer and the next request
		want     time.Duration
	}{
		{"the first", fetch, 0, 0, 0},
		{"after an answer without records", fetch, nothing - 1, 0, 0},
		{"after some records", fetch, 2000, 0, pause},
		{"after some records that took a while", fetch, 2000, pause / 2, pause / 2},
		{"after some records that took longer", fetch, 2000, 2 * pause, 0},
		{"after many records", fetch, plenty, 0, 0},
		{"another request", metadata, 2000, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn, broker := pacedPipe(t, pause)
				if c.brought > 0 {
					go func() { _, _ = broker.Write(make([]byte, c.brought)) }()
					for got := 0; got < c.brought; {
						n, err := conn.Read(make([]byte, 1<<20))
						require.NoError(t, err)
						got += n
					}
				}
				time.Sleep(c.handling)
				began := time.Now()
				_, err := conn.Write(c.request)
				require.NoError(t, err)
				require.Equal(t, c.want, time.Since(began))
			})
		})
	}
}

func TestPaceEndsWithTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, broker := pacedPipe(t, time.Hour)
		go func() { _, _ = broker.Write(make([]byte, 2000)) }()
		_, err := conn.Read(make([]byte, 2000))
		require.NoError(t, err)
		began := time.Now()
		time.AfterFunc(time.Second, func() { _ = conn.Close() })
		_, err = conn.Write([]byte{0, 0, 0, 2, 0, keyFetch})
		require.Error(t, err)
		require.Equal(t, time.Second, time.Since(began))
	})
}

// pacedPipe is a connection to a broker that reads all that is sent.
func pacedPipe(t *testing.T, pause time.Duration) (conn *pacedConn, broker net.Conn) {
	client, broker := net.Pipe()
	conn = newPacedConn(client, pause)
	go func() {
		for {
			if _, err := broker.Read(make([]byte, 1024)); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		_ = broker.Close()
	})
	return conn, broker
}
