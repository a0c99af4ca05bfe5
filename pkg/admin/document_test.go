package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// document is protocol/admin.yaml, made strict: a field of an answer that it does not describe is a fault here, though not for clients.
func document(t *testing.T) *openapi3.T {
	loader := openapi3.NewLoader()
	loader.IsExternalRefsAllowed = true
	doc, err := loader.LoadFromFile(filepath.Join("..", "..", "protocol", "admin.yaml"))
	require.NoError(t, err)
	require.NoError(t, doc.Validate(t.Context()), "the examples are validated too")
	for _, s := range doc.Components.Schemas {
		makeStrict(s)
	}
	for _, op := range operations(doc) {
		for _, r := range op.Responses.Map() {
			for _, m := range r.Value.Content {
				makeStrict(m.Schema)
			}
		}
	}
	return doc
}

func makeStrict(s *openapi3.SchemaRef) {
	if s == nil {
		return
	}
	if closed := false; len(s.Value.Properties) > 0 {
		s.Value.AdditionalProperties = openapi3.AdditionalProperties{Has: &closed}
	}
	makeStrict(s.Value.Items)
	for _, p := range s.Value.Properties {
		makeStrict(p)
	}
}

// operations are those of the document by "METHOD /path".
func operations(doc *openapi3.T) map[string]*openapi3.Operation {
	all := map[string]*openapi3.Operation{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			all[method+" "+path] = op
		}
	}
	return all
}

// failing is an operator whose every order ends with err.
type failing struct{ err error }

func (f failing) Seek(context.Context, string, []int32, control.Target, bool) (*control.Plan, error) {
	return nil, f.err
}

func (f failing) Pause(context.Context, string, []int32) (*control.Plan, error)  { return nil, f.err }
func (f failing) Resume(context.Context, string, []int32) (*control.Plan, error) { return nil, f.err }
func (f failing) Apply(context.Context, *control.Plan) error                     { return f.err }

func (f failing) Skip(context.Context, record.TopicPartition, int64) (*control.Plan, error) {
	return nil, f.err
}

// orderErrors are the errors of an operator by the code that they are answered with.
var orderErrors = map[string]error{
	"partial": &control.Partial{Done: 1, Of: 2, Err: errors.New("broken")},
	"changed": &record.StaleError{},
	"denied":  &record.DeniedError{Key: "k", Rule: "r"},
	// The others are refusals.
	control.UnknownTopic: nil, control.UnknownPartition: nil, control.OutOfRange: nil, control.Recreated: nil, control.Unreadable: nil, control.NotBlocked: nil,
}

// broken makes what is behind the listener answer so that the code is due.
func broken(d *desk, code string) {
	away := errors.New("the engine has ended")
	d.engine.retry, d.engine.letter = away, away
	d.engine.drain = func(context.Context) error { return relay.ErrUncommitted }
	err := errors.New("dial tcp: refused")
	if known, ok := orderErrors[code]; ok {
		err = known
		if err == nil {
			err = &control.Refusal{Code: code, Message: "it is so", Hint: "look"}
		}
	}
	d.shelf.err = err
	switch code {
	case "unavailable":
		d.engine.statusErr = away
	case "not_here":
		d.engine.retry = relay.ErrNotHere
	case control.NotBlocked:
		d.engine.status.Partitions[0].Acked++
	case "no_dead_letters":
		d.engine.letter = relay.ErrNoDeadLetters
	case "no_record":
		d.engine.letter = &record.NoRecordError{Offset: 50}
	}
	if code != "no_dead_letters" && code != "no_record" { // these come after the plan, which is made well
		d.server.operators = func(string) Operator { return failing{err} }
	}
}

// filled is a desk with something in every field of its answers.
func filled(t *testing.T) *desk {
	d := newDesk(t)
	now := time.Now().UTC()
	d.engine.body = `{"batch":"6d9e4baf3515a33ae3e835eeea3b0070","group":"billing","attempt":1,"partitions":[{"topic":"orders","partition":0,"fromOffset":12,"untilOffset":13,` +
		`"fence":0,"records":[{"offset":12,"timestamp":1,"key":null,"value":"v","headers":[]}]}]}`
	n := int32(0)
	d.engine.events = []relay.Event{{Seq: 1, Time: now, Type: "app_up"}, {Seq: 2, Time: now, Type: "blocked", Topic: "orders", Partition: &n, Reason: "poison", Text: "no"}}
	d.engine.status = relay.Status{
		Group: "billing", Member: "pod/1", State: "running", Reason: "app_setup", Since: now,
		App:        relay.AppStatus{Up: true, URL: "http://127.0.0.1:8080"},
		Store:      relay.SystemStatus{Up: true, Kind: "consul", Since: now},
		Topics:     []relay.TopicStatus{{Topic: "orders", Partitions: 2, Tracked: 2}},
		Partitions: []relay.PartitionStatus{{Topic: "orders", Partition: 0, State: "blocked", Reason: "poison", Since: now, Acked: 50}},
		Reasons:    []relay.Reason{{Reason: "app_setup", Detail: "404"}},
	}
	return d
}

// visit is a request that an operation of the document is answered well.
type visit struct{ query, body string }

var visits = map[string][]visit{
	"GET /v1/status": {{}},
	"GET /v1/events": {{}, {query: "?since=7"}},
	"GET /v1/groups": {{}},
	"GET /v1/record": {{query: "?topic=orders&partition=0&offset=12"}},
	"POST /v1/pause": {{body: `{"topic":"orders"}`}, {body: `{"topic":"orders","partitions":[0,1],"as":"ann@laptop","dryRun":true}`}},
	"POST /v1/resume": {
		{body: `{"topic":"orders","as":"ann"}`}, {body: `{"topic":"orders","partitions":[1],"dryRun":true}`},
	},
	"POST /v1/seek": {
		{body: `{"topic":"orders","to":"earliest"}`},
		{body: `{"topic":"orders","to":"latest","partitions":[0],"as":"ann","dryRun":true}`},
		{body: `{"topic":"orders","to":{"offset":5},"force":true}`},
		{body: `{"topic":"orders","to":{"shift":-5}}`},
		{body: `{"topic":"orders","to":{"time":"1970-01-01T00:01:00Z"}}`},
	},
	"POST /v1/skip":  {{body: `{"topic":"orders","partition":0,"offset":50,"to":"drop","as":"ann"}`}, {body: `{"topic":"orders","partition":0,"offset":50,"to":"dead_letter"}`}},
	"POST /v1/retry": {{body: `{"topic":"orders","partition":0,"as":"ann"}`}},
	"POST /v1/drain": {{}, {body: "{}"}},
}

// spoiled is the request of a visit as it has to be for an error's code, which broken does not provoke.
func spoiled(v visit, code string) (visit, []string) {
	token := []string{"Authorization", "Bearer s3cret"}
	switch code {
	case "bad_request":
		return visit{query: "?since=x", body: `{"unknown":1}`}, token
	case "too_large":
		v.body = `{"topic":"` + strings.Repeat("x", maxBody) + `"}`
	case "foreign_origin":
		return v, append(token, "Origin", "https://example.com")
	case "unauthorized":
		return v, nil
	}
	return v, token
}

// Every answer that the document promises is given, and is as it says: each operation well, and with each code of an error.
func TestDocumentIsAnswered(t *testing.T) {
	doc := document(t)
	for name, op := range operations(doc) {
		require.NotEmpty(t, visits[name], "a request for %s is missing here", name)
		for _, v := range visits[name] {
			d := filled(t)
			ask(t, doc, d, name, v, nil, 200, "")
		}
		for status, response := range op.Responses.Map() {
			if status == "200" {
				continue
			}
			codes := response.Value.Content["application/json"].Examples
			require.NotEmpty(t, codes, "%s %s has an example for each code", name, status)
			for code := range codes {
				refused(t, doc, name, status, code)
			}
		}
	}
}

func refused(t *testing.T, doc *openapi3.T, name, status, code string) {
	d := filled(t)
	v, headers := spoiled(visits[name][len(visits[name])-1], code)
	if name == "GET /v1/record" && code == "no_record" {
		d.engine.body = ""
	}
	if name == "GET /v1/record" && code == "unavailable" {
		d.engine.recordErr = errors.New("dial tcp: refused")
	}
	if code != "needs_token" {
		d.server.cfg.Token, d.server.secured = func() string { return "s3cret" }, true
	}
	broken(d, code)
	var want int
	_, err := fmt.Sscan(status, &want)
	require.NoError(t, err)
	ask(t, doc, d, name, v, headers, want, code)
}

// ask makes one request of the real handlers and judges the answer, and a good request, by the document.
func ask(t *testing.T, doc *openapi3.T, d *desk, name string, v visit, headers []string, status int, errorCode string) {
	t.Helper()
	method, path, _ := strings.Cut(name, " ")
	if errorCode == "" && path == "/v1/record" {
		d.server.cfg.Token, d.server.secured = func() string { return "s3cret" }, true
		headers = []string{"Authorization", "Bearer s3cret"}
	}
	w := call(d.server.adminHandler(), method, path+v.query, v.body, headers...)
	require.Equal(t, status, w.Code, "%s: %s", name, w.Body)
	if errorCode != "" {
		require.Equal(t, errorCode, code(t, w), name)
	}
	req := httptest.NewRequest(method, "http://127.0.0.1:7400"+path+v.query, strings.NewReader(v.body))
	if v.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	item := doc.Paths.Value(path)
	in := &openapi3filter.RequestValidationInput{
		Request: req, Route: &routers.Route{Spec: doc, Path: path, PathItem: item, Method: method, Operation: item.GetOperation(method)},
		Options: &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if errorCode == "" {
		require.NoError(t, openapi3filter.ValidateRequest(t.Context(), in), "%s %s", name, v.body)
	}
	require.NoError(t, openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: in, Status: w.Code, Header: w.Header(), Options: in.Options, Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
	}), name)
}

// The document and the server have the same paths below /v1/, and the same methods.
func TestDocumentIsWhole(t *testing.T) {
	doc := document(t)
	h := newServer(&fakeEngine{}, "").adminHandler()
	var answer struct{ Error struct{ Hint string } }
	require.NoError(t, json.Unmarshal(call(h, "GET", "/v1/nothing", "").Body.Bytes(), &answer))
	served := regexp.MustCompile(`/v1/[a-z]+`).FindAllString(answer.Error.Hint, -1)
	require.ElementsMatch(t, slices.Collect(maps.Keys(doc.Paths.Map())), served)
	for _, path := range served {
		w := call(h, "PATCH", path, "")
		require.Equal(t, []any{http.StatusMethodNotAllowed, "method_not_allowed"}, []any{w.Code, code(t, w)})
		methods := slices.Sorted(maps.Keys(doc.Paths.Value(path).Operations()))
		require.Equal(t, strings.Join(methods, ", "), w.Header().Get("Allow"), path)
	}
}

// Error codes and types of events are listed once for programs: the lists hold all of them and no others.
func TestDocumentLists(t *testing.T) {
	doc := document(t)
	codes := map[string]bool{"not_found": true, "method_not_allowed": true} // of no operation
	for _, op := range operations(doc) {
		for status, r := range op.Responses.Map() {
			if status != "200" {
				for code := range r.Value.Content["application/json"].Examples {
					codes[code] = true
				}
			}
		}
	}
	problem := doc.Components.Schemas["Error"].Value.Properties["error"].Value
	require.ElementsMatch(t, slices.Collect(maps.Keys(codes)), problem.Properties["code"].Value.Enum)

	source, err := os.ReadFile(filepath.Join("..", "relay", "events.go"))
	require.NoError(t, err)
	var types []string
	for _, m := range regexp.MustCompile(`Event[A-Z]\w* += "(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		types = append(types, m[1])
	}
	require.ElementsMatch(t, types, doc.Components.Schemas["Event"].Value.Properties["type"].Value.Enum)
}
