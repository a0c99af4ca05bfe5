package page

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

const token = "correct-horse"

// The page of the real binary, with a token, before real Kafka, real Consul and an app that rejects a record; and the dashboard beside it.
func TestRealPage(t *testing.T) {
	kafka, consul := testenv.SharedKafka(t), testenv.SharedConsul(t)
	topic, prefix := testenv.Name(t, "topic"), testenv.Name(t, "prefix")
	kafka.CreateTopic(topic, 3)
	kafka.Produce(topic, 3, 30, "record") // record-15 is in partition 0

	var healed atomic.Bool
	app := testenv.App(t)
	app.SetAnswer(func(b testenv.AppBatch) testenv.Answer {
		for _, p := range b.Parts {
			for _, r := range p.Records {
				if string(r.Value) == "record-15" && !healed.Load() {
					return testenv.Failures(testenv.AppFailure{Topic: p.Topic, Partition: p.Partition, Offset: r.Offset, Action: "reject", Reason: hostile})
				}
			}
		}
		return testenv.Answer{}
	})
	secret := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(secret, []byte(token), 0o600))
	set := testenv.Set
	sidecar := testenv.Sidecar(t,
		set("group", "billing"), set("kafka.topics", topic), set("kafka.brokers", kafka.Addr()), set("start", "earliest"),
		set("offsets.prefix", prefix), set("offsets.consul.address", consul.Addr()), set("app.url", app.URL()), set("admin.token_file", secret),
		set("watch.interval", "1s"), set("commit.interval", "200ms"), set("retry.min", "50ms"), set("retry.max", "1s"))
	board := testenv.FreeAddr(t)
	testenv.StartProgram(t, "dashboard", []string{
		testenv.SidecarPath(t), "dashboard", "--listen", board,
		"--set", "kafka.brokers=" + kafka.Addr(), "--set", "offsets.prefix=" + prefix, "--set", "offsets.consul.address=" + consul.Addr(),
	})

	heal := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { healed.Store(true) }))
	t.Cleanup(heal.Close)
	browse(t, "real.test.mjs", "PAGE=http://"+sidecar.Admin(), "BOARD=http://"+board, "HEAL="+heal.URL, "TOPIC="+topic, "TOKEN="+token)

	require.Equal(t, 2, delivered(app, "record-0"), "once, and once more after the seek to the start of partition 0")
	require.Equal(t, 1, delivered(app, "record-28"), "partition 1 was paused and resumed where it stood")
}

// delivered is how often the app acknowledged a record.
func delivered(app *testenv.AppServer, value string) int {
	n := 0
	for _, d := range app.Deliveries() {
		if slices.ContainsFunc(d.Acked(), func(p testenv.Produced) bool { return p.Value == value }) {
			n++
		}
	}
	return n
}
