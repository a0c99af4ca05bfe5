package examples

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/protocol/protocoltest"
)

// TestShell posts the batches twice, as its README says: the second time nothing changes.
func TestShell(t *testing.T) {
	need(t, "node")
	need(t, "curl")
	e := open(t, "shell")
	e.startApp()
	for range 2 {
		output := e.run(e.only("sh post"), "SIDECAR_APP_URL="+e.url+"/batches")
		said := map[string]string{}
		for answer := range strings.SplitSeq(strings.TrimSpace(output), "./batches/") {
			if lines := strings.Split(strings.TrimSpace(answer), "\n"); len(lines) > 1 {
				said[lines[0]] = strings.Fields(lines[1])[0] + " " + strings.TrimSpace(lines[len(lines)-1])
			}
		}
		require.Equal(t, map[string]string{
			"1-orders.json":    "200 all is acknowledged",
			"2-bytes.json":     "200 all is acknowledged",
			"3-no-orders.json": "200 acknowledged, but for what is named",
			"4-broken.json":    "500 a failed attempt: the batch comes again",
		}, said, output)
		require.JSONEq(t, `{"customers":{"ada":1000,"bob":321,"zoë":700},"tags":{"express":1}}`, e.run(e.only("sh totals")))
	}
	require.Contains(t, e.run(e.only("sh curl")), "HTTP/1.1 200")
	require.Equal(t, 0, e.app.Stop())

	output := e.run("./post.sh batches/1-orders.json", "SIDECAR_APP_URL="+e.url+"/batches")
	require.Contains(t, output, "the app is down")
}

// TestShellBatchesAreBatches: they are what the sidecar itself could send, ids included.
func TestShellBatchesAreBatches(t *testing.T) {
	files, err := filepath.Glob("../../examples/shell/batches/*.json")
	require.NoError(t, err)
	require.Len(t, files, 4)
	for _, file := range files {
		body, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.HasSuffix(file, "-broken.json") {
			require.False(t, json.Valid(body), file)
			continue
		}
		batch, err := protocoltest.DecodeJSON(body)
		require.NoError(t, err, file)
		var head struct{ Batch string }
		require.NoError(t, json.Unmarshal(body, &head))
		require.Equal(t, batch.ID(), head.Batch, "the id in %s", file)
	}
}
