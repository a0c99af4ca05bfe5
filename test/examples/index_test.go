package examples

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// TestIndex does what examples/README.md says, from the topics to the dead letter, around the example in Node.js.
func TestIndex(t *testing.T) {
	need(t, "node")
	need(t, "curl")
	kafka := testenv.SharedKafka(t)
	index := open(t, ".", "localhost:9092", kafka.Addr())
	index.path = testenv.Tools(t) + string(os.PathListSeparator) + index.path
	commands := index.blocks["sh"]
	require.Len(t, commands, 4, "topics, orders, totals, dead letter")
	require.Len(t, index.blocks["json"], 1)

	index.run(commands[0])
	e := open(t, "node")
	e.topic, e.group = "orders", "order-totals"
	e.startApp()
	e.consume()
	index.url = e.url
	index.run(commands[1])
	e.waitCommitted()
	require.JSONEq(t, index.blocks["json"][0], index.run(commands[2]))
	require.Regexp(t, `sidecar-reason:the value is not JSON.*o4`, index.run(commands[3]))
	e.stop()
}

// TestASlowAppIsWaitedFor is the end of examples/README.md, with shorter times.
func TestASlowAppIsWaitedFor(t *testing.T) {
	need(t, "node")
	e := open(t, "node")
	e.startApp("WORK_SECONDS=2")
	e.startSidecar("SIDECAR_APP_TIMEOUT=1s")
	e.kafka.Produce(e.topic, 1, 1, "no order")
	e.eventually("the app to be busy", func() error {
		_, metrics, err := get("http://" + e.metrics + "/metrics")
		if err == nil && !regexp.MustCompile(`sidecar_batches_total\{outcome="busy"\} [1-9]`).MatchString(metrics) {
			err = errors.New("no such metric")
		}
		return err
	})
	e.waitStored(0, 0)

	require.Equal(t, 0, e.sidecar.Stop())
	e.consume("SIDECAR_APP_TIMEOUT=5s")
	e.waitCommitted()
	e.stop()
}

// TestIndexListsTheExamples: every folder of examples/ has a line, and every line a folder.
func TestIndexListsTheExamples(t *testing.T) {
	dirs, err := filepath.Glob("../../examples/*/README.md")
	require.NoError(t, err)
	var folders []string
	for _, dir := range dirs {
		folders = append(folders, filepath.Base(filepath.Dir(dir)))
	}
	index, err := os.ReadFile("../../examples/README.md")
	require.NoError(t, err)
	var listed []string
	for _, row := range regexp.MustCompile(`(?m)^\| \[([\w-]+)\]\(([\w-]+)/README.md\)`).FindAllStringSubmatch(string(index), -1) {
		require.Equal(t, row[1], row[2])
		listed = append(listed, row[1])
	}
	require.ElementsMatch(t, folders, listed)
}

// TestLinks: every file that a document of examples/ links to is there.
func TestLinks(t *testing.T) {
	documents, err := filepath.Glob("../../examples/*/README.md")
	require.NoError(t, err)
	for _, doc := range append(documents, "../../examples/README.md") {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
			path, _, _ := strings.Cut(link[1], "#")
			if strings.Contains(path, "://") || path == "" {
				continue
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(doc), path))
			require.NoError(t, err, "%s links to %s", doc, link[1])
		}
	}
}

// TestReadmesShowLinesOfTheApps: code in a README stands in the app beside it, word for word.
func TestReadmesShowLinesOfTheApps(t *testing.T) {
	documents, err := filepath.Glob("../../examples/*/README.md")
	require.NoError(t, err)
	for _, doc := range documents {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, language := range []string{"go", "js", "python", "java"} {
			for _, code := range blocks(string(text))[language] {
				require.Contains(t, sources(t, filepath.Dir(doc)), code, "what %s shows", doc)
			}
		}
	}
}

// sources is the text of all files in and below a folder that git would take.
func sources(t *testing.T, dir string) string {
	t.Helper()
	out, err := exec.Command("git", "-C", dir, "ls-files", "-co", "--exclude-standard", "--", ".", ":!README.md").Output()
	require.NoError(t, err)
	var all strings.Builder
	for name := range strings.FieldsSeq(string(out)) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}
