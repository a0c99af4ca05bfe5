package page

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// browse runs the browser's part of a test. Settings are the addresses that it needs, NAME=value.
func browse(t *testing.T, file string, settings ...string) {
	t.Helper()
	tools := os.Getenv("SIDECAR_TEST_PAGE")
	require.NotEmpty(t, tools, "the folder with playwright-core: run make page, or set it to what make deps has made")
	cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", file)
	// A Chromium that was fetched unpacks itself into the temporary folder, and stays.
	temporary := filepath.Join(tools, "tmp")
	require.NoError(t, os.MkdirAll(temporary, 0o755))
	cmd.Env = append(append(os.Environ(), "TMPDIR="+temporary), settings...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err, "%s", file)
}
