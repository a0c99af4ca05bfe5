package testenv

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) { Main(m) }

func TestKafkaKeepsItsDataOverAKill(t *testing.T) {
	k := Kafka(t, KafkaProperty("message.max.bytes", "2000000"))
	k.CreateTopic("orders", 2)
	log := k.Produce("orders", 2, 10, "v")
	require.Len(t, log, 10)
	require.Equal(t, Produced{Topic: "orders", Partition: 1, Offset: 4, Key: "key-9", Value: "v-9"}, log[9])

	before := k.PID()
	k.Kill()
	require.Zero(t, k.PID())
	k.Start()
	require.NotEqual(t, before, k.PID())
	require.Equal(t, map[int32]int64{0: 5, 1: 5}, k.EndOffsets("orders"))

	k.Pause()
	k.Resume()
	k.AddPartitions("orders", 3)
	require.Len(t, k.EndOffsets("orders"), 3)
	k.Stop()
}

func TestConsulOnDiskKeepsItsDataOverAKill(t *testing.T) {
	const token = "3f2b1c9e-8a44-4d0b-9c35-0f5f6e1d2a77"
	c := Consul(t, ConsulOnDisk(), ConsulACL(token))
	c.Put("a/b", []byte("1"))
	c.Kill()
	c.Start()
	value, ok := c.Get("a/b")
	require.True(t, ok)
	require.Equal(t, "1", string(value))
	all, ok := c.List("a/")
	require.True(t, ok)
	require.Equal(t, map[string][]byte{"a/b": []byte("1")}, all)
	c.Delete("a/b")
	_, ok = c.Get("a/b")
	require.False(t, ok)

	resp, err := http.Get("http://" + c.Addr() + "/v1/acl/tokens")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	require.Equal(t, http.StatusForbidden, resp.StatusCode, "without a token")
}

func TestPostgresKeepsItsDataOverAKill(t *testing.T) {
	p := Postgres(t)
	execute := func(sql string) []*pgconn.Result {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		conn, err := pgconn.Connect(ctx, p.URL())
		require.NoError(t, err)
		results, err := conn.Exec(ctx, sql).ReadAll()
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.Background()) }) // an open connection must not keep it from ending
		return results
	}
	execute("CREATE TABLE a (n int); INSERT INTO a VALUES (7)")
	p.Kill()
	require.Zero(t, p.PID())
	p.Start()
	execute("INSERT INTO a VALUES (8)")
	p.Stop()
	p.Start()
	require.Equal(t, "15", string(execute("SELECT sum(n) FROM a")[0].Rows[0][0]))
	dir := p.dir
	p.Close()
	require.NoDirExists(t, dir)
}

func TestSharedServersAreStartedOnce(t *testing.T) {
	require.Equal(t, SharedKafka(t).PID(), SharedKafka(t).PID())
	require.Equal(t, SharedConsul(t).PID(), SharedConsul(t).PID())
	require.Equal(t, SharedPostgres(t).PID(), SharedPostgres(t).PID())
	require.Equal(t, SharedZooKeeper(t).PID(), SharedZooKeeper(t).PID())
	k := SharedKafka(t)
	topic := Name(t, "load")
	k.CreateTopic(topic, 1)
	load := k.StartLoad(topic, 1, 500)
	Eventually(t, 10*time.Second, "records", func() error {
		if n := load.Len(); n < 50 {
			return fmt.Errorf("%d so far", n)
		}
		return nil
	})
	log, err := load.Stop()
	require.NoError(t, err)
	require.EqualValues(t, len(log), k.EndOffsets(topic)[0])
}

func TestAppRecordsWhatItAcknowledged(t *testing.T) {
	a := App(t)
	a.SetAnswer(func(AppBatch) Answer {
		return Failures(AppFailure{Topic: "t", Partition: 1, Offset: 5, Action: "retry"})
	})
	body := `{"batch":"b","group":"g","attempt":1,"partitions":[{"topic":"t","partition":1,"fromOffset":3,"untilOffset":7,"fence":9,"records":[
		{"offset":4,"timestamp":1,"keyBase64":"AAE=","value":"x","headers":[{"name":"n","value":null}]},
		{"offset":5,"timestamp":1,"key":null,"value":null,"headers":[]},
		{"offset":6,"timestamp":1,"key":"k","value":{"id":1},"headers":[]}]}]}`
	resp, err := http.Post(a.URL(), "application/json", strings.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	http.DefaultClient.CloseIdleConnections()

	log := a.Deliveries()
	require.Len(t, log, 1)
	require.Equal(t, []Produced{{Topic: "t", Partition: 1, Offset: 4, Key: "\x00\x01", Value: "x"}}, log[0].Acked())
	records := log[0].Batch.Parts[0].Records
	require.Nil(t, records[1].Value)
	require.Equal(t, `{"id":1}`, string(records[2].Value))
	require.Equal(t, []AppHeader{{Name: "n"}}, records[0].Headers)
}

func TestProcessReportsItsEnd(t *testing.T) {
	p := &process{name: "false", argv: []string{"sh", "-c", "echo no; exit 3"}, output: t.TempDir() + "/log"}
	err := p.startReady(5*time.Second, func() error { return fmt.Errorf("not yet") })
	require.ErrorContains(t, err, "ended with code 3")
	require.ErrorContains(t, err, "no\n")
}

// A server that is down for a moment keeps its port: no other test is given it meanwhile.
func TestPortsStayReserved(t *testing.T) {
	ports, err := freePorts(3)
	require.NoError(t, err)
	for _, port := range ports {
		again, err := reserve(port)
		require.NoError(t, err)
		require.False(t, again, "port %d", port)
	}
}

// A program that was stopped does nothing from then on: it has stopped when Signal returns.
func TestStopIsAwaited(t *testing.T) {
	p := StartProgram(t, "busy", []string{"sh", "-c", "while :; do :; done"})
	for range 20 {
		p.Signal(syscall.SIGSTOP)
		require.NoError(t, stopped(p.PID()))
		p.Signal(syscall.SIGCONT)
	}
}
