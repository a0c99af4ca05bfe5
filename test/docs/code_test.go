package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/alert"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// TestReadmeListsTheMetrics compares the table with what the engine and the alerts register, labels included.
func TestReadmeListsTheMetrics(t *testing.T) {
	reg := &descriptions{}
	relay.New(relay.DefaultConfig(), relay.Deps{Metrics: reg})
	alert.New(alert.DefaultConfig(), nil, reg)
	var documented []string
	for _, row := range rows(section(read(t, "README.md"), "Metrics")) {
		documented = append(documented, spans(row[0])...)
	}
	require.ElementsMatch(t, reg.metrics, documented)
}

// descriptions is a registerer that only notes what it is given, as name{label,label}.
type descriptions struct{ metrics []string }

var descText = regexp.MustCompile(`fqName: "([^"]+)".*variableLabels: \{([^}]*)\}`)

func (d *descriptions) Register(c prometheus.Collector) error {
	ch := make(chan *prometheus.Desc, 100)
	c.Describe(ch)
	close(ch)
	for desc := range ch {
		m := descText.FindStringSubmatch(desc.String())
		if m[2] != "" {
			m[1] += "{" + m[2] + "}"
		}
		d.metrics = append(d.metrics, m[1])
	}
	return nil
}

func (d *descriptions) MustRegister(cs ...prometheus.Collector) {
	for _, c := range cs {
		_ = d.Register(c)
	}
}

func (d *descriptions) Unregister(prometheus.Collector) bool { return false }

// TestReadmeListsTheReasons compares the two tables with the constants of the engine and the listeners.
func TestReadmeListsTheReasons(t *testing.T) {
	declared := map[string]bool{}
	for _, file := range append(goFiles(t, "pkg/relay"), goFiles(t, "pkg/admin")...) {
		for name, value := range stringConstants(t, file) {
			if strings.HasPrefix(name, "reason") {
				declared[value] = true
			}
		}
	}
	documented := map[string]bool{}
	for _, row := range rows(section(read(t, "README.md"), "Health and reasons")) {
		for _, reason := range spans(row[0]) {
			documented[reason] = true
		}
	}
	require.NotEmpty(t, declared)
	require.Equal(t, slices.Sorted(maps.Keys(declared)), slices.Sorted(maps.Keys(documented)))
}

func stringConstants(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	found := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != len(spec.Names) {
			return true
		}
		for i, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				found[spec.Names[i].Name], _ = strconv.Unquote(lit.Value)
			}
		}
		return true
	})
	return found
}

// documents at the root that name files, functions and tests.
var named = []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"}

var (
	testName = regexp.MustCompile(`^(Test|Fuzz)[A-Z]\w*$`)
	goFile   = regexp.MustCompile(`^[\w./-]+\.go$`)
	function = regexp.MustCompile(`^(\w+)\(\)$`)
	link     = regexp.MustCompile(`\]\(([^)#:]+)\)`)
)

// TestDocumentsNameWhatExists: tests, Go files, functions (written with their parentheses) and links.
func TestDocumentsNameWhatExists(t *testing.T) {
	functions := map[string]bool{}
	files := map[string][]string{} // base name → paths
	for _, file := range goFiles(t, ".") {
		rel, err := filepath.Rel(root(t), file)
		require.NoError(t, err)
		files[filepath.Base(file)] = append(files[filepath.Base(file)], rel)
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				functions[fn.Name.Name] = true
			}
		}
	}
	for _, doc := range named {
		text := read(t, doc)
		for _, span := range spans(text) {
			switch {
			case testName.MatchString(span):
				require.True(t, functions[span], "%s names the test %s, which does not exist", doc, span)
			case function.MatchString(span):
				require.True(t, functions[strings.TrimSuffix(span, "()")], "%s names the function %s, which does not exist", doc, span)
			case goFile.MatchString(span):
				ok := slices.ContainsFunc(files[filepath.Base(span)], func(p string) bool { return strings.HasSuffix("/"+p, "/"+span) })
				require.True(t, ok, "%s names the file %s, which does not exist", doc, span)
			}
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(root(t), m[1]))
			require.NoError(t, err, "%s links to %s", doc, m[1])
		}
	}
}

func goFiles(t *testing.T, under string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(root(t), under), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".go" {
			found = append(found, path)
		}
		return err
	})
	require.NoError(t, err)
	return found
}
