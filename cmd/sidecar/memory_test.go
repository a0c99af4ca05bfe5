package main

import (
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMemoryIsTunedUnlessTheUserDid(t *testing.T) {
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	defer func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}()
	c, _ := use(sources{sets: []string{"memory.max_bytes=256MiB"}})
	tuneMemory(c, []string{"GOMEMLIMIT=1GiB", "GOGC=50"}, t.TempDir())
	require.Equal(t, limit, debug.SetMemoryLimit(-1))
	require.Equal(t, 100, debug.SetGCPercent(100))
	tuneMemory(c, nil, t.TempDir())
	require.EqualValues(t, (256+4+44)<<20, debug.SetMemoryLimit(-1))
	require.Equal(t, gcPercent, debug.SetGCPercent(100))
	require.Empty(t, c.warnings)
}

func TestMemoryOfAContainer(t *testing.T) {
	group := func(name, text string) string {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return dir
	}
	require.EqualValues(t, 128<<20, containerMemory(group("memory.max", "134217728\n")))
	require.EqualValues(t, 128<<20, containerMemory(group("memory/memory.limit_in_bytes", "134217728\n")))
	require.EqualValues(t, math.MaxInt64, containerMemory(group("memory.max", "max\n")))
	require.EqualValues(t, math.MaxInt64, containerMemory(t.TempDir()))

	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	defer func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}()
	c, _ := use(sources{})
	tuneMemory(c, nil, group("memory.max", "134217728"))
	require.EqualValues(t, 112<<20, debug.SetMemoryLimit(-1))
	require.Len(t, c.warnings, 1)
	require.Contains(t, c.warnings[0], "memory.max_bytes (128MiB) may need 192 MiB in all and the container has 128 MiB")
	c, _ = use(sources{sets: []string{"memory.max_bytes=32MiB"}})
	tuneMemory(c, nil, group("memory.max", "134217728"))
	require.Empty(t, c.warnings)
}
