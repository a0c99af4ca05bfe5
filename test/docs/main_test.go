package docs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// root is the module's folder, seen from this package.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// read is the content of a file of the repository.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
