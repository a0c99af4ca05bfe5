package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// sparkSoon is the bound for what Spark should do within seconds: it takes most of a minute to start on a busy machine.
const sparkSoon = 4 * time.Minute

const (
	sparkPartitions = 3
	sparkBatch      = 60 // records per batch of both jobs, so that a test sees many
	wordsPerRecord  = 4

	sparkExample = "examples/python-spark-job/"
)

// TestSparkWordCountMovesOver runs examples/python-spark-job: the word count as a job of Structured Streaming, and the
// same behind the sidecar, both killed in the middle, count alike; and the new job goes on where the old one was stopped.
func TestSparkWordCountMovesOver(t *testing.T) {
	w := newWordCount(t)
	w.produce(900)

	old := w.oldJob()
	w.waitCounted(old, 2*sparkBatch)
	old.kill()
	require.Less(t, w.counted(old), 900, "the old job was to be killed in the middle")
	old.start()
	w.waitTotals(old)

	app, sidecar := w.newJob("from-the-start.db", "earliest")
	w.waitCounted(app, 2*sparkBatch)
	app.kill()
	require.Less(t, w.counted(app), 900, "the new job was to be killed in the middle")
	app.start()
	w.waitCounted(app, 6*sparkBatch)
	sidecar.Kill() // its offsets are not in the store yet: all comes again
	sidecar.Start()
	w.waitTotals(app)
	require.Contains(t, app.log(), "are applied already", "the guard had nothing to skip")
	w.stop(app, sidecar)

	start := w.startAfter(old)
	old.kill()
	w.produce(300)
	app, sidecar = w.newJob(old.database, start)
	w.waitTotals(app)
	w.stop(app, sidecar)
}

// wordCount is one topic of lines and the jobs that count their words.
type wordCount struct {
	t        *testing.T
	kafka    *testenv.KafkaServer
	consul   *testenv.ConsulServer
	python   string // a Python that has pyspark
	dir      string // of the databases and the checkpoint
	topic    string
	produced int
	totals   map[string]int
}

func newWordCount(t *testing.T) *wordCount {
	t.Helper()
	w := &wordCount{
		t: t, kafka: testenv.SharedKafka(t), consul: testenv.SharedConsul(t), dir: t.TempDir(),
		python: sparkNeeded(t, "SIDECAR_TEST_PYTHON_SPARK", "a Python that has pyspark"),
		topic:  testenv.Name(t, "words"), totals: map[string]int{},
	}
	w.kafka.CreateTopic(w.topic, sparkPartitions)
	return w
}

func sparkNeeded(t *testing.T, variable, what string) string {
	t.Helper()
	value := os.Getenv(variable)
	if value == "" {
		t.Fatalf("%s is not set to %s: run 'make sdk'", variable, what)
	}
	return value
}

// produce writes n records. Each has a word of its own, which shows a record that is lost or counted twice.
func (w *wordCount) produce(n int) {
	w.t.Helper()
	records := make([]*kgo.Record, n)
	for i := range records {
		number := w.produced + i
		words := []string{"kafka", fmt.Sprintf("w%d", number%7), "ö", fmt.Sprintf("n%d", number)}
		for _, word := range words {
			w.totals[word]++
		}
		records[i] = &kgo.Record{Topic: w.topic, Partition: int32(number % sparkPartitions), Value: []byte(strings.Join(words, " "))}
	}
	w.kafka.ProduceRecords(records...)
	w.produced += n
}

// oldJob starts the job of Structured Streaming.
func (w *wordCount) oldJob() *sparkJob {
	w.t.Helper()
	return w.job(sparkExample+"old_job.py", "words.db", w.submitArgs(),
		"BROKERS="+w.kafka.Addr(), "TOPIC="+w.topic, fmt.Sprintf("MAX_OFFSETS=%d", sparkBatch))
}

// submitArgs gives a job Spark's Kafka source, as a variable of its environment.
func (w *wordCount) submitArgs() string {
	w.t.Helper()
	folder := sparkNeeded(w.t, "SIDECAR_TEST_SPARK_KAFKA", "the folder with the jars of tools/spark")
	jars, err := filepath.Glob(filepath.Join(folder, "*.jar"))
	require.NoError(w.t, err)
	require.NotEmpty(w.t, jars, "no jars in %s", folder)
	return "PYSPARK_SUBMIT_ARGS=--jars " + strings.Join(jars, ",") + " pyspark-shell"
}

// newJob starts the job behind a sidecar of a group of its own.
func (w *wordCount) newJob(database, start string) (*sparkJob, *testenv.SidecarProcess) {
	w.t.Helper()
	addr := testenv.FreeAddr(w.t)
	_, port, err := net.SplitHostPort(addr)
	require.NoError(w.t, err)
	app := w.job(sparkExample+"job.py", database, "PORT="+port)
	config := filepath.Join(w.t.TempDir(), "sidecar.yaml")
	require.NoError(w.t, os.WriteFile(config, []byte(w.block("sdk/python/README.md", "yaml")), 0o600))
	group, set := testenv.Name(w.t, "group"), testenv.Set
	sidecar := testenv.Sidecar(w.t, testenv.Env("SIDECAR_CONFIG", config),
		set("group", group), set("kafka.topics", w.topic), set("kafka.brokers", w.kafka.Addr()), set("start", start),
		set("offsets.consul.address", w.consul.Addr()), set("app.url", "http://"+addr+"/batches"),
		set("batch.max_records", fmt.Sprint(sparkBatch)), set("commit.interval", "10m"), // what is not committed comes again
		set("kafka.session_timeout", "2s"), set("retry.max", "500ms"))
	w.waitBaseline(group, start)
	return app, sidecar
}

// waitBaseline waits until the store has what the sidecar was told to start with: a map, or earliest.
func (w *wordCount) waitBaseline(group, start string) {
	w.t.Helper()
	want := map[string]map[string]int64{w.topic: {"0": 0, "1": 0, "2": 0}}
	if start != "earliest" {
		want = nil
		require.NoError(w.t, json.Unmarshal([]byte(start), &want), start)
	}
	testenv.Eventually(w.t, soon, "the start in the store", func() error {
		var stored struct{ Baseline map[string]int64 }
		raw, _ := w.consul.Get("kafka-sidecar/" + group + "/" + w.topic + "/_topic")
		if err := json.Unmarshal(raw, &stored); err != nil {
			return err
		}
		if !maps.Equal(stored.Baseline, want[w.topic]) {
			return testenv.GiveUp("the store has %v, the start was %s", stored.Baseline, start)
		}
		return nil
	})
}

// stop ends both as an operator does.
func (w *wordCount) stop(app *sparkJob, sidecar *testenv.SidecarProcess) {
	w.t.Helper()
	require.Equal(w.t, 0, sidecar.Stop(), "exit code of the sidecar")
	require.Equal(w.t, 0, app.stop(), "exit code of the job")
}

// startAfter is where the old job has come to, once it has nothing to do: what the database says, by the commands of the
// example, and what the checkpoint says, by those of the guide.
func (w *wordCount) startAfter(old *sparkJob) string {
	w.t.Helper()
	example := strings.ReplaceAll(w.block("examples/python-spark-job/README.md", "sh start"), ".venv/bin/python", w.python)
	guide := w.block("sdk/python/README.md", "sh checkpoint")
	start := w.shell(w.dir, example+`printf %s "$SIDECAR_START"`)
	testenv.Eventually(w.t, sparkSoon, "the checkpoint to have the last batch", func() error {
		if at := strings.TrimSpace(w.shell(filepath.Join(w.dir, "checkpoint"), guide)); at != start {
			return old.unlessEnded(fmt.Errorf("it has %s, the database %s", at, start))
		}
		return nil
	})
	return start
}

// block is the fenced block of a document with these words behind its fence.
func (w *wordCount) block(document, words string) string {
	w.t.Helper()
	text, err := os.ReadFile(fromRoot(w.t, document))
	require.NoError(w.t, err)
	_, rest, ok := strings.Cut(string(text), "```"+words+"\n")
	require.True(w.t, ok, "%s has no block %s", document, words)
	block, _, _ := strings.Cut(rest, "```")
	return block
}

// shell runs commands to their end and returns what they print.
func (w *wordCount) shell(dir, commands string) string {
	w.t.Helper()
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir = dir
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(w.t, err, "%s\n%s", commands, &stderr)
	return string(out)
}

// counts are what a job has in its database.
func (w *wordCount) counts(job *sparkJob) map[string]int {
	w.t.Helper()
	cmd := exec.Command(w.python, fromRoot(w.t, "examples/python-spark-job/words.py"))
	cmd.Env = append(os.Environ(), "DATABASE="+job.database)
	out, err := cmd.Output()
	require.NoError(w.t, err)
	var counts map[string]int
	require.NoError(w.t, json.Unmarshal(out, &counts))
	return counts
}

// counted is how many records a job has counted.
func (w *wordCount) counted(job *sparkJob) int {
	w.t.Helper()
	words := 0
	for _, n := range w.counts(job) {
		words += n
	}
	return words / wordsPerRecord
}

// waitCounted waits until a job has counted n records.
func (w *wordCount) waitCounted(job *sparkJob, n int) {
	w.t.Helper()
	testenv.Eventually(w.t, sparkSoon, fmt.Sprintf("%d records counted by %s", n, job.name), func() error {
		if counted := w.counted(job); counted < n {
			return job.unlessEnded(fmt.Errorf("%d so far", counted))
		}
		return nil
	})
}

// waitTotals waits until a job has counted all that was produced, and nothing twice.
func (w *wordCount) waitTotals(job *sparkJob) {
	w.t.Helper()
	w.waitCounted(job, w.produced)
	require.True(w.t, maps.Equal(w.totals, w.counts(job)), "%s has counted %v\nproduced were %v", job.name, w.counts(job), w.totals)
}

// sparkJob is one of the jobs: a Python process and the JVM that it starts, in a process group of their own.
type sparkJob struct {
	t        *testing.T
	name     string // path of the script, from the module's root
	database string // path of the file
	python   string
	env      []string
	output   string // path of the file
	cmd      *exec.Cmd
	ended    chan struct{}
}

// job starts a script, named from the module's root.
func (w *wordCount) job(script, database string, env ...string) *sparkJob {
	w.t.Helper()
	if !filepath.IsAbs(database) {
		database = filepath.Join(w.dir, database)
	}
	j := &sparkJob{
		t: w.t, name: script, database: database, python: w.python, output: filepath.Join(w.t.TempDir(), "output.log"),
		env: append(env, "DATABASE="+database, "CHECKPOINT="+filepath.Join(w.dir, "checkpoint"), "SPARK_LOCAL_IP=127.0.0.1",
			"PYTHONPATH="+fromRoot(w.t, "sdk/python/src"), "PYTHONDONTWRITEBYTECODE=1"),
	}
	w.t.Cleanup(func() {
		j.kill()
		if w.t.Failed() {
			log := j.log()
			w.t.Logf("--- last output of %s\n%s\n---", j.name, log[max(0, len(log)-8000):])
		}
	})
	j.start()
	return j
}

func (j *sparkJob) start() {
	j.t.Helper()
	output, err := os.OpenFile(j.output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	require.NoError(j.t, err)
	defer output.Close() // the child has its own descriptor
	j.cmd = exec.Command(j.python, fromRoot(j.t, j.name))
	j.cmd.Stdout, j.cmd.Stderr = output, output
	j.cmd.Dir = filepath.Dir(j.output)
	j.cmd.Env = append(os.Environ(), j.env...)
	j.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(j.t, j.cmd.Start())
	cmd, ended := j.cmd, make(chan struct{})
	j.ended = ended
	go func() {
		_ = cmd.Wait() // the state says all of it
		close(ended)
	}()
}

// kill ends the Python process and its JVM at once.
func (j *sparkJob) kill() {
	if err := syscall.Kill(-j.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		j.t.Errorf("kill %s: %v", j.name, err)
	}
	<-j.ended
}

// stop sends SIGTERM to the Python process and returns its exit code.
func (j *sparkJob) stop() int {
	j.t.Helper()
	require.NoError(j.t, j.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-j.ended:
	case <-time.After(sparkSoon):
		j.t.Fatalf("%s still runs %s after SIGTERM", j.name, sparkSoon)
	}
	return j.cmd.ProcessState.ExitCode()
}

// unlessEnded is err, or an error that ends Eventually when the job has ended.
func (j *sparkJob) unlessEnded(err error) error {
	select {
	case <-j.ended:
		return testenv.GiveUp("%s has ended: %s", j.name, j.cmd.ProcessState)
	default:
		return err
	}
}

func (j *sparkJob) log() string {
	text, err := os.ReadFile(j.output)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
