package offsets_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// reopening closes and opens the store before every call.
type reopening struct {
	*offsets.File
	t *testing.T
}

func (r reopening) again() {
	// Not require: the suite calls from several goroutines, and then only one of them is first.
	_ = r.Close()
	_ = r.Open()
}

func (r reopening) Topic(ctx context.Context, topic string) (record.Topic, error) {
	r.again()
	return r.File.Topic(ctx, topic)
}

func (r reopening) Entries(ctx context.Context, parts []record.TopicPartition) ([]record.Entry, error) {
	r.again()
	return r.File.Entries(ctx, parts)
}

func TestFileLayout(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	f := openFile(t, dir)
	index, err := put(t, f, entry(3, 1204))
	require.NoError(t, err)
	assert.Equal(t, uint64(1), index)
	data, err := os.ReadFile(filepath.Join(dir, "billing.json"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"v":1,"index":1,"keys":{"orders/3":{"index":1,"value":{"v":1,"offset":1204,"leaderEpoch":7,
		"topicId":"nF3yUVZ0RWiW3a0gZ0-abA","owner":"pod-7f4/9c1e04a2b7d01f33","epoch":1764000041,"committedAt":"2025-11-24T16:00:41Z"}}}}`, string(data))
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	assert.Equal(t, []string{filepath.Join(dir, "billing.json"), filepath.Join(dir, "billing.lock")}, names)
	assert.Equal(t, "file", f.Kind())
	assert.Equal(t, filepath.Join(dir, "billing.json"), f.Location())
}

func TestFileClosed(t *testing.T) {
	f := openFile(t, t.TempDir())
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	_, err := put(t, f, entry(0, 1))
	require.ErrorIs(t, err, record.ErrUnavailable)
	_, err = f.Topic(t.Context(), "orders")
	require.ErrorIs(t, err, record.ErrUnavailable)
}

func TestFileUnusable(t *testing.T) {
	for name, content := range map[string]string{
		"empty":               "",
		"cut":                 `{"v":1,"index":3,"keys":{"orders/3":{"ind`,
		"newer":               `{"v":2,"index":"x"}`,
		"no version":          `{"index":1,"keys":{}}`,
		"index above counter": `{"v":1,"index":1,"keys":{"orders/3":{"index":2,"value":{}}}}`,
		"no index":            `{"v":1,"index":1,"keys":{"orders/3":{"value":{}}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "billing.json")
			require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			f, err := offsets.NewFile(offsets.FileConfig{Path: filepath.Dir(path), Group: "billing"})
			require.NoError(t, err)
			for range 2 { // the lock is not kept after a failure
				var bad *record.BadKeyError
				require.ErrorAs(t, f.Open(), &bad)
				assert.Equal(t, path, bad.Key)
			}
			findings := f.Check(t.Context())
			assert.False(t, findings[len(findings)-1].OK)
			left, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, content, string(left), "nothing is repaired by force")
		})
	}
}

func TestFileBadKey(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "billing.json"), []byte(
		`{"v":1,"index":9,"keys":{"orders/_topic":{"index":3,"value":{"v":7}},"orders/3":{"index":9,"value":"text"}}}`), 0o600))
	f := openFile(t, dir)
	_, err := f.Topic(t.Context(), "orders")
	var bad *record.BadKeyError
	require.ErrorAs(t, err, &bad)
	require.ErrorAs(t, get(t, f, 3).Bad, &bad)
	assert.Contains(t, bad.Key, "orders/3")
	index, err := put(t, f, entry(0, 1))
	require.NoError(t, err, "one bad key does not hold the others")
	assert.Equal(t, uint64(10), index)
}

func TestFileLock(t *testing.T) {
	dir := t.TempDir()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), holdLockEnv+"="+dir)
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "open\n", line)

	f, err := offsets.NewFile(offsets.FileConfig{Path: dir, Group: "billing"})
	require.NoError(t, err)
	err = f.Open()
	var locked *offsets.LockedError
	require.ErrorAs(t, err, &locked)
	assert.Equal(t, filepath.Join(dir, "billing.lock"), locked.Path)
	assert.Contains(t, err.Error(), locked.Path)
	assert.Contains(t, locked.Holder, "pid ")
	for _, finding := range f.Check(t.Context()) {
		assert.True(t, finding.OK, "check runs beside a running sidecar")
	}
	other, err := offsets.NewFile(offsets.FileConfig{Path: dir, Group: "other"})
	require.NoError(t, err)
	require.NoError(t, other.Open(), "another group has another lock")
	require.NoError(t, other.Close())

	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	_ = input.Close()
	require.NoError(t, f.Open(), "a killed process leaves no lock behind")
	require.NoError(t, f.Close())
}

func TestFileFolderIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	f, err := offsets.NewFile(offsets.FileConfig{Path: path, Group: "billing"})
	require.NoError(t, err)
	require.ErrorContains(t, f.Open(), path)
	findings := f.Check(t.Context())
	require.Len(t, findings, 1)
	assert.False(t, findings[0].OK)
	assert.NotEmpty(t, findings[0].Hint)
}

func TestFileConfigErrors(t *testing.T) {
	_, err := offsets.NewFile(offsets.FileConfig{})
	require.ErrorContains(t, err, "group")
}
