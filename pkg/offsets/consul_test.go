package offsets_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func part(n int32) record.TopicPartition { return record.TopicPartition{Topic: "orders", Partition: n} }

func parts(n ...int32) []record.TopicPartition {
	var all []record.TopicPartition
	for _, p := range n {
		all = append(all, part(p))
	}
	return all
}

func entry(n int32, offset int64) record.Entry {
	return record.Entry{
		TopicPartition: part(n), Offset: offset, LeaderEpoch: 7, TopicID: "nF3yUVZ0RWiW3a0gZ0-abA",
		Owner: "pod-7f4/9c1e04a2b7d01f33", Epoch: 1764000041,
		CommittedAt: time.Date(2025, 11, 24, 16, 0, 41, 0, time.UTC),
	}
}

// store is what both stores do.
type store interface {
	Entries(ctx context.Context, parts []record.TopicPartition) ([]record.Entry, error)
	Write(ctx context.Context, writes []record.Write) ([]uint64, error)
}

func put(t *testing.T, s store, e record.Entry) (uint64, error) {
	t.Helper()
	indexes, err := s.Write(t.Context(), []record.Write{{Entry: &e}})
	if err != nil {
		return 0, err
	}
	require.Len(t, indexes, 1)
	return indexes[0], nil
}

func get(t *testing.T, s store, n int32) record.Entry {
	t.Helper()
	entries, err := s.Entries(t.Context(), parts(n))
	require.NoError(t, err)
	require.Len(t, entries, 1)
	return entries[0]
}

func TestConsulDocuments(t *testing.T) {
	server := testenv.SharedConsul(t)
	prefix := testenv.Name(t, "docs")
	c := openConsul(t, server.Addr(), func(cfg *offsets.ConsulConfig) { cfg.Prefix, cfg.Group = prefix, "billing" })
	e, paused := entry(3, 1204), entry(4, 0)
	paused.Paused = true
	topic := record.Topic{
		Name: "orders", TopicID: "nF3yUVZ0RWiW3a0gZ0-abA", ClusterID: "c1", Partitions: 12, Start: "latest", Revision: 1,
		Baseline: map[int32]int64{0: 1200, 1: 977}, CreatedAt: time.Date(2025, 11, 24, 16, 0, 0, 0, time.UTC),
	}
	_, err := c.Write(t.Context(), []record.Write{{Topic: &topic}, {Entry: &e}, {Entry: &paused}})
	require.NoError(t, err)
	for key, want := range map[string]string{
		"_topic": `{"v":1,"group":"billing","topic":"orders","topicId":"nF3yUVZ0RWiW3a0gZ0-abA","clusterId":"c1","partitions":12,"baseline":{"0":1200,"1":977},"start":"latest","revision":1,"createdAt":"2025-11-24T16:00:00Z"}`,
		"3":      `{"v":1,"offset":1204,"leaderEpoch":7,"topicId":"nF3yUVZ0RWiW3a0gZ0-abA","owner":"pod-7f4/9c1e04a2b7d01f33","epoch":1764000041,"committedAt":"2025-11-24T16:00:41Z"}`,
		"4":      `{"v":1,"offset":0,"leaderEpoch":7,"topicId":"nF3yUVZ0RWiW3a0gZ0-abA","owner":"pod-7f4/9c1e04a2b7d01f33","epoch":1764000041,"paused":true,"committedAt":"2025-11-24T16:00:41Z"}`,
	} {
		got, ok := server.Get(prefix + "/billing/orders/" + key)
		assert.True(t, ok, key)
		assert.Equal(t, want, string(got))
	}
	assert.Equal(t, "consul", c.Kind())
	assert.Equal(t, "http://"+server.Addr()+" under "+prefix+"/billing", c.Location())
}

func TestConsulBadKeys(t *testing.T) {
	server := testenv.SharedConsul(t)
	prefix := testenv.Name(t, "bad")
	c := openConsul(t, server.Addr(), func(cfg *offsets.ConsulConfig) { cfg.Prefix, cfg.Group = prefix, ".." })
	server.Put(offsets.TopicKey(prefix, "..", "orders"), []byte(`{"v":2}`))
	server.Put(offsets.Key(prefix, "..", "orders", 0), []byte(`{"v":2,"offset":"abc"}`))
	server.Put(offsets.Key(prefix, "..", "orders", 1), nil)
	server.Put(offsets.Key(prefix, "..", "orders", 2), []byte(`{"v":1,"offset":5,"owner":"a","new":{"x":1}}`))

	_, err := c.Topic(t.Context(), "orders")
	var bad *record.BadKeyError
	require.ErrorAs(t, err, &bad)
	assert.Equal(t, prefix+"/~2e~2e/orders/_topic", bad.Key)
	assert.Contains(t, bad.Reason, "newer")

	entries, err := c.Entries(t.Context(), parts(0, 1, 2, 3))
	require.NoError(t, err)
	require.ErrorAs(t, entries[0].Bad, &bad)
	assert.Contains(t, bad.Reason, "version 2")
	require.ErrorAs(t, entries[1].Bad, &bad, "an empty value is not an absent key")
	assert.Equal(t, prefix+"/~2e~2e/orders/1", bad.Key)
	require.NoError(t, entries[2].Bad)
	assert.Equal(t, int64(5), entries[2].Offset)
	assert.Equal(t, int32(-1), entries[2].LeaderEpoch)
	assert.NotZero(t, entries[2].Index)
	assert.Equal(t, record.Entry{TopicPartition: part(3)}, entries[3])
}

func TestConsulTooLarge(t *testing.T) {
	c := openConsul(t, testenv.SharedConsul(t).Addr(), nil)
	topic := record.Topic{Name: "orders", Partitions: 60_000, Baseline: make(map[int32]int64)}
	for p := range topic.Partitions {
		topic.Baseline[p] = 1 << 50
	}
	_, err := c.Write(t.Context(), []record.Write{{Topic: &topic}})
	var invalid *record.InvalidError
	require.ErrorAs(t, err, &invalid)
	assert.Contains(t, invalid.Reason, "413")
}

func TestConsulLostAnswer(t *testing.T) {
	p := newProxy(t, testenv.SharedConsul(t).Addr())
	c := openConsul(t, p.addr(), nil)
	e := entry(0, 1)
	var err error
	e.Index, err = put(t, c, e)
	require.NoError(t, err)
	for name, lose := range map[string]rule{"lost": loseAnswer, "cut": cutAnswer} {
		p.intercept(lose)
		e.Offset++
		calls := p.calls.Load()
		_, err = put(t, c, e)
		require.ErrorIs(t, err, record.ErrOutcomeUnknown, name)
		require.NotErrorIs(t, err, record.ErrUnavailable, name)
		assert.Equal(t, calls+1, p.calls.Load(), "a write must not be sent twice")
		_, err = c.Entries(t.Context(), parts(0))
		require.ErrorIs(t, err, record.ErrUnavailable, name)

		p.pass()
		back := get(t, c, 0)
		assert.Greater(t, back.Index, e.Index, name)
		e.Index = back.Index
		assert.Equal(t, e, back, "the write had landed")
	}
}

func TestConsulStatusCodes(t *testing.T) {
	p := newProxy(t, "127.0.0.1:1")
	c := openConsul(t, p.addr(), func(cfg *offsets.ConsulConfig) { cfg.Token = func() string { return "t" } })
	for _, answer := range []struct {
		status int
		text   string
		write  error // nil = *record.InvalidError
		read   error
	}{
		{429, "Your IP is issuing too many concurrent connections", record.ErrUnavailable, record.ErrUnavailable},
		{503, "rate limit reached", record.ErrUnavailable, record.ErrUnavailable},
		{500, "No cluster leader", record.ErrUnavailable, record.ErrUnavailable},
		{500, "rpc error making call: No cluster leader", record.ErrUnavailable, record.ErrUnavailable},
		{500, "leadership lost while committing log", record.ErrOutcomeUnknown, record.ErrUnavailable},
		{500, "rpc error making call: EOF", record.ErrOutcomeUnknown, record.ErrUnavailable},
		{502, "Bad Gateway", record.ErrOutcomeUnknown, record.ErrUnavailable},
		{504, "Gateway Timeout", record.ErrOutcomeUnknown, record.ErrUnavailable},
		{404, "not here", record.ErrUnavailable, record.ErrUnavailable},
		{307, "elsewhere", record.ErrUnavailable, record.ErrUnavailable},
		{400, "Invalid key name", nil, nil},
		{413, "too large", nil, nil},
		{409, `{"Results":null,"Errors":[{"OpIndex":0,"What":"invalid key"}]}`, nil, nil},
		{409, `{"Results":null,"Errors":[{"Op`, record.ErrOutcomeUnknown, record.ErrUnavailable},
		{200, `{"Results":[],"Errors":null}`, record.ErrOutcomeUnknown, &record.DeniedError{}},
		{200, `not json`, record.ErrOutcomeUnknown, record.ErrUnavailable},
	} {
		p.intercept(always(answer.status, answer.text))
		_, err := put(t, c, entry(0, 1))
		assertError(t, answer.write, err, answer.text)
		_, err = c.Entries(t.Context(), parts(0))
		assertError(t, answer.read, err, answer.text)
		_, err = c.Topic(t.Context(), "orders")
		assertError(t, answer.read, err, answer.text)
	}
}

func assertError(t *testing.T, want, got error, text string) {
	t.Helper()
	var invalid *record.InvalidError
	var denied *record.DeniedError
	switch {
	case want == nil:
		assert.ErrorAs(t, got, &invalid, text)
	case errors.As(want, &denied):
		assert.ErrorAs(t, got, &denied, text)
	default:
		assert.ErrorIs(t, got, want, text)
		assert.NotErrorIs(t, got, other(want), text)
	}
}

func other(sentinel error) error {
	if errors.Is(sentinel, record.ErrUnavailable) {
		return record.ErrOutcomeUnknown
	}
	return record.ErrUnavailable
}

func TestConsulOutage(t *testing.T) {
	server := testenv.Consul(t, testenv.ConsulOnDisk())
	c := openConsul(t, server.Addr(), func(cfg *offsets.ConsulConfig) { cfg.Timeout = 500 * time.Millisecond })
	e := entry(0, 1)
	var err error
	e.Index, err = put(t, c, e)
	require.NoError(t, err)

	server.Pause()
	next := e
	next.Offset = 2
	_, err = put(t, c, next)
	require.ErrorIs(t, err, record.ErrOutcomeUnknown, "the request was sent and not answered")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = c.Entries(t.Context(), parts(0))
	require.ErrorIs(t, err, record.ErrUnavailable)
	server.Resume()

	server.Kill()
	require.NoError(t, c.Close()) // no connection is left that may have carried something
	_, err = put(t, c, next)
	require.ErrorIs(t, err, record.ErrUnavailable, "connection refused: nothing was sent")
	require.NotErrorIs(t, err, record.ErrOutcomeUnknown)
	findings := c.Check(t.Context())
	require.Len(t, findings, 1)
	assert.False(t, findings[0].OK)
	assert.Contains(t, findings[0].Detail, server.Addr())
	assert.NotEmpty(t, findings[0].Hint)

	server.Start()
	back := get(t, c, 0)
	assert.GreaterOrEqual(t, back.Index, e.Index)
	assert.Contains(t, []int64{1, 2}, back.Offset)
	back.Offset = 3
	_, err = put(t, c, back)
	require.NoError(t, err)
	assert.Equal(t, int64(3), get(t, c, 0).Offset)
}

func TestConsulCheck(t *testing.T) {
	server := testenv.SharedConsul(t)
	prefix := testenv.Name(t, "check")
	c := openConsul(t, server.Addr(), func(cfg *offsets.ConsulConfig) { cfg.Prefix = prefix })
	key := offsets.CheckKey(prefix, "team a/ü")
	assert.Equal(t, prefix+"/team~20a~2f~c3~bc/_check", key)
	server.Put(key, []byte("left by a check that was killed"))
	findings := c.Check(t.Context())
	require.Len(t, findings, 4)
	for _, f := range findings {
		assert.True(t, f.OK, f.Detail)
	}
	_, left := server.Get(key)
	assert.False(t, left)
}

func TestConsulConfigErrors(t *testing.T) {
	good := offsets.DefaultConsulConfig()
	good.Group = "billing"
	for want, change := range map[string]func(*offsets.ConsulConfig){
		"offsets.prefix":  func(c *offsets.ConsulConfig) { c.Prefix = "/a" },
		"group":           func(c *offsets.ConsulConfig) { c.Group = "" },
		"no-such-file":    func(c *offsets.ConsulConfig) { c.TLS = offsets.TLS{Enabled: true, CAFile: "no-such-file"} },
		"protocol scheme": func(c *offsets.ConsulConfig) { c.Address = "ftp://a" },
	} {
		cfg := good
		change(&cfg)
		_, err := offsets.NewConsul(cfg)
		assert.ErrorContains(t, err, want)
	}
}

func TestConsulEnvironment(t *testing.T) {
	server := testenv.SharedConsul(t)
	t.Setenv("CONSUL_HTTP_ADDR", server.Addr())
	prefix := testenv.Name(t, "env")
	c := openConsul(t, "", func(cfg *offsets.ConsulConfig) { cfg.Prefix = prefix })
	_, err := put(t, c, entry(0, 1))
	require.NoError(t, err)

	t.Setenv("CONSUL_HTTP_ADDR", "127.0.0.1:1")
	t.Setenv("CONSUL_HTTP_SSL", "true")
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", filepath.Join(t.TempDir(), "missing"))
	c = openConsul(t, "http://"+server.Addr(), func(cfg *offsets.ConsulConfig) {
		cfg.Prefix, cfg.Token = prefix, func() string { return "" }
	})
	assert.Equal(t, int64(1), get(t, c, 0).Offset)
}

func TestConsulTLS(t *testing.T) {
	var token, query string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, query = r.Header.Get("X-Consul-Token"), r.URL.RawQuery
		var ops []map[string]map[string]any
		_ = json.NewDecoder(r.Body).Decode(&ops)
		_ = json.NewEncoder(w).Encode(map[string]any{"Results": []any{map[string]any{"KV": map[string]any{"Key": ops[0]["KV"]["Key"]}}}})
	}))
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))
	set := func(cfg *offsets.ConsulConfig) {
		cfg.TLS = offsets.TLS{Enabled: true, CAFile: ca, ServerName: "example.com"}
		cfg.Token, cfg.Datacenter = func() string { return "secret" }, "dc9"
	}
	c := openConsul(t, strings.TrimPrefix(server.URL, "https://"), set)
	assert.Zero(t, get(t, c, 0).Index)
	assert.Equal(t, "secret", token)
	assert.Contains(t, query, "consistent")
	assert.Contains(t, query, "dc=dc9")
	assert.NotContains(t, c.Location(), "secret")

	t.Setenv("CONSUL_HTTP_SSL_VERIFY", "false")
	strict := openConsul(t, strings.TrimPrefix(server.URL, "https://"), func(cfg *offsets.ConsulConfig) { cfg.TLS = offsets.TLS{Enabled: true} })
	_, err := strict.Entries(t.Context(), parts(0))
	require.ErrorIs(t, err, record.ErrUnavailable, "the configuration wins over the environment")
	_, err = put(t, strict, entry(0, 1))
	require.ErrorIs(t, err, record.ErrUnavailable, "no handshake, nothing sent")
}
