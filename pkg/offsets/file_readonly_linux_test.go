package offsets_test

import (
	"os"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const nobody = 65534

// asNobody runs f without root's right to write everywhere: the file system user id of one thread
// is changed. Without root that is not needed.
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

func TestFileReadOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "offsets-") // t.TempDir lies in a folder that others can't enter
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	f, err := offsets.NewFile(offsets.FileConfig{Path: dir, Group: "billing"})
	require.NoError(t, err)
	require.NoError(t, f.Open())
	_, err = put(t, f, entry(0, 1))
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o555))
	t.Cleanup(func() { require.NoError(t, os.Chmod(dir, 0o755)) })

	asNobody(t, func() {
		next := get(t, f, 0)
		next.Offset = 2
		_, err := put(t, f, next)
		require.ErrorIs(t, err, record.ErrUnavailable)
		assert.Equal(t, int64(1), get(t, f, 0).Offset)

		require.NoError(t, f.Close())
		err = f.Open()
		require.ErrorIs(t, err, os.ErrPermission)
		assert.ErrorContains(t, err, dir)
		assert.ErrorContains(t, err, "offsets.file.path must be writable")
		findings := f.Check(t.Context())
		assert.False(t, findings[0].OK)
		assert.Contains(t, findings[0].Hint, dir)
	})
}
