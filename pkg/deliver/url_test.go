package deliver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseTarget(t *testing.T) {
	for raw, want := range map[string]target{
		"http://127.0.0.1:8080/batches":       {network: "tcp", address: "127.0.0.1:8080", host: "127.0.0.1:8080", path: "/batches"},
		"http://app":                          {network: "tcp", address: "app:80", host: "app", path: "/"},
		"http://app:81?x=1":                   {network: "tcp", address: "app:81", host: "app:81", path: "/?x=1"},
		"http://[::1]:8080//a/../b%20{topic}": {network: "tcp", address: "[::1]:8080", host: "[::1]:8080", path: "//a/../b%20{topic}"},
		"unix:/run/app.sock:/path":            {network: "unix", address: "/run/app.sock", host: "localhost", path: "/path"},
		"unix:/run/a:b.sock:/t/{topic}":       {network: "unix", address: "/run/a:b.sock", host: "localhost", path: "/t/{topic}"},
	} {
		got, err := parseTarget(raw, true)
		require.NoError(t, err, raw)
		got.shown = ""
		assert.Equal(t, want, got, raw)
	}
	got, err := parseTarget("http://me:s%40cret@app:1/x", true)
	require.NoError(t, err)
	assert.Equal(t, "http://***@app:1/x", got.shown)
	assert.Equal(t, "Basic bWU6c0BjcmV0", got.basic)
}

func TestParseTargetRefuses(t *testing.T) {
	for raw, words := range map[string]string{
		"":                     "is empty",
		"app:8080/x":           "must begin with http:// or unix:/",
		"https://app/x":        "https is not spoken",
		"http:///x":            "no valid host",
		"http://:8080/x":       "no valid host",
		"http://a b/x":         "no valid host",
		"http://{topic}/x":     "no valid host",
		"http://app:0/x":       "port must be 1 to 65535 (got 0)",
		"http://app:70000/x":   "port must be 1 to 65535 (got 70000)",
		"http://app:port/x":    "no valid host",
		"http://app/x#y":       "fragment",
		"http://app/{group}":   "only {topic} is",
		"http://app/a b":       "percent-encoded",
		"http://app/ü":         "percent-encoded",
		"http://app/a\r\nX: y": "percent-encoded",
		"http://app/%zz":       "percent-encoded",
		"unix:/run/app.sock":   "names no path behind the socket",
		"unix:run/app.sock:/x": "must be absolute",
		"unix::/x":             "must be absolute",
		"unix:/" + strings.Repeat("s", 200) + ":/x": "longer than 107 bytes",
		"http://me:secret@a b/x":                    "no valid host",
	} {
		_, err := parseTarget(raw, true)
		if assert.ErrorContains(t, err, words, raw) {
			assert.NotContains(t, err.Error(), "secret")
		}
	}
	_, err := parseTarget("http://app/{topic}", false)
	assert.ErrorContains(t, err, "must not contain {topic}")
}

func TestNewReportsEveryProblem(t *testing.T) {
	_, err := New(Config{URL: "x", ReadyURL: "y", Format: "xml", Value: "yes"})
	for _, words := range []string{"app.url: ", "app.ready_url: ", "app.timeout: ", `batch.format: must be json or columns (got "xml")`, "batch.value: ", "batch.max_bytes: ", "deliver.lanes: "} {
		assert.ErrorContains(t, err, words)
	}
}
