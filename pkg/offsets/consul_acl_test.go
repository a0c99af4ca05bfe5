package offsets_test

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const rootToken = "8f6b2c1e-0d53-4a8b-9b86-0a6d1c2e3f40"

// aclToken makes a token with these rules.
func aclToken(t *testing.T, server *testenv.ConsulServer, name, rules string) string {
	t.Helper()
	call := func(path string, in any) map[string]any {
		body, err := json.Marshal(in)
		require.NoError(t, err)
		status, answer := server.Call(http.MethodPut, path, body)
		require.Equal(t, http.StatusOK, status, string(answer))
		var out map[string]any
		require.NoError(t, json.Unmarshal(answer, &out))
		return out
	}
	policy := call("/v1/acl/policy", map[string]any{"Name": name, "Rules": rules})
	token := call("/v1/acl/token", map[string]any{"Policies": []any{map[string]any{"ID": policy["ID"]}}})
	return token["SecretID"].(string)
}

func TestConsulACL(t *testing.T) {
	server := testenv.Consul(t, testenv.ConsulACL(rootToken))
	const wanted = `key_prefix "ks/billing/" { policy = "write" }`
	tokens := map[string]string{
		"none":    aclToken(t, server, "none", `key_prefix "other/" { policy = "write" }`),
		"reader":  aclToken(t, server, "reader", `key_prefix "ks/billing/" { policy = "read" }`),
		"partial": aclToken(t, server, "partial", `key_prefix "ks/billing/" { policy = "write" } key "ks/billing/orders/1" { policy = "deny" }`),
		"writer":  aclToken(t, server, "writer", wanted),
		"unknown": "00000000-1111-2222-3333-444444444444",
		"":        "",
	}
	open := func(t *testing.T, addr, token string) *offsets.Consul {
		return openConsul(t, addr, func(cfg *offsets.ConsulConfig) {
			cfg.Prefix, cfg.Group, cfg.Token = "ks", "billing", func() string { return tokens[token] }
		})
	}
	denied := func(t *testing.T, err error, key string) {
		t.Helper()
		var d *record.DeniedError
		require.ErrorAs(t, err, &d)
		assert.Equal(t, key, d.Key)
		assert.Equal(t, wanted, d.Rule)
	}
	writer := open(t, server.Addr(), "writer")
	_, err := put(t, writer, entry(0, 10))
	require.NoError(t, err)

	old := newProxy(t, server.Addr())
	old.intercept(withoutGetOrEmpty)
	for how, addr := range map[string]string{"in a transaction": server.Addr(), "key by key": old.addr()} {
		for _, token := range []string{"none", "unknown", ""} {
			t.Run("token '"+token+"' is denied "+how, func(t *testing.T) {
				c := open(t, addr, token)
				_, err := c.Entries(t.Context(), parts(0))
				denied(t, err, "ks/billing/orders/0")
				_, err = c.Entries(t.Context(), parts(1))
				denied(t, err, "ks/billing/orders/1") // never "absent"
				_, err = c.Topic(t.Context(), "orders")
				denied(t, err, "ks/billing/orders/_topic")
				_, err = put(t, c, entry(1, 1))
				denied(t, err, "ks/billing/orders/1")
			})
		}
		t.Run("one denied key "+how, func(t *testing.T) {
			c := open(t, addr, "partial")
			assert.Equal(t, int64(10), get(t, c, 0).Offset)
			_, err := c.Entries(t.Context(), parts(0, 1, 2))
			denied(t, err, "ks/billing/orders/1")
			stale, refused := entry(0, 99), entry(1, 99)
			_, err = c.Write(t.Context(), []record.Write{{Entry: &stale}, {Entry: &refused}})
			denied(t, err, "ks/billing/orders/1")
		})
		t.Run("a reader is denied writing "+how, func(t *testing.T) {
			c := open(t, addr, "reader")
			assert.Equal(t, int64(10), get(t, c, 0).Offset)
			assert.Zero(t, get(t, c, 1).Index)
			_, err := put(t, c, entry(1, 1))
			denied(t, err, "ks/billing/orders/1")
		})
	}
	t.Run("check names the rule", func(t *testing.T) {
		findings := open(t, server.Addr(), "reader").Check(t.Context())
		require.Len(t, findings, 2)
		assert.True(t, findings[0].OK)
		assert.Equal(t, "consul create", findings[1].Name)
		assert.False(t, findings[1].OK)
		assert.Contains(t, findings[1].Hint, wanted)
		for _, f := range writer.Check(t.Context()) {
			assert.True(t, f.OK, f.Detail)
		}
	})
	t.Run("a new token is read after a refusal", func(t *testing.T) {
		for _, first := range []string{"none", "unknown", ""} {
			var token atomic.Value
			token.Store(tokens[first])
			asked := atomic.Int64{}
			c := openConsul(t, server.Addr(), func(cfg *offsets.ConsulConfig) {
				cfg.Prefix, cfg.Group = "ks", "billing"
				cfg.Token = func() string { asked.Add(1); return token.Load().(string) }
			})
			_, err := c.Entries(t.Context(), parts(0))
			denied(t, err, "ks/billing/orders/0")
			token.Store(tokens["writer"])
			assert.Equal(t, int64(10), get(t, c, 0).Offset)
			seen := asked.Load()
			assert.Equal(t, int64(10), get(t, c, 0).Offset)
			assert.Equal(t, seen, asked.Load(), "a token that works is kept")
		}
	})
}
