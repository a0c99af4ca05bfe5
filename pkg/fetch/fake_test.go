package fetch_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// fake is a broker for what a real one can't be asked to do.
func fake(t *testing.T, opts ...kfake.Opt) (*kfake.Cluster, fetch.Config) {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1), kfake.SeedTopics(2, "orders")}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, config(t, c.ListenAddrs()[0], "billing", "orders")
}

// logged is a log that tests look into.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestSASL(t *testing.T) {
	const secret = "s3cret-word"
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		t.Run(mechanism, func(t *testing.T) {
			_, cfg := fake(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "app", secret))
			var log logged
			cfg.Log = zerolog.New(&log)
			cfg.SASL = fetch.SASL{Mechanism: mechanism, Username: "app", Password: func() string { return secret }}
			view, err := newCluster(t, cfg).Topics(t.Context(), []string{"orders"})
			require.NoError(t, err)
			require.Equal(t, int32(2), view.Topics["orders"].Partitions)

			cfg.SASL.Password = func() string { return secret + "-wrong" }
			_, err = newCluster(t, cfg).Topics(t.Context(), []string{"orders"})
			require.Error(t, err)
			require.NotContains(t, err.Error()+log.String(), secret)
		})
	}
}

func TestTLS(t *testing.T) {
	server := httptest.NewTLSServer(nil) // for its certificate
	defer server.Close()
	_, cfg := fake(t, kfake.TLS(&tls.Config{Certificates: server.TLS.Certificates}))
	cfg.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	cfg.TLS.ServerName = "example.com"
	view, err := newCluster(t, cfg).Topics(t.Context(), []string{"orders"})
	require.NoError(t, err)
	require.Equal(t, int32(2), view.Topics["orders"].Partitions)
}

func TestConfigurationIsRefused(t *testing.T) {
	for want, change := range map[string]func(*fetch.Config){
		"kafka.sasl.mechanism":  func(c *fetch.Config) { c.SASL.Mechanism = "GSSAPI" },
		"kafka.isolation_level": func(c *fetch.Config) { c.IsolationLevel = "" },
		"kafka.group_protocol":  func(c *fetch.Config) { c.GroupProtocol = "new" },
		"kafka.instance_id":     func(c *fetch.Config) { c.GroupProtocol, c.InstanceID = "consumer", "a" },
		"group: is required":    func(c *fetch.Config) { c.Group = "" },
	} {
		cfg := config(t, "127.0.0.1:1", "billing", "orders")
		change(&cfg)
		_, errMember := fetch.NewMembership(cfg)
		_, errReader := fetch.NewReader(cfg)
		text := ""
		for _, err := range []error{errMember, errReader} {
			if err != nil {
				text += err.Error() + "\n"
			}
		}
		require.Contains(t, text, want)
	}
}

func TestAnyBudgetIsTaken(t *testing.T) {
	for _, budget := range []int64{0, 1 << 20, 128 << 20, 64 << 30} {
		cfg := config(t, "127.0.0.1:1", "billing", "orders")
		cfg.MemoryBudget = budget
		newReader(t, cfg)
	}
}

// failedFetch answers every partition of a fetch with an error.
func failedFetch(req *kmsg.FetchRequest, why *kerr.Error) *kmsg.FetchResponse {
	resp := req.ResponseKind().(*kmsg.FetchResponse)
	for _, rt := range req.Topics {
		st := kmsg.NewFetchResponseTopic()
		st.Topic, st.TopicID = rt.Topic, rt.TopicID
		for _, rp := range rt.Partitions {
			sp := kmsg.NewFetchResponseTopicPartition()
			sp.Partition, sp.ErrorCode = rp.Partition, why.Code
			st.Partitions = append(st.Partitions, sp)
		}
		resp.Topics = append(resp.Topics, st)
	}
	return resp
}

func TestReaderUnauthorized(t *testing.T) {
	c, cfg := fake(t)
	r := read(t, cfg)
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return failedFetch(kreq.(*kmsg.FetchRequest), kerr.TopicAuthorizationFailed), nil, true
	})
	r.Add(tp("orders", 0), from(0), 1)
	require.Equal(t, record.Unauthorized, r.waitError(1).Kind)
	require.Len(t, r.of(1), 1)
}

// A partition that is added or resumed waits for the fetch under way, which a broker holds while the other partitions
// have nothing: with the client's default, delivery of a backlog would stop for seconds at each resume.
func TestReaderLetsBrokersWaitShortly(t *testing.T) {
	c, cfg := fake(t)
	waits := make(chan time.Duration, 1)
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		waits <- time.Duration(kreq.(*kmsg.FetchRequest).MaxWaitMillis) * time.Millisecond
		return nil, nil, false
	})
	read(t, cfg).Add(tp("orders", 0), from(0), 1)
	select {
	case wait := <-waits:
		require.LessOrEqual(t, wait, 500*time.Millisecond)
	case <-time.After(within):
		t.Fatal("nothing is fetched")
	}
}

func TestReaderSurvivesRetriableErrors(t *testing.T) {
	c, cfg := fake(t)
	r := read(t, cfg)
	failures := 3
	c.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		req := kreq.(*kmsg.FetchRequest)
		if failures == 0 || len(req.Topics) == 0 {
			return nil, nil, false
		}
		c.KeepControl()
		failures--
		return failedFetch(req, kerr.NotLeaderForPartition), nil, true
	})
	r.Add(tp("orders", 0), from(0), 1)
	cl, err := kgo.NewClient(kgo.SeedBrokers(cfg.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer cl.Close()
	require.NoError(t, cl.ProduceSync(t.Context(), &kgo.Record{Topic: "orders", Value: []byte("a")}).FirstErr())
	require.Equal(t, []string{"a"}, r.waitNext(1, 1))
}

func TestLeaderlessPartitionsAreListed(t *testing.T) {
	c, cfg := fake(t)
	c.ControlKey(int16(kmsg.Metadata), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := kreq.ResponseKind().(*kmsg.MetadataResponse)
		st := kmsg.NewMetadataResponseTopic()
		name := "orders"
		st.Topic = &name
		for p := range int32(2) {
			sp := kmsg.NewMetadataResponseTopicPartition()
			sp.Partition, sp.Leader = p, p-1
			st.Partitions = append(st.Partitions, sp)
		}
		sb := kmsg.NewMetadataResponseBroker()
		host, port, _ := strings.Cut(c.ListenAddrs()[0], ":")
		sb.Host = host
		for _, d := range port {
			sb.Port = sb.Port*10 + (d - '0')
		}
		resp.Brokers = append(resp.Brokers, sb)
		resp.Topics = append(resp.Topics, st)
		return resp, nil, true
	})
	view, err := newCluster(t, cfg).Topics(t.Context(), []string{"orders"})
	require.NoError(t, err)
	require.Equal(t, record.TopicView{Partitions: 2, Leaderless: []int32{0}}, view.Topics["orders"], "a zero id is no id")
}

// A broker that swallows everything: calls end within their context, and Run ends.
func TestSilentBroker(t *testing.T) {
	c, cfg := fake(t)
	c.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, nil, true
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := newCluster(t, cfg).Topics(ctx, []string{"orders"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	m := join(t, cfg)
	r := read(t, cfg)
	r.Add(tp("orders", 0), from(0), 1)
	start := time.Now()
	m.leave()
	require.Less(t, time.Since(start), within)
}
