package imports

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

const nobody = 65534

// asNobody runs f without root's right to read everything: the file system user id of one thread is changed. Without root
// that is not needed.
func asNobody(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	require.NoError(t, syscall.Setfsuid(nobody))
	defer func() { require.NoError(t, syscall.Setfsuid(0)) }()
	f()
}

// What may not be read is an error that names it, never taken for absent: that would start the query from its beginning.
func TestCheckpointWithoutRights(t *testing.T) {
	for _, closed := range []string{"", "commits", "offsets", "commits/7", "offsets/7", "sources"} {
		dir, err := os.MkdirTemp("", "imports-") // t.TempDir lies in a folder that others can't enter
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
		require.NoError(t, os.Chmod(dir, 0o755))
		require.NoError(t, os.CopyFS(dir, os.DirFS(folder(t, map[string]string{
			"commits/7": commit, "offsets/7": batch(`{"orders":{"0":1}}`), "sources/0/0": begun,
		}))))
		require.NoError(t, os.Chmod(filepath.Join(dir, "commits", "7"), 0o644))
		require.NoError(t, os.Chmod(filepath.Join(dir, "offsets", "7"), 0o644))
		asNobody(t, func() {
			_, err := Checkpoint(dir, -1)
			require.NoError(t, err)
		})
		require.NoError(t, os.Chmod(filepath.Join(dir, closed), 0))
		asNobody(t, func() {
			_, err := Checkpoint(dir, -1)
			require.ErrorIs(t, err, os.ErrPermission, closed)
			require.ErrorContains(t, err, filepath.Join(dir, closed))
		})
		require.NoError(t, os.Chmod(filepath.Join(dir, closed), 0o755))
	}
}

// A pipe would hold the import until somebody writes to it.
func TestCheckpointWithAPipe(t *testing.T) {
	dir := folder(t, map[string]string{"commits/7": commit, "offsets/": ""})
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "offsets", "7"), 0o600))
	_, err := Checkpoint(dir, -1)
	require.ErrorContains(t, err, "/offsets/7 is no file")
}
