package offsets

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

var errDisk = errors.New("input/output error")

// An fsync that fails can't be provoked from outside.
func TestFileSyncFails(t *testing.T) {
	f, err := NewFile(FileConfig{Path: t.TempDir(), Group: "billing"})
	require.NoError(t, err)
	require.NoError(t, f.Open())
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	part := record.TopicPartition{Topic: "orders"}
	write := func(offset int64, index uint64) error {
		_, err := f.Write(t.Context(), []record.Write{{Entry: &record.Entry{TopicPartition: part, Offset: offset, Index: index}}})
		return err
	}
	require.NoError(t, write(1, 0))

	f.sync = func(*os.File) error { return errDisk }
	err = write(2, 1)
	require.ErrorIs(t, err, record.ErrUnavailable, "before the rename nothing is written")
	require.ErrorIs(t, err, errDisk)

	failFolder := true
	f.sync = func(file *os.File) error {
		if info, err := file.Stat(); err != nil || info.IsDir() && failFolder {
			return errDisk
		}
		return nil
	}
	require.ErrorIs(t, write(2, 1), record.ErrOutcomeUnknown, "after the rename it may be on the disk or not")
	_, err = f.Entries(t.Context(), []record.TopicPartition{part})
	require.ErrorIs(t, err, record.ErrUnavailable, "what may be taken back by a crash is not shown")

	failFolder = false
	entries, err := f.Entries(t.Context(), []record.TopicPartition{part})
	require.NoError(t, err)
	assert.Equal(t, int64(2), entries[0].Offset)
	require.NoError(t, write(3, entries[0].Index))
}

func FuzzDecodeFile(f *testing.F) {
	f.Add([]byte(`{"v":1,"index":3,"keys":{"orders/3":{"index":3,"value":{"v":1,"offset":1}}}}`))
	f.Add([]byte(`{"v":2}`))
	f.Add([]byte(`{"v":1,"keys":{"a":{"index":0}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := decodeFile(data)
		if err != nil {
			return
		}
		for name, row := range table.Keys {
			if row.Index == 0 || row.Index > table.Index {
				t.Fatalf("key %q has index %d of %d", name, row.Index, table.Index)
			}
		}
	})
}
