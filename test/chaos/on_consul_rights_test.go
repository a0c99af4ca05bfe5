package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// acl is a Consul that allows what tokens allow, and the file from which the sidecar reads its own.
type acl struct {
	w     *world
	file  string
	token testenv.ConsulToken
}

const policy = "sidecar"

// withACL runs a world with such a Consul.
func withACL(t *testing.T) *acl {
	t.Helper()
	w := newWorld(t, settings{consulServers: 1, consulToken: "8f6b2c1e-0d53-4a8b-9b86-0a6d1c2e3f40"})
	a := &acl{w: w, file: filepath.Join(t.TempDir(), "token")}
	a.allow("write")
	a.renew()
	w.set = append(w.set, testenv.Set("offsets.consul.token_file", a.file))
	w.start()
	w.goesOn(100)
	return a
}

// rule is what the sidecar needs, as the README has it.
func (a *acl) rule(access string) string {
	return fmt.Sprintf("key_prefix %q { policy = %q }", a.w.prefix(), access)
}

func (a *acl) allow(access string) {
	a.w.t.Helper()
	a.w.consul.SetPolicy(policy, a.rule(access))
}

// renew writes a new token into the file and returns the old one, which is still good.
func (a *acl) renew() (old testenv.ConsulToken) {
	a.w.t.Helper()
	old, a.token = a.token, a.w.consul.NewToken(policy)
	require.NoError(a.w.t, os.WriteFile(a.file, []byte(a.token.Secret), 0o600))
	return old
}

// Writing, and then reading too, is denied: the message names the rule that is missing, and all goes on when it is granted.
func TestConsulDenied(t *testing.T) {
	for _, left := range []string{"read", "deny"} {
		t.Run(left, func(t *testing.T) {
			t.Parallel()
			a := withACL(t)
			epochs := a.w.epochs()
			a.allow(left)
			a.w.sidecars[0].waitStatus("the rule that is missing", func(s *relay.Status) bool {
				return !s.Store.Up && strings.Contains(s.Store.Error, a.rule("write"))
			})
			storeAway(a.w)
			a.allow("write")
			a.w.goesOn(200)
			a.w.requireKept(epochs)
			require.Zero(t, repeated(a.w.finish()))
		})
	}
}

// A token is replaced in its file and deleted then: the sidecar reads the new one, and nothing shows.
func TestConsulTokenRotated(t *testing.T) {
	t.Parallel()
	a := withACL(t)
	epochs := a.w.epochs()
	a.w.consul.DeleteToken(a.renew())
	a.w.goesOn(200)
	a.w.requireKept(epochs)
	require.Zero(t, repeated(a.w.finish()))
}
