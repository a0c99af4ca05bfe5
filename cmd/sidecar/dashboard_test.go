package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
)

func TestDashboardRefuses(t *testing.T) {
	for says, args := range map[string][]string{
		"--listen: 0.0.0.0:0 is reachable from other hosts": {"--listen", "0.0.0.0:0"},
		"--listen: nowhere is no host:port":                 {"--listen", "nowhere"},
		"group: is required: a file holds one group":        {"--set", "offsets.store=file"},
		"admin.token_file: must be a readable file":         {"--set", "admin.token_file=/nowhere"},
		"kafka.sasl.username":                               {"--set", "kafka.sasl.mechanism=PLAIN"},
		"unknown command \"x\" for \"sidecar dashboard\"":   {"x"},
		"offsets.prefix: must be 1 to 200 bytes":            {"--set", "offsets.prefix=a//b"},
	} {
		var stderr bytes.Buffer
		code := execute(t.Context(), append([]string{"dashboard"}, args...), nil, &bytes.Buffer{}, &stderr)
		require.Equal(t, exitUsage, code, "%s: %s", args, stderr.String())
		require.Contains(t, stderr.String(), says)
	}
}

// A file store is served when nobody holds it, as the one group it has.
func TestDashboardOfAFile(t *testing.T) {
	dir := t.TempDir()
	args := []string{"dashboard", "--listen", "127.0.0.1:0", "--set", "offsets.store=file", "--set", "group=billing", "--set", "offsets.file.path=" + dir, "--set", "kafka.brokers=127.0.0.1:1"}
	f, err := offsets.NewFile(offsets.FileConfig{Path: dir, Group: "billing"})
	require.NoError(t, err)
	require.NoError(t, f.Open())
	var stderr bytes.Buffer
	require.Equal(t, exitFailed, execute(t.Context(), args, nil, &bytes.Buffer{}, &stderr))
	require.Contains(t, stderr.String(), "its admin API at 127.0.0.1:7400 takes the order: open its page there")
	require.NoError(t, f.Close())

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said, out := io.Pipe()
	done := make(chan int, 1)
	go func() { done <- execute(ctx, args, nil, out, &stderr) }()
	line, err := bufio.NewReader(said).ReadString('\n')
	require.NoError(t, err)
	path, url, ok := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "the groups of ")), " are at ")
	require.True(t, ok, line)
	require.Equal(t, filepath.Join(dir, "billing.json"), path)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for path, status := range map[string]int{"/": 200, "/v1/groups": 200, "/v1/status?group=other": 404} {
		resp, err := client.Get(url + path)
		require.NoError(t, err)
		var body any
		if path != "/" {
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&body))
		}
		require.NoError(t, resp.Body.Close())
		require.Equal(t, status, resp.StatusCode, "%s: %v", path, body)
	}
	cancel()
	require.Equal(t, exitOK, <-done)
}
