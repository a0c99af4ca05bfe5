package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// logs is Kafka with the topic orders: two partitions from 10 to 100.
type logs struct{ down error }

func (l *logs) Topics(context.Context, []string) (record.ClusterView, error) {
	return record.ClusterView{ClusterID: "c", Topics: map[string]record.TopicView{"orders": {ID: "id", Partitions: 2}}}, l.down
}

func (l *logs) Offsets(_ context.Context, q record.OffsetQuery, parts []record.TopicPartition) (map[record.TopicPartition]int64, error) {
	out := map[record.TopicPartition]int64{}
	for _, p := range parts {
		switch q.At {
		case record.AtStart:
			out[p] = 10
		case record.AtTime:
			out[p] = q.Time.Unix()
		default:
			out[p] = 100
		}
	}
	return out, l.down
}

// desk is a listener of a group that stands at 50 in both partitions, and its operators.
type desk struct {
	t      *testing.T
	engine *fakeEngine
	store  *offsetstest.Memory
	kafka  *logs
	shelf  *shelf
	server *Server
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, engine: &fakeEngine{}, store: &offsetstest.Memory{}, kafka: &logs{}}
	operators := func(who string) Operator { return control.New(d.store, d.kafka, who+"@host") }
	d.shelf = &shelf{store: d.store}
	groups := &Groups{Store: d.shelf, Cluster: d.kafka, Own: "billing"}
	d.server = New(Config{BodyType: "application/json", Groups: groups}, d.engine, operators, prometheus.NewRegistry(), "v1")
	doc := record.Topic{Name: "orders", TopicID: "id", ClusterID: "c", Partitions: 2, Baseline: map[int32]int64{}, Revision: 1, CreatedAt: time.Now()}
	writes := []record.Write{{Topic: &doc}}
	for n := range int32(2) {
		writes = append(writes, record.Write{Entry: &record.Entry{TopicPartition: record.TopicPartition{Topic: "orders", Partition: n}, Offset: 50, TopicID: "id", Owner: "pod/1", Epoch: 7}})
	}
	_, err := d.store.Write(t.Context(), writes)
	require.NoError(t, err)
	return d
}

func (d *desk) post(path, body string) *httptest.ResponseRecorder {
	return call(d.server.adminHandler(), "POST", path, body)
}

func (d *desk) entry(n int32) record.Entry {
	entries, err := d.store.Entries(d.t.Context(), []record.TopicPartition{{Topic: "orders", Partition: n}})
	require.NoError(d.t, err)
	return entries[0]
}

func TestSeek(t *testing.T) {
	for body, want := range map[string]int64{
		`{"topic":"orders","partitions":[0],"to":"earliest"}`:                           10,
		`{"topic":"orders","partitions":[0],"to":"latest"}`:                             100,
		`{"topic":"orders","partitions":[0],"to":{"offset":12}}`:                        12,
		`{"topic":"orders","partitions":[0],"to":{"shift":-5}}`:                         45,
		`{"topic":"orders","partitions":[0],"to":{"time":"1970-01-01T00:01:00Z"}}`:      60,
		`{"topic":"orders","partitions":[0],"to":{"offset":5},"force":true,"as":"ann"}`: 5,
	} {
		d := newDesk(t)
		w := d.post("/v1/seek", body)
		require.Equal(t, 200, w.Code, w.Body)
		require.Equal(t, want, d.entry(0).Offset, body)
		require.Equal(t, int64(50), d.entry(1).Offset)
	}
}

func TestSeekAnswersThePlan(t *testing.T) {
	d := newDesk(t)
	w := d.post("/v1/seek", `{"topic":"orders","partitions":[1],"to":{"offset":60},"dryRun":true}`)
	require.JSONEq(t, `{"what":"seek","topic":"orders","executed":false,"notes":[],"partitions":[
		{"partition":1,"from":50,"to":60,"skipped":10,"repeated":0,"paused":false,"logStart":10,"logEnd":100}]}`, w.Body.String())
	require.Equal(t, int64(50), d.entry(1).Offset)
	w = d.post("/v1/seek", `{"topic":"orders","to":"earliest","as":"ann"}`)
	var answer planAnswer
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	require.Equal(t, []any{true, int64(2), 2, int64(40)}, []any{answer.Executed, answer.Revision, len(answer.Partitions), answer.Partitions[0].Repeated})
	require.True(t, strings.HasPrefix(d.entry(1).Owner, "operator/ann@host/"), d.entry(1).Owner)
}

func TestPauseAndResume(t *testing.T) {
	d := newDesk(t)
	require.Equal(t, 200, d.post("/v1/pause", `{"topic":"orders","partitions":[1],"as":"ann"}`).Code)
	require.Equal(t, []any{false, true, "ann@host"}, []any{d.entry(0).Paused, d.entry(1).Paused, d.entry(1).PausedBy})
	require.Equal(t, 200, d.post("/v1/pause", `{"topic":"orders"}`).Code)
	require.True(t, d.entry(0).Paused)
	require.Equal(t, 200, d.post("/v1/resume", `{"topic":"orders","dryRun":true}`).Code)
	require.True(t, d.entry(0).Paused)
	require.Equal(t, 200, d.post("/v1/resume", `{"topic":"orders"}`).Code)
	require.False(t, d.entry(0).Paused || d.entry(1).Paused)
}

func TestSkip(t *testing.T) {
	d := newDesk(t)
	d.engine.status.Partitions = []relay.PartitionStatus{{Topic: "orders", Partition: 0, State: "blocked", Reason: "poison", Acked: 50}, {Topic: "orders", Partition: 1, State: "idle", Acked: 50}}
	require.Equal(t, 200, d.post("/v1/skip", `{"topic":"orders","partition":0,"offset":50,"to":"dead_letter"}`).Code)
	require.Equal(t, []int64{50}, d.engine.letters)
	require.Equal(t, int64(51), d.entry(0).Offset)

	w := d.post("/v1/skip", `{"topic":"orders","partition":1,"offset":50,"to":"drop"}`)
	require.Equal(t, []any{409, "not_blocked"}, []any{w.Code, code(t, w)})
	require.Contains(t, w.Body.String(), "orders/1 is not blocked at offset 50: it is idle")
	w = d.post("/v1/skip", `{"topic":"orders","partition":1,"offset":49,"to":"drop"}`)
	require.Equal(t, []any{409, "not_blocked"}, []any{w.Code, code(t, w)})

	d.store.After(func(_ context.Context, op offsetstest.Op) error { // the commit of what was acknowledged comes after the first look
		if op.Entries != nil {
			d.store.After(nil)
			d.store.Put("orders/1", `{"v":1,"offset":60,"topicId":"id","owner":"pod/1","epoch":7}`)
		}
		return nil
	})
	d.engine.status.Partitions[1] = relay.PartitionStatus{Topic: "orders", Partition: 1, State: "blocked", Reason: "poison", Acked: 60}
	require.Equal(t, 200, d.post("/v1/skip", `{"topic":"orders","partition":1,"offset":60,"to":"drop"}`).Code)
	require.Equal(t, int64(61), d.entry(1).Offset)

	d.engine.status.Partitions = nil // another replica's
	require.Equal(t, 200, d.post("/v1/seek", `{"topic":"orders","partitions":[1],"to":{"offset":50}}`).Code)
	require.Equal(t, 200, d.post("/v1/skip", `{"topic":"orders","partition":1,"offset":50,"to":"drop"}`).Code)
	require.Equal(t, int64(51), d.entry(1).Offset)
	require.Len(t, d.engine.letters, 1)
}

// A dead letter that is not durable moves nothing.
func TestSkipWithoutADeadLetter(t *testing.T) {
	d := newDesk(t)
	for err, want := range map[error]string{relay.ErrNoDeadLetters: "no_dead_letters", errors.New("broken"): "unavailable"} {
		d.engine.letter = err
		w := d.post("/v1/skip", `{"topic":"orders","partition":0,"offset":50,"to":"dead_letter"}`)
		require.Equal(t, want, code(t, w))
		require.Equal(t, int64(50), d.entry(0).Offset)
	}
}

func TestRetry(t *testing.T) {
	d := newDesk(t)
	require.Equal(t, 200, d.post("/v1/retry", `{"topic":"orders","partition":1}`).Code)
	require.Equal(t, []record.TopicPartition{{Topic: "orders", Partition: 1}}, d.engine.retried)
	d.engine.retry = relay.ErrNotHere
	w := d.post("/v1/retry", `{"topic":"orders","partition":1}`)
	require.Equal(t, []any{409, "not_here"}, []any{w.Code, code(t, w)})
}

func TestOrdersRefuse(t *testing.T) {
	for _, c := range []struct {
		path, body string
		status     int
		code, says string
	}{
		{"/v1/seek", `{"topic":"orders"}`, 400, "bad_request", "to: is missing"},
		{"/v1/seek", `{"topic":"orders","to":"yesterday"}`, 400, "bad_request", `"yesterday" is no place`},
		{"/v1/seek", `{"topic":"orders","to":{}}`, 400, "bad_request", "names 0 places"},
		{"/v1/seek", `{"topic":"orders","to":{"offset":1,"shift":1}}`, 400, "bad_request", "names 2 places"},
		{"/v1/seek", `{"topic":"orders","to":{"offsets":1}}`, 400, "bad_request", "unknown field"},
		{"/v1/seek", `{"topic":"orders","to":{"time":"monday"}}`, 400, "bad_request", "monday"},
		{"/v1/seek", `{"topic":"orders","to":{"offset":1.5}}`, 400, "bad_request", "1.5"},
		{"/v1/seek", `{"to":"latest"}`, 400, "bad_request", "topic is required"},
		{"/v1/seek", `{"topic":"order","to":"latest"}`, 404, "unknown_topic", "no offsets of topic order"},
		{"/v1/seek", `{"topic":"orders","partitions":[7],"to":"latest"}`, 404, "unknown_partition", "orders/7"},
		{"/v1/seek", `{"topic":"orders","partitions":[],"to":"latest"}`, 400, "bad_request", "no partition"},
		{"/v1/seek", `{"topic":"orders","partitions":["0"],"to":"latest"}`, 400, "bad_request", "partitions"},
		{"/v1/seek", `{"topic":"orders","to":{"offset":101}}`, 422, "out_of_range", "starts at 10 and ends at 100"},
		{"/v1/pause", `{"topic":"orders","partition":0}`, 400, "bad_request", "unknown field"},
		{"/v1/pause", `{"topic":"orders","as":"a b"}`, 400, "bad_request", "without spaces"},
		{"/v1/retry", `{"topic":"orders","partition":0,"as":"a/b"}`, 400, "bad_request", "without spaces"},
		{"/v1/pause", `{}`, 400, "bad_request", "topic is required"},
		{"/v1/resume", `[]`, 400, "bad_request", "the body is refused"},
		{"/v1/pause", `{"topic":"orders"} {}`, 400, "bad_request", "more after"},
		{"/v1/pause", `{"topic":"` + strings.Repeat("x", 70_000) + `"}`, 413, "too_large", "64 KiB"},
		{"/v1/skip", `{"topic":"orders","partition":0,"offset":50}`, 400, "bad_request", "required"},
		{"/v1/skip", `{"topic":"orders","partition":0,"to":"drop"}`, 400, "bad_request", "required"},
		{"/v1/skip", `{"topic":"orders","partition":0,"offset":50,"to":"bin"}`, 400, "bad_request", "required"},
		{"/v1/retry", `{"topic":"orders"}`, 400, "bad_request", "partition is required"},
		{"/v1/retry", `{"topic":"orders","partition":0,"offset":50}`, 400, "bad_request", "not taken"},
	} {
		d := newDesk(t)
		w := d.post(c.path, c.body)
		require.Equal(t, []any{c.status, c.code}, []any{w.Code, code(t, w)}, c.body)
		require.Contains(t, w.Body.String(), strings.ReplaceAll(c.says, `"`, `\"`), c.body)
		require.Equal(t, int64(7), d.entry(0).Epoch, "nothing is written")
	}
}

func TestOrdersWhileThingsAreAway(t *testing.T) {
	d := newDesk(t)
	d.kafka.down = errors.New("dial tcp: refused")
	w := d.post("/v1/seek", `{"topic":"orders","to":"latest"}`)
	require.Equal(t, []any{503, "unavailable"}, []any{w.Code, code(t, w)})
	d.kafka.down = nil
	d.store.Before(func(_ context.Context, op offsetstest.Op) error {
		if len(op.Write) > 0 {
			return record.ErrUnavailable
		}
		return nil
	})
	w = d.post("/v1/seek", `{"topic":"orders","to":"latest"}`)
	require.Equal(t, []any{503, "unavailable"}, []any{w.Code, code(t, w)})
	d.store.Before(func(context.Context, offsetstest.Op) error {
		return &record.DeniedError{Key: "k", Rule: `key_prefix "k/" { policy = "write" }`}
	})
	w = d.post("/v1/pause", `{"topic":"orders"}`)
	require.Equal(t, []any{403, "denied"}, []any{w.Code, code(t, w)})
}

func TestEvents(t *testing.T) {
	d := newDesk(t)
	n := int32(3)
	d.engine.events = []relay.Event{{Seq: 8, Time: time.Unix(0, 0).UTC(), Type: "blocked", Topic: "orders", Partition: &n, Reason: "poison", Text: "no"}}
	w := call(d.server.adminHandler(), "GET", "/v1/events?since=7", "")
	require.JSONEq(t, `{"events":[{"seq":8,"time":"1970-01-01T00:00:00Z","type":"blocked","topic":"orders","partition":3,"reason":"poison","text":"no"}]}`, w.Body.String())
	require.Equal(t, int64(7), d.engine.since)
	for _, since := range []string{"x", "-1", "1.5"} {
		w = call(d.server.adminHandler(), "GET", "/v1/events?since="+since, "")
		require.Equal(t, []any{400, "bad_request"}, []any{w.Code, code(t, w)})
	}
}

// One record needs the token, even on loopback.
func TestRecord(t *testing.T) {
	d := newDesk(t)
	d.engine.body = `{"records":[]}`
	w := call(d.server.adminHandler(), "GET", "/v1/record?topic=orders&partition=0&offset=12", "")
	require.Equal(t, []any{403, "needs_token"}, []any{w.Code, code(t, w)})

	d.server.cfg.Token, d.server.secured = func() string { return "s3cret" }, true
	get := func(query string) *httptest.ResponseRecorder {
		return call(d.server.adminHandler(), "GET", "/v1/record?"+query, "", "Authorization", "Bearer s3cret")
	}
	w = get("topic=orders&partition=0&offset=12")
	require.Equal(t, []any{200, `{"records":[]}`, "application/json"}, []any{w.Code, w.Body.String(), w.Header().Get("Content-Type")})
	for _, query := range []string{"", "topic=orders", "topic=orders&partition=x&offset=1", "topic=orders&partition=-1&offset=1", "topic=orders&partition=0&offset=-1", "topic=orders&partition=0&offset=9223372036854775808"} {
		w = get(query)
		require.Equal(t, []any{400, "bad_request"}, []any{w.Code, code(t, w)}, query)
	}
	d.engine.body = ""
	w = get("topic=orders&partition=0&offset=12")
	require.Equal(t, []any{404, "no_record"}, []any{w.Code, code(t, w)})
}

// A web page whose name was made to resolve to this address sends no Origin with a GET. With a token it has to know it.
func TestReboundNamesAreRefused(t *testing.T) {
	d := newDesk(t)
	get := func(host string, headers ...string) *httptest.ResponseRecorder {
		req := httptest.NewRequest("GET", "http://"+host+"/v1/status", nil)
		for i := 0; i+1 < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		d.server.adminHandler().ServeHTTP(w, req)
		return w
	}
	for _, host := range []string{"127.0.0.1:7400", "localhost:7400", "localhost", "[::1]:7400"} {
		require.Equal(t, 200, get(host).Code, host)
	}
	for _, host := range []string{"evil.example:7400", "evil.example", "localhost.evil.example"} {
		w := get(host)
		require.Equal(t, []any{403, "foreign_origin"}, []any{w.Code, code(t, w)}, host)
	}
	d.server.cfg.Token, d.server.secured = func() string { return "s3cret" }, true
	require.Equal(t, 200, get("sidecar.internal:7400", "Authorization", "Bearer s3cret").Code)
}
