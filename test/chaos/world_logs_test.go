package chaos

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// journal appends lines to one of the oracle's logs, each with one write. It may be used from any goroutine.
type journal struct {
	w    *world
	file *os.File
}

// newJournal makes an empty log that is closed with the test.
func (w *world) newJournal(name string) *journal {
	w.t.Helper()
	f, err := os.OpenFile(filepath.Join(w.dir, name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { f.Close() })
	return &journal{w, f}
}

// Write appends a line that is whole already.
func (j *journal) Write(line []byte) (int, error) { return j.file.Write(line) }

func (j *journal) add(v any) {
	line, err := oracle.Line(v)
	if err == nil {
		_, err = j.Write(line)
	}
	if err != nil {
		j.w.t.Errorf("write %s: %v", j.file.Name(), err)
	}
}

// clear forgets all lines.
func (j *journal) clear() {
	j.w.t.Helper()
	require.NoError(j.w.t, j.file.Truncate(0))
}

// replace writes a log as a whole, in place of what it held.
func replace[T any](w *world, name string, lines []T) {
	w.t.Helper()
	var all []byte
	for _, v := range lines {
		line, err := oracle.Line(v)
		require.NoError(w.t, err)
		all = append(all, line...)
	}
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, name), all, 0o600))
}

func (w *world) writeFrame(f *oracle.Frame) {
	w.t.Helper()
	text, err := json.MarshalIndent(f, "", "  ")
	require.NoError(w.t, err)
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, oracle.FrameFile), text, 0o600))
}

func (w *world) mark(proc, what string, code int) {
	w.marks.add(oracle.Mark{Proc: proc, What: what, Time: nanos(), Code: code})
}

func nanos() oracle.Nanos { return oracle.Nanos(time.Now().UnixNano()) }
