package sdk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// language is an SDK with its app.
type language struct {
	name string
	// command is how its app is started.
	command func(t *testing.T) (argv, env []string)
	// database makes an address for its driver of "host:port/name".
	database func(at string) string
	// stopped is the exit code after SIGTERM: a Java process has that of the signal even if it ended gracefully.
	stopped int
}

var languages = []language{
	{"python", pythonApp, func(at string) string { return "postgres://postgres@" + at }, 0},
	{"java", javaApp, func(at string) string { return "jdbc:postgresql://" + at + "?user=postgres" }, 143},
}

// inEach runs the test with the app of each language.
func inEach(t *testing.T, test func(*testing.T, language)) {
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			test(t, l)
		})
	}
}

// inEachFormat runs the test with the app of each language and both formats of the body.
func inEachFormat(t *testing.T, test func(*testing.T, language, testenv.SidecarOption)) {
	inEach(t, func(t *testing.T, l language) {
		for _, format := range []string{"json", "columns"} {
			t.Run(format, func(t *testing.T) { test(t, l, testenv.Set("batch.format", format)) })
		}
	})
}

// needed is the value of an environment variable that `make sdk` is to set.
func needed(t *testing.T, variable, what string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Fatalf("%s is not set to %s: run 'make sdk'", variable, what)
	}
	return value
}

// fromRoot is the path of a file of the repository.
func fromRoot(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(filepath.Join("..", "..", path))
	require.NoError(t, err)
	return abs
}

func pythonApp(t *testing.T) (argv, env []string) {
	python := needed(t, "SIDECAR_TEST_PYTHON", "a Python that has psycopg")
	return []string{python, fromRoot(t, "test/sdk/apps/python/app.py")},
		[]string{"PYTHONPATH=" + fromRoot(t, "sdk/python/src"), "PYTHONDONTWRITEBYTECODE=1"}
}

// compiled is the folder with the Java app, compiled once per run.
var compiled struct {
	sync.Once
	dir string
	err error
	out string
}

func javaApp(t *testing.T) (argv, env []string) {
	jar := needed(t, "SIDECAR_TEST_JAVA_JAR", "the jar of the Java SDK")
	libs := needed(t, "SIDECAR_TEST_JAVA_LIBS", "the jar of PostgreSQL's JDBC driver")
	compiled.Do(func() {
		compiled.dir = filepath.Join(testenv.SharedDir(t), "java-app")
		// Release 8 shows that the SDK can be used from there.
		javac := exec.Command("javac", "--release", "8", "-Xlint:-options", "-cp", jar, "-d", compiled.dir, fromRoot(t, "test/sdk/apps/java/App.java"))
		out, err := javac.CombinedOutput()
		compiled.out, compiled.err = string(out), err
	})
	require.NoError(t, compiled.err, compiled.out)
	classpath := strings.Join([]string{compiled.dir, jar, libs}, string(os.PathListSeparator))
	return []string{"java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", classpath, "App"}, nil
}
