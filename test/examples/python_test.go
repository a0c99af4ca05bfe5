package examples

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// python is a Python that has the library. The README has one made in the folder of the example; `make examples` makes
// it by the same two commands in the cache, so that a test does not fetch anything.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("SIDECAR_TEST_PYTHON")
	if path == "" {
		t.Fatal("SIDECAR_TEST_PYTHON names no Python that has the library: run 'make examples'")
	}
	return path
}

func TestPythonService(t *testing.T) {
	for _, format := range []string{"json", "columns"} {
		t.Run(format, func(t *testing.T) {
			e := open(t, "python-service", ".venv/bin/python", python(t))
			// Without PYTHONPATH the library is the one that pip installed.
			e.startApp("PYTHONPATH=", "PYTHONDONTWRITEBYTECODE=1", "DATABASE="+filepath.Join(t.TempDir(), "orders.db"))
			e.startSidecar("SIDECAR_BATCH_FORMAT=" + format)
			e.checkOrders()
			e.checkContract(format, "auto")
			e.stop()
		})
	}
}

// TestPythonServiceIsSetUpByTwoCommands keeps `make examples` and the README together.
func TestPythonServiceIsSetUpByTwoCommands(t *testing.T) {
	e := open(t, "python-service")
	require.Equal(t, "python3 -m venv .venv\n.venv/bin/pip install --quiet ../../sdk/python\n", e.only("sh"))
	makefile, err := os.ReadFile("../../Makefile")
	require.NoError(t, err)
	require.Regexp(t, `\n\tpython3 -m venv \$\(EXAMPLES_VENV\)\n\t\$\(EXAMPLES_VENV\)/bin/pip install [^\n]*\./sdk/python\n`, string(makefile))
}
