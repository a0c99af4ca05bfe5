package main

import (
	"encoding/json"
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// minimalArgs are flags for of a file store in an empty folder; nothing is reached.
func minimalArgs(t *testing.T, more ...string) []string {
	args := []string{"--set", "group=billing", "--set", "kafka.topics=orders", "--set", "kafka.brokers=127.0.0.1:1", "--set", "offsets.store=file", "--set", "offsets.file.path=" + t.TempDir()}
	for _, set := range more {
		args = append(args, "--set", set)
	}
	return args
}

func TestExitCodesOfTheBinary(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	addr := taken.Addr().String()
	locked, err := offsets.NewFile(offsets.FileConfig{Path: t.TempDir(), Group: "billing"})
	require.NoError(t, err)
	require.NoError(t, locked.Open())
	defer func() { require.NoError(t, locked.Close()) }()
	free := []string{"metrics.listen=127.0.0.1:0", "admin.listen=127.0.0.1:0"}

	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", nil, 0, "Exit codes"},
		{"version", []string{"version"}, 0, "sidecar "},
		{"example", []string{"config", "example"}, 0, "max_records: 500"},
		{"show", append([]string{"config", "show"}, minimalArgs(t)...), 0, "group: billing"},
		{"show with problems", []string{"config", "show"}, 2, "kafka.topics: is required"},
		{"check offline", append([]string{"check", "--offline"}, minimalArgs(t)...), 0, "ok    configuration:"},
		{"check", append([]string{"check"}, minimalArgs(t, "app.url=http://127.0.0.1:1/x")...), 1, "fail  kafka:"},
		{"check the configuration", []string{"check", "--set", "deliver.lanes=0"}, 2, "fail  configuration: deliver.lanes: must be at least 1 (got 0) [--set]"},
		{"unknown command", []string{"nonsense"}, 2, `unknown command "nonsense"`},
		{"unknown flag", []string{"run", "--nonsense"}, 2, "--nonsense"},
		{"an argument too many", []string{"run", "now"}, 2, "now"},
		{"bad output", []string{"check", "-o", "xml"}, 2, "-o must be text or json (got xml)"},
		{"nothing set", []string{"run"}, 2, "group: is required"},
		{"no such file", []string{"run", "--config", "none.yaml"}, 2, "none.yaml"},
		{"metrics port taken", append([]string{"run"}, minimalArgs(t, "metrics.listen="+addr, "admin.listen=127.0.0.1:0")...), 1, "metrics.listen: open " + addr},
		{"admin port taken", append([]string{"run"}, minimalArgs(t, "metrics.listen=127.0.0.1:0", "admin.listen="+addr)...), 1, "admin.listen: open " + addr},
		{"lock held", append([]string{"run"}, minimalArgs(t, append(free, "offsets.file.path="+filepath.Dir(locked.Location()))...)...), 1, "offsets.file.path"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, out := testenv.RunSidecar(t, c.args...)
			require.Equal(t, c.code, code, out)
			require.Contains(t, out, c.says)
		})
	}
}

func TestCheckAsJSON(t *testing.T) {
	code, out, errs := command(append([]string{"check", "--offline", "-o", "json"}, minimalArgs(t)...)...)
	require.Equal(t, exitOK, code, errs)
	var findings []record.Finding
	require.NoError(t, json.Unmarshal([]byte(out), &findings))
	require.Len(t, findings, 1)
	require.True(t, findings[0].OK)

	code, out, _ = command("check", "-o", "json")
	require.Equal(t, exitUsage, code)
	require.NoError(t, json.Unmarshal([]byte(out), &findings))
	require.Len(t, findings, 2)
	require.False(t, findings[0].OK)
}

// Kafka and the app being away end nothing: it says so, and SIGTERM still exits 0.
func TestRunWithoutKafka(t *testing.T) {
	s := testenv.Sidecar(t, testenv.Set("group", "billing"), testenv.Set("kafka.topics", "orders"), testenv.Set("kafka.brokers", "127.0.0.1:1"),
		testenv.Set("offsets.store", "file"), testenv.Set("offsets.file.path", t.TempDir()), testenv.Set("app.timeout", "30s"))
	var status struct {
		Version, State string
		Store          struct{ Kind string }
		Reasons        []struct{ Reason string }
	}
	testenv.Eventually(t, abortWait*10, "the status", func() error { return s.Status(&status) })
	require.NotEmpty(t, status.Version)
	require.Equal(t, "file", status.Store.Kind)
	require.Equal(t, "kafka", status.Reasons[0].Reason)
	require.Equal(t, 0, s.Stop())
	log := s.Log()
	require.Contains(t, log, `"message":"started"`)
	require.Contains(t, log, "app.timeout (30s) is above deliver.drain (20s)")
	require.Contains(t, log, `"reason":"signal: terminated"`)
	require.Contains(t, log, `"message":"stopped"`)
}
