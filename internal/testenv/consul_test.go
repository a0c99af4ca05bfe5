package testenv

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConsulClusterElectsALeaderAndStopsWithoutAMajority(t *testing.T) {
	c := ConsulServers(t, 3)
	leader := waitLeader(t, c)
	leader.Put("a/b", []byte("1"))

	leader.Kill()
	next := waitLeader(t, c)
	require.NotSame(t, leader, next)
	value, ok := next.Get("a/b")
	require.True(t, ok)
	require.Equal(t, "1", string(value))

	next.Pause()
	Eventually(t, startWithin, "the end of the majority", func() error {
		if s := c.Serving(); s != nil {
			return errors.New(s.Addr() + " serves")
		}
		return nil
	})
	next.Resume()
	waitLeader(t, c)

	for _, s := range c.Servers {
		s.Kill()
	}
	c.Start()
	value, ok = c.Serving().Get("a/b")
	require.True(t, ok)
	require.Equal(t, "1", string(value))
	c.Servers[0].Stop()
	c.Servers[0].Start()
}

func waitLeader(t *testing.T, c *ConsulCluster) (leader *ConsulServer) {
	t.Helper()
	Eventually(t, startWithin, "a leader", func() error {
		leader = c.Leader()
		if leader == nil {
			return errors.New("there is none")
		}
		return leader.isReady()
	})
	return leader
}

func TestATokenIsDeniedRestoredAndRotated(t *testing.T) {
	c := Consul(t, ConsulACL("3f2b1c9e-8a44-4d0b-9c35-0f5f6e1d2a77"))
	const rules = `key_prefix "a/" { policy = "write" }`
	c.SetPolicy("sidecar", rules)
	token := c.NewToken("sidecar")
	write := func(secret string) int {
		client := *c
		client.token = secret
		status, _ := client.Call(http.MethodPut, "/v1/kv/a/b", []byte("1"))
		return status
	}
	require.Equal(t, http.StatusOK, write(token.Secret))
	c.SetPolicy("sidecar", "")
	require.Equal(t, http.StatusForbidden, write(token.Secret))
	c.SetPolicy("sidecar", rules)
	require.Equal(t, http.StatusOK, write(token.Secret))

	rotated := c.NewToken("sidecar")
	c.DeleteToken(token)
	require.Equal(t, http.StatusForbidden, write(token.Secret))
	require.Equal(t, http.StatusOK, write(rotated.Secret))
}
