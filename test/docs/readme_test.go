package docs

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// TestReadmeCommandsRun does what README.md says, block by block: a new command in it is run here
// without a change to this test.
func TestReadmeCommandsRun(t *testing.T) {
	s := newSession(t)
	var output string // of the newest command
	for _, b := range blocks(read(t, "README.md")) {
		switch b.info {
		case "sh":
			if ranByCI(t, b.text) {
				continue
			}
			output = s.must(b.text)
		case "sh server":
			s.serve(b.text)
		case "yaml", "python", "hcl":
			s.write(b.text)
		case "text":
			require.Equal(t, documents(t, b.text), documents(t, output), "the shape of the stored documents")
		default:
			t.Fatalf("README.md has a block of the kind %q that nobody runs:\n%s", b.info, b.text)
		}
	}
	for i, value := range []string{"one", "two", "three"} {
		require.Regexp(t, fmt.Sprintf(`orders \d \d %s`, value), s.servers["python3"].log(), "record %d", i)
	}
	require.Equal(t, 0, s.servers["sidecar"].terminate(t), "exit code after SIGTERM")
}

// must runs a block; one that shows the store is repeated until what the app acknowledged is there.
func (s *session) must(script string) string {
	s.t.Helper()
	if !strings.HasPrefix(script, "consul kv get ") {
		out, err := s.run(script)
		require.NoError(s.t, err)
		return out
	}
	var out string
	testenv.Eventually(s.t, time.Minute, "the offsets of three records in Consul", func() error {
		var err error
		if out, err = s.run(script); err != nil {
			return err
		}
		if sum := offsetsIn(out); sum != 3 {
			return fmt.Errorf("the offsets add up to %d:\n%s", sum, out)
		}
		return nil
	})
	return out
}

// write puts a block into the file its first line names.
func (s *session) write(text string) {
	s.t.Helper()
	name := strings.TrimPrefix(strings.SplitN(text, "\n", 2)[0], "# ")
	require.Equal(s.t, filepath.Base(name), name, "the first line of a block names its file")
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), []byte(s.ports.Replace(text)), 0o600))
}

// ranByCI: these commands run this test; .ci/run runs them.
func ranByCI(t *testing.T, script string) bool {
	ci := read(t, ".ci/run")
	n := 0
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line == "make demo" || line == "make test" {
			require.Contains(t, ci, "step "+line+"\n")
			n++
		}
	}
	if n > 0 {
		require.Equal(t, n, strings.Count(script, "\n"), "`make demo` and `make test` stand in a block of their own")
	}
	return n > 0
}

// offsetsIn adds up the offsets of the partitions in an output of `consul kv get -recurse`.
func offsetsIn(output string) int64 {
	var sum int64
	for line := range strings.Lines(output) {
		_, value, _ := strings.Cut(line, ":")
		var entry struct{ Offset int64 }
		if json.Unmarshal([]byte(value), &entry) == nil {
			sum += entry.Offset
		}
	}
	return sum
}

// documents is the shape of stored documents: the fields of the topic's and of a partition's.
func documents(t *testing.T, output string) map[string][]string {
	t.Helper()
	shape := map[string][]string{}
	for line := range strings.Lines(output) {
		key, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		require.True(t, ok, line)
		require.Equal(t, "kafka-sidecar/billing/orders", path.Dir(key))
		var doc map[string]any
		require.NoError(t, json.Unmarshal([]byte(value), &doc), line)
		kind := "partition"
		if path.Base(key) == "_topic" {
			kind = "topic"
		}
		shape[kind] = slices.Sorted(maps.Keys(doc))
	}
	return shape
}
