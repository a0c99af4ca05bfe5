package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

var update = flag.Bool("update", false, "write the table of settings into README.md")

// TestReadmeListsTheSettings compares the table with `sidecar config example`, of which it is made:
// go test ./test/docs -run Settings -update
func TestReadmeListsTheSettings(t *testing.T) {
	code, example := testenv.RunSidecar(t, "config", "example")
	require.Equal(t, 0, code, example)
	want := settingsTable(example)
	readme := read(t, "README.md")
	const head = "| key | default | meaning |\n|---|---|---|\n"
	before, rest, ok := strings.Cut(readme, head)
	require.True(t, ok, "README.md has no table of settings")
	have, after, _ := strings.Cut(rest, "\n\n")
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(root(t), "README.md"), []byte(before+head+want+"\n"+after), 0o644))
		return
	}
	require.Equal(t, want, have+"\n", "make it anew: go test ./test/docs -run Settings -update")
}

// settingsTable makes the rows from the example: each setting follows two lines of comment, its meaning
// and what a value looks like.
func settingsTable(example string) string {
	var out strings.Builder
	var sections, comments []string
	for line := range strings.Lines(example) {
		text := strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(text, "# "); ok {
			comments = append(comments, comment)
			continue
		}
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		name, value, isKey := strings.Cut(text, ": ")
		switch {
		case text == "":
			sections = nil
		case !isKey:
			sections = append(sections[:depth], strings.TrimSuffix(text, ":"))
		default:
			out.WriteString(settingsRow(strings.Join(append(sections[:depth:depth], name), "."), value, comments))
		}
		comments = nil
	}
	return out.String()
}

func settingsRow(path, value string, comments []string) string {
	meaning, kind := comments[0], comments[len(comments)-1]
	kind, what, _ := strings.Cut(kind, "; ")
	value = "`" + strings.Trim(value, `"`) + "`"
	if value == "``" {
		value = "empty"
	}
	if what == "required" {
		value, meaning = what, strings.TrimSuffix(meaning, "; required")
	}
	switch kind {
	case "text", "path", "list", "true or false": // the default or the meaning shows it
	default:
		meaning += " (" + kind + ")"
	}
	return fmt.Sprintf("| `%s` | %s | %s |\n", path, value, strings.ReplaceAll(meaning, "|", `\|`))
}
