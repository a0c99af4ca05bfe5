package offsets_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func openPrefix(t *testing.T, addr, prefix string) *offsets.ConsulPrefix {
	t.Helper()
	cfg := offsets.DefaultConsulConfig()
	cfg.Prefix, cfg.Address = prefix, addr
	p, err := offsets.NewConsulPrefix(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func TestConsulGroups(t *testing.T) {
	server := testenv.SharedConsul(t)
	prefix := testenv.Name(t, "groups")
	p := openPrefix(t, server.Addr(), prefix)
	none, err := p.Groups(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)

	for _, group := range []string{"team a/ü", "billing"} {
		_, err := put(t, p.Group(group), entry(3, 1204))
		require.NoError(t, err)
	}
	// What is not a sidecar's is nobody's group: another prefix below this one, a name that Escape does not make, a stray key.
	server.Put(prefix+"/eu/billing/orders/0", []byte(`{"v":1,"offset":1}`))
	server.Put(prefix+"/a+b/orders/0", []byte(`{"v":1,"offset":1}`))
	server.Put(prefix+"/note", []byte("hello"))
	groups, err := p.Groups(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"billing", "team a/ü"}, []string{groups[0].Name, groups[1].Name})
	require.Len(t, groups, 2)
	require.Equal(t, int64(1204), groups[1].Topics[0].Entries[0].Offset)

	own := openConsul(t, server.Addr(), func(cfg *offsets.ConsulConfig) { cfg.Prefix, cfg.Group = prefix, "billing" })
	same, err := own.Groups(t.Context())
	require.NoError(t, err)
	require.Equal(t, groups, same)
}

// A token that may not list the prefix, with the policy that refuses it rather than hides keys, still has its own group.
func TestConsulGroupsOfALeastToken(t *testing.T) {
	const management = "5b0e8f57-3d0c-4d2e-93a5-8fd0b1a2c3d4"
	server := testenv.Consul(t, testenv.ConsulACL(management), testenv.ConsulHCL(`acl { enable_key_list_policy = true }`))
	for name, c := range map[string]struct{ rules, denied string }{
		"own":   {`key_prefix "p/billing/" { policy = "write" }`, ""},
		"other": {`key_prefix "q/" { policy = "write" }`, "p/billing/"},
	} {
		server.SetPolicy(name, c.rules)
		token := server.NewToken(name).Secret
		s := openConsul(t, server.Addr(), func(cfg *offsets.ConsulConfig) {
			cfg.Prefix, cfg.Group, cfg.Token = "p", "billing", func() string { return token }
		})
		var denied *record.DeniedError
		groups, err := s.Groups(t.Context())
		if c.denied != "" {
			require.ErrorAs(t, err, &denied)
			require.Equal(t, c.denied, denied.Key)
			continue
		}
		require.NoError(t, err)
		require.Empty(t, groups)
		_, err = put(t, s, entry(3, 1204))
		require.NoError(t, err)
		groups, err = s.Groups(t.Context())
		require.NoError(t, err)
		require.Equal(t, "billing", groups[0].Name)
	}
}
