package contract

import (
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnAppThatKeepsTheContract(t *testing.T) {
	for format, values := range map[string][]string{"json": {"auto", "json", "base64"}, "columns": {"auto"}} {
		for _, value := range values {
			for name, wrong := range map[string]func(record.Part, record.Record) *failure{
				"acknowledges all": nil,
				"rejects by name": func(p record.Part, r record.Record) *failure {
					if strange(r) {
						return reject(p, r)
					}
					return nil
				},
			} {
				t.Run(format+" "+value+" "+name, func(t *testing.T) {
					app := &testApp{token: "open sesame", columns: format == "columns", value: value, wrong: wrong}
					cfg := DefaultConfig()
					cfg.URL, cfg.Format, cfg.Value = start(t, app).URL+"/batches", format, value
					cfg.Token = func() string { return "open sesame" }
					found, s := run(t, cfg)
					for name, f := range found {
						assert.Equal(t, OK, f.Result, "%s: %+v", name, f)
						assert.NotEmpty(t, f.Sent, name)
						assert.NotEmpty(t, f.Expected, name)
						assert.Empty(t, f.Why+f.Hint, name)
					}
					assert.Equal(t, wrong != nil, s.Rejected > 0)
					assert.Contains(t, found, "wrong token")
				})
			}
		}
	}
}

// The simplest app there is: it keeps the contract without a look at any header.
func TestAnAppThatLooksAtTheBodyOnly(t *testing.T) {
	cfg := DefaultConfig()
	cfg.URL = start(t, &testApp{anyHead: true}).URL
	found, s := run(t, cfg)
	assert.Zero(t, s.Failed, "%+v", found)
	assert.ElementsMatch(t, []string{"another protocol version", "another Content-Type"}, named(found, Note))
	assert.NotContains(t, found, "no token")
}

func TestTopicInURL(t *testing.T) {
	var mu sync.Mutex
	paths := map[string]bool{}
	app := &testApp{}
	app.before = func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		paths[r.URL.Path] = true
		r.URL.Path = "/batches"
		return false
	}
	cfg := DefaultConfig()
	cfg.URL = start(t, app).URL + "/in/{topic}"
	found, s := run(t, cfg)
	assert.Zero(t, s.Failed, "%+v", found)
	assert.NotContains(t, found, "several topics")
	assert.Greater(t, len(paths), 30, "a topic of its own for each trial")
	for path := range paths {
		assert.True(t, strings.HasPrefix(path, "/in/contract-"), path)
	}
}

func TestUnixSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "app.sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: &testApp{}}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	cfg := DefaultConfig()
	cfg.URL = "unix:" + socket + ":/batches"
	found, s := run(t, cfg)
	assert.Zero(t, s.Failed+s.Notes, "%+v", found)
}

// What an app sees belongs to the contract alone, and to one run.
func TestRecordsAreMadeUp(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int64{} // topic → fence
	app := &testApp{}
	app.read = func(_ http.ResponseWriter, _ []byte, b *record.Batch, err error) bool {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			assert.True(t, strings.HasPrefix(b.Group, "contract"), b.Group)
			for _, p := range b.Parts {
				assert.True(t, strings.HasPrefix(p.Topic, "contract-"), p.Topic)
				if fence, ok := seen[p.Topic]; ok {
					assert.Equal(t, fence, p.Fence, "a topic of another run: %s", p.Topic)
				}
				seen[p.Topic] = p.Fence
			}
		}
		return false
	}
	cfg := DefaultConfig()
	cfg.URL = start(t, app).URL + "/batches"
	now := time.Now()
	for i := range 2 {
		p, err := newAt(cfg, now.Add(time.Duration(i)*time.Second))
		require.NoError(t, err)
		play(t, p)
	}
	assert.Greater(t, len(seen), 60)
}

func TestAppIsNotThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	cfg := DefaultConfig()
	cfg.URL = "http://user:secret@" + l.Addr().String() + "/batches"
	found, s := run(t, cfg)
	require.Len(t, found, 1)
	f := found["plain batch"]
	assert.Equal(t, Fail, f.Result)
	assert.Contains(t, f.Detail, "can't be reached")
	assert.Contains(t, f.Hint, "start the app")
	assert.Equal(t, "the app can't be reached", s.Stopped)
	assert.NotZero(t, s.NotPlayed)
	assert.NotContains(t, f.Detail+s.String(), "secret")
}

func TestBadConfiguration(t *testing.T) {
	for _, c := range []struct {
		set  func(*Config)
		says string
	}{
		{func(c *Config) { c.URL = "" }, "app.url: is empty"},
		{func(c *Config) { c.URL = "https://x/" }, "app.url: https"},
		{func(c *Config) { c.Format = "xml" }, "batch.format: must be"},
		{func(c *Config) { c.Value = "x" }, "batch.value: must be"},
		{func(c *Config) { c.Timeout = 0 }, "app.timeout: must be above 0"},
	} {
		cfg := DefaultConfig()
		cfg.URL = "http://127.0.0.1:1/"
		c.set(&cfg)
		_, err := New(cfg)
		assert.ErrorContains(t, err, c.says)
	}
}

func TestWithHeader(t *testing.T) {
	head := []byte("POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n\r\n")
	assert.Equal(t, "POST / HTTP/1.1\r\nHost: a\r\n\r\n", string(withHeader(head, "authorization", "")))
	assert.Equal(t, "POST / HTTP/1.1\r\nAuthorization: Bearer x\r\nHost: b\r\n\r\n", string(withHeader(head, "Host", "b")))
}
