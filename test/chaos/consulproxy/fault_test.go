package consulproxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// bench is a door to a real Consul with a client that waits a second for an answer.
type bench struct {
	t      *testing.T
	consul *testenv.ConsulServer
	log    *log
	door   *Door
	client client
	key    string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, consul: testenv.SharedConsul(t), log: &log{}, key: testenv.Name(t, "p") + "/orders/0"}
	p := New(b.log)
	var err error
	b.door, err = p.Open(testenv.FreeAddr(t), b.consul.Addr(), "s1/1")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	b.client = newClient(b.door.Addr())
	b.client.http.Timeout = time.Second
	return b
}

// put writes the key and returns the error of the client.
func (b *bench) put(value string) error {
	_, _, err := b.client.do(http.MethodPut, kvPath+b.key, value)
	return err
}

// stored is the value in Consul, "" when there is none.
func (b *bench) stored() string {
	value, _ := b.consul.Get(b.key)
	return string(value)
}

// logged are the recorded values.
func (b *bench) logged() []string {
	var values []string
	for _, w := range b.log.writes(b.t, b.key) {
		values = append(values, w.Value)
	}
	return values
}

// isTimeout says whether the client gave up, as against a connection that was ended.
func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestACutDoorRefusesConnections(t *testing.T) {
	b := newBench(t)
	b.door.Cut()
	require.ErrorIs(t, b.put("1"), syscall.ECONNREFUSED)
	require.NoError(t, b.door.Heal())
	require.NoError(t, b.put("2"))
	require.Equal(t, []string{"2"}, b.logged())
}

func TestCloseAndHangKeepARequestFromConsul(t *testing.T) {
	b := newBench(t)
	b.door.Inject(Fault{Kind: Close})
	err := b.put("1")
	require.Error(t, err)
	require.False(t, isTimeout(err))
	b.door.Inject(Fault{Kind: Hang})
	require.True(t, isTimeout(b.put("2")))
	require.NoError(t, b.door.Heal())
	require.Empty(t, b.stored())
	require.Empty(t, b.logged())
	require.Equal(t, 2, b.door.Hits())
	require.Zero(t, b.door.Lost())
}

func TestADelayedRequestArrivesThoughItsClientHasLeft(t *testing.T) {
	b := newBench(t)
	b.door.Inject(Fault{Kind: Delay, Delay: 300 * time.Millisecond})
	start := time.Now()
	require.NoError(t, b.put("1"))
	require.GreaterOrEqual(t, time.Since(start), 300*time.Millisecond)

	b.door.Inject(Fault{Kind: Delay, Delay: 2 * time.Second})
	require.True(t, isTimeout(b.put("2")))
	testenv.Eventually(t, 10*time.Second, "the write", func() error {
		if len(b.logged()) != 2 {
			return errors.New("it is not in the log")
		}
		return nil
	})
	require.Equal(t, "2", b.stored())
}

func TestWritesWhoseAnswerIsLostAreApplied(t *testing.T) {
	b := newBench(t)
	b.door.Inject(Fault{Kind: Lose, Writes: true, Times: 1})
	_, _, err := b.client.do(http.MethodGet, "/v1/status/leader", "")
	require.NoError(t, err, "only writes are met")
	require.ErrorIs(t, b.put("lost"), io.EOF)
	require.Equal(t, "lost", b.stored())
	require.NoError(t, b.put("after"), "it was for one write")

	b.door.Inject(Fault{Kind: Swallow})
	require.True(t, isTimeout(b.put("swallowed")))
	require.Equal(t, "swallowed", b.stored())

	b.door.Inject(Fault{Kind: Reset})
	require.ErrorIs(t, b.put("reset"), syscall.ECONNRESET)
	require.Equal(t, "reset", b.stored())

	require.Equal(t, []string{"lost", "after", "swallowed", "reset"}, b.logged())
	require.Equal(t, 3, b.door.Lost())
}

func TestAnswersThatConsulGives(t *testing.T) {
	b := newBench(t)
	for _, f := range []Fault{TooManyRequests, NoLeader, Unavailable, Denied} {
		b.door.Inject(f)
		status, body, err := b.client.do(http.MethodPut, kvPath+b.key, "1")
		require.NoError(t, err)
		require.Equal(t, f.Status, status)
		require.Equal(t, f.Body, body)
	}
	require.Empty(t, b.stored())
	require.Empty(t, b.logged())
}

func TestFaultsEndByThemselvesAndMeetTheirDoorOnly(t *testing.T) {
	b := newBench(t)
	other, err := b.door.proxy.Open(testenv.FreeAddr(t), b.consul.Addr(), "s2/1")
	require.NoError(t, err)
	b.door.Inject(Fault{Kind: Close, For: 500 * time.Millisecond})
	require.Error(t, b.put("1"))
	status, _, err := newClient(other.Addr()).do(http.MethodPut, kvPath+b.key, "2")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status)
	testenv.Eventually(t, 10*time.Second, "the end of the fault", func() error { return b.put("3") })

	b.door.proxy.Inject(Denied)
	for _, addr := range []string{b.door.Addr(), other.Addr()} {
		status, _, err := newClient(addr).do(http.MethodGet, "/v1/status/leader", "")
		require.NoError(t, err)
		require.Equal(t, http.StatusForbidden, status)
	}
}

func TestAnOutcomeThatNobodyKnowsIsRecordedAsUnknown(t *testing.T) {
	b := newBench(t)
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer deaf.Close()
	go func() {
		for {
			c, err := deaf.Accept()
			if err != nil {
				return
			}
			_, _ = c.Read(make([]byte, 1))
			c.Close()
		}
	}()
	b.door.SetUpstream(deaf.Addr().String())
	b.door.SetWriter("s1/2")
	require.Error(t, b.put("1"))
	log := b.log.writes(t, b.key)
	require.Len(t, log, 1)
	require.Zero(t, log[0].Index)
	require.Equal(t, "s1/2", log[0].Writer)

	deaf.Close()
	require.Error(t, b.put("2"))
	require.Len(t, b.logged(), 1, "what was never sent was not written")
}
