package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/contract"
	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/protocol/protocoltest"
)

// contractApp is an application that answers 500 to what it can't read; accept may refuse a batch.
func contractApp(t *testing.T, token string, accept func(*record.Batch) bool) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		b, err := protocoltest.DecodeJSON(body)
		switch {
		case token != "" && r.Header.Get("Authorization") != "Bearer "+token:
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("Sidecar-Protocol") != "1":
			w.WriteHeader(http.StatusNotImplemented)
		case r.Header.Get("Content-Type") != "application/json":
			w.WriteHeader(http.StatusUnsupportedMediaType)
		case err != nil || b.Len() == 0 || !accept(b):
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL + "/batches"
}

func acceptAll(*record.Batch) bool { return true }

func refuseTombstones(b *record.Batch) bool {
	for _, p := range b.Parts {
		for _, r := range p.Records {
			if r.Value == nil {
				return false
			}
		}
	}
	return true
}

var contractLine = regexp.MustCompile(`^(ok  |note|fail)  [A-Za-z0-9][^:]*: \S`)

func TestContractOfTheBinary(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("open sesame\n"), 0o600))
	code, out := testenv.RunSidecar(t, "contract", "--url", contractApp(t, "open sesame", acceptAll), "--token-file", token)
	require.Equal(t, 0, code, out)
	findings, summary, found := strings.Cut(strings.TrimSpace(out), "\n\n")
	require.True(t, found, out)
	for line := range strings.Lines(findings) {
		require.Regexp(t, contractLine, line)
	}
	require.Contains(t, findings+"\n", "ok    wrong token: answered 401\n")
	require.Contains(t, findings+"\n", "ok    null value: acknowledged\n")
	require.Regexp(t, `^\d\d ok, 0 notes, 0 failed$`, summary)

	code, out = testenv.RunSidecar(t, "contract", "--url", contractApp(t, "", refuseTombstones))
	require.Equal(t, 1, code, out)
	require.Contains(t, out, "fail  null value: answered 500 to a record with a null value (a tombstone): a compacted topic would stop here; handle value null\n")
	require.Regexp(t, `\n\n\d\d ok, 0 notes, 3 failed\n$`, out)
}

func TestContractAsJSON(t *testing.T) {
	code, out, errs := command("contract", "--url", contractApp(t, "", refuseTombstones), "-o", "json")
	require.Equal(t, exitFailed, code, errs)
	var report struct {
		URL      string
		Findings []contract.Finding
		Summary  contract.Summary
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.Len(t, report.Findings, report.Summary.OK+report.Summary.Notes+report.Summary.Failed)
	require.Equal(t, 3, report.Summary.Failed)
	require.Equal(t, contract.Finding{
		Name: "null value", Result: contract.Fail, Sent: "a record with a null value (a tombstone)",
		Expected: "an acknowledgement, which may name records in failures", Detail: "answered 500 to a record with a null value (a tombstone)",
		Why: "a compacted topic would stop here", Hint: "handle value null",
	}, report.Findings[1])
}

func TestContractWithoutAnApp(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	url := strings.Replace(s.URL, "http://", "http://user:hidden@", 1) + "/batches"
	for _, output := range []string{"text", "json"} {
		code, out, errs := command("contract", "--url", url, "--token", "also hidden", "-o", output)
		assert.Equal(t, exitFailed, code)
		assert.Empty(t, errs)
		assert.Contains(t, out, "connection refused")
		assert.Contains(t, out, "start the app, or correct --url")
		assert.NotContains(t, out, "hidden")
		if output == "text" {
			assert.Equal(t, 1, strings.Count(out, "fail  "), out)
		}
	}
}

func TestContractUsage(t *testing.T) {
	url := "http://127.0.0.1:1/batches"
	for says, args := range map[string][]string{
		"--url is empty":                      {},
		"--url must begin with http:// or":    {"--url", "127.0.0.1:8080"},
		"--url https is not spoken":           {"--url", "https://localhost/x"},
		"--format must be json or columns":    {"--url", url, "--format", "xml"},
		"--value must be auto":                {"--url", url, "--value", "text"},
		"--timeout must be above 0":           {"--url", url, "--timeout", "0s"},
		"-o must be text or json":             {"--url", url, "-o", "xml"},
		"--token-file must be a readable":     {"--url", url, "--token-file", "none"},
		"--token-file is set as well as":      {"--url", url, "--token-file", "none", "--token", "x"},
		"--token must be one line":            {"--url", url, "--token", "hidden\r\nX: y"},
		"unknown command \"now\" for":         {"now"},
		"invalid argument \"long\" for \"--t": {"--timeout", "long"},
	} {
		code, out, errs := command(append([]string{"contract"}, args...)...)
		assert.Equal(t, exitUsage, code, says)
		assert.Empty(t, out, says)
		assert.Contains(t, errs, says)
		assert.NotContains(t, errs, "hidden")
	}
}

func TestContractWarnsOfMadeUpRecords(t *testing.T) {
	code, out, _ := command("contract", "--help")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, out, "use a test instance")
	assert.Contains(t, out, `"contract-"`)
}
