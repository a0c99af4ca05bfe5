package admin

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

// board is a dashboard of the groups of a desk; both are the same.
func (d *desk) board() http.Handler {
	return NewDashboard(DashboardConfig{
		Groups: Groups{Store: d.shelf, Cluster: d.kafka}, Kind: "consul", Version: "v1",
		Group: func(name string) GroupStore {
			if name == "nobody" {
				return nil
			}
			return d.store
		},
		Operators: func(group, who string) Operator { return control.New(d.store, d.kafka, who+"@"+group) },
	}).handler()
}

func TestDashboardStatus(t *testing.T) {
	d := newDesk(t)
	for value, want := range map[string]string{
		`{"v":1,"offset":40,"topicId":"id"}`:                                     "stored",
		`{"v":1,"offset":40,"topicId":"id","paused":true,"pausedBy":"ann@host"}`: "paused",
		`{"v":1,"offset":5,"topicId":"id"}`:                                      "out_of_range",
		`{"v":9}`:                                                                "unreadable",
		"":                                                                       "unclaimed",
	} {
		d.store.Put("orders/1", value)
		if value == "" {
			d.store.Delete("orders/1")
		}
		w := call(d.board(), "GET", "/v1/status?group=billing", "")
		require.Equal(t, 200, w.Code, w.Body)
		var s storedStatus
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &s))
		require.Equal(t, []any{"stored", "billing", true, 2, 2}, []any{s.State, s.Group, s.Kafka.Up, len(s.Partitions), int(s.Topics[0].Partitions)})
		require.Equal(t, want, s.Partitions[1].State, value)
		require.Equal(t, []any{int64(50), int64(50), "pod/1"}, []any{s.Partitions[0].Committed, s.Partitions[0].Lag, s.Partitions[0].Owner})
	}
}

func TestDashboardOrders(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ path, body string }{
		{"/v1/pause", `{"topic":"orders","partitions":[1],"as":"ann"}`},
		{"/v1/seek", `{"topic":"orders","partitions":[0],"to":{"offset":60},"as":"ann"}`},
		{"/v1/skip", `{"topic":"orders","partition":0,"offset":60,"to":"drop","as":"ann"}`},
	} {
		w := call(d.board(), "POST", c.path+"?group=billing", c.body)
		require.Equal(t, 200, w.Code, w.Body)
	}
	require.Equal(t, int64(61), d.entry(0).Offset)
	require.Equal(t, []any{true, "ann@billing"}, []any{d.entry(1).Paused, d.entry(1).PausedBy})

	var a struct {
		Events []struct {
			Type, Text string
			Seq        int64
		}
	}
	require.NoError(t, json.Unmarshal(call(d.board(), "GET", "/v1/events?group=billing", "").Body.Bytes(), &a))
	require.Len(t, a.Events, 3)
	require.Equal(t, []string{"pause", "by ann@billing", "seek", "from 50 to 60, by ann@billing"}, []string{a.Events[0].Type, a.Events[0].Text, a.Events[1].Type, a.Events[1].Text})
}

func TestDashboardRefuses(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/v1/status", "", 400, "needs_group"},
		{"POST", "/v1/pause", `{"topic":"orders"}`, 400, "needs_group"},
		{"GET", "/v1/status?group=nobody", "", 404, "unknown_group"},
		{"GET", "/v1/events?group=billing&since=x", "", 400, "bad_request"},
		{"POST", "/v1/skip?group=billing", `{"topic":"orders","partition":0,"offset":50,"to":"dead_letter"}`, 400, "bad_request"},
		{"POST", "/v1/retry?group=billing", `{"topic":"orders","partition":0}`, 404, "not_found"},
		{"POST", "/v1/drain?group=billing", "", 404, "not_found"},
	} {
		w := call(d.board(), c.method, c.path, c.body)
		require.Equal(t, []any{c.status, c.code}, []any{w.Code, code(t, w)}, c.path)
	}
	require.Equal(t, int64(7), d.entry(0).Epoch, "nothing is written")
	w := call(d.board(), "GET", "/", "")
	require.Equal(t, 200, w.Code)
	require.NotEmpty(t, w.Header().Get("Content-Security-Policy"))
}

func TestDashboardListens(t *testing.T) {
	d := NewDashboard(DashboardConfig{Listen: "0.0.0.0:0"})
	require.ErrorIs(t, d.Listen(), ErrNeedsToken)
	d = NewDashboard(DashboardConfig{Listen: "127.0.0.1:0"})
	require.Error(t, d.Run(t.Context()), "without Listen")
	require.NoError(t, d.Listen())
	require.NotEmpty(t, d.Addr())
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
}
