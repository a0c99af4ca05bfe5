package docs

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
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
	for i, row := range strings.Split(want, "\n") {
		rows := strings.Split(have+"\n", "\n")
		require.Less(t, i, len(rows), "rows are missing; make the table anew: go test ./test/docs -run Settings -update")
		require.Equal(t, row, rows[i], "make the table anew: go test ./test/docs -run Settings -update")
	}
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

// looks is the comment that says what a value looks like: "duration, 1s to 30m. Default: 45s."
var looks = regexp.MustCompile(`^(.*)\. (Required|Default: .*)\.$`)

func settingsRow(path, value string, comments []string) string {
	meaning := comments[0]
	kind := looks.FindStringSubmatch(comments[len(comments)-1])
	if kind == nil {
		return fmt.Sprintf("%s has no comment of the form %s\n", path, looks)
	}
	value = "`" + strings.Trim(value, `"`) + "`"
	if value == "``" {
		value = "empty"
	}
	if kind[2] == "Required" {
		value = "required"
	}
	switch kind[1] {
	case "text", "path", "list", "true or false": // the default or the meaning shows it
	default:
		meaning += " (" + kind[1] + ")"
	}
	return fmt.Sprintf("| `%s` | %s | %s |\n", path, value, strings.ReplaceAll(meaning, "|", `\|`))
}
