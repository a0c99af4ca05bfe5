package examples

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// sigterm is the exit code of a Java program that ended gracefully on SIGTERM.
const sigterm = 128 + int(syscall.SIGTERM)

// buildJava builds an example in Java, with the library, as its README says.
func buildJava(t *testing.T, folder string) {
	t.Helper()
	need(t, "java")
	need(t, "mvn")
	e := open(t, folder)
	e.run(e.only("sh"))
}

// openJava opens an example that is built.
func openJava(t *testing.T, folder string) *example {
	t.Helper()
	e := open(t, folder)
	e.stopped = sigterm
	return e
}

func TestJavaService(t *testing.T) {
	buildJava(t, "java-service")
	for _, format := range []string{"json", "columns"} {
		t.Run(format, func(t *testing.T) {
			e := openJava(t, "java-service")
			e.startApp("DATABASE=" + filepath.Join(t.TempDir(), "orders.db"))
			e.startSidecar("SIDECAR_BATCH_FORMAT=" + format)
			e.checkOrders()
			e.checkContract(format, "auto")
			e.stop()
		})
	}
}

// TestJavaSparkJobCountsOnceWhenKilled kills the job while it works, and the sidecar before it has committed anything: all
// that is counted comes again, cut differently.
func TestJavaSparkJobCountsOnceWhenKilled(t *testing.T) {
	buildJava(t, "java-spark-job")
	e := openJava(t, "java-spark-job")
	e.startApp("DATABASE=" + filepath.Join(t.TempDir(), "words.db"))
	settings := []string{"SIDECAR_BATCH_FORMAT=columns", "SIDECAR_KAFKA_SESSION_TIMEOUT=6s"}
	e.startSidecar(append(settings, "SIDECAR_BATCH_MAX_RECORDS=100", "SIDECAR_COMMIT_INTERVAL=10m")...)

	wanted := e.produceWords(1500)
	e.eventually("some of the batches to be counted", func() error {
		if n := strings.Count(e.app.Log(), "\nbatch "); n < 3 {
			return fmt.Errorf("%d so far", n)
		}
		return nil
	})
	for _, p := range []*testenv.Program{e.app, e.sidecar} {
		p.Signal(syscall.SIGKILL)
		require.Equal(t, 128+int(syscall.SIGKILL), p.Wait(soon))
	}
	counted := e.words()
	require.NotEmpty(t, counted)
	require.NotEqual(t, wanted, counted, "the job was killed too late to be in the middle")

	e.app = testenv.StartScript(t, "the job again", e.dir, e.only("sh app"), e.appEnv...)
	e.consume(append(settings, "SIDECAR_BATCH_MAX_RECORDS=70")...)
	e.waitCommitted()
	require.Equal(t, wanted, e.words())
	require.Contains(t, e.app.Log(), "skipped ", "records that came again")
	e.stop()
}

// produceWords writes n records of two words, some with bytes or headers that a text has not, and returns what to count.
func (e *example) produceWords(n int) map[string]int {
	e.t.Helper()
	counts := map[string]int{}
	var records []*kgo.Record
	for i := range n {
		r := &kgo.Record{Topic: e.topic, Partition: int32(i % 3), Value: fmt.Appendf(nil, "all  word-%d", i%7)}
		switch i % 10 {
		case 0:
			r.Key, r.Headers = []byte("\xff"), []kgo.RecordHeader{{Key: "empty"}, {Key: "bytes", Value: []byte("\xff")}}
		case 1:
			r.Value = nil // a tombstone has no words
		}
		for word := range strings.FieldsSeq(string(r.Value)) {
			counts[word]++
		}
		records = append(records, r)
	}
	e.kafka.ProduceRecords(records...)
	return counts
}

// words is what the job has counted.
func (e *example) words() map[string]int {
	e.t.Helper()
	output := e.run(e.only("sh totals"), e.appEnv...)
	var counts map[string]int
	require.NoError(e.t, json.Unmarshal([]byte(output), &counts), output)
	return counts
}

// TestMovingFromSparkShowsLinesOfTheJob: the Java code for Spark in the library's README is compiled as part of the example.
func TestMovingFromSparkShowsLinesOfTheJob(t *testing.T) {
	readme, err := os.ReadFile("../../sdk/java/README.md")
	require.NoError(t, err)
	shown := blocks(string(readme))["java spark"]
	require.NotEmpty(t, shown)
	for _, code := range shown {
		require.Contains(t, sources(t, "../../examples/java-spark-job"), code)
	}
}
