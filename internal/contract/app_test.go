package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/protocol/protocoltest"
)

// testApp is an application that keeps the contract, but for its mistakes.
type testApp struct {
	token   string
	columns bool
	value   string // batch.value; "" = auto

	// before may answer in place of the app, before the body was read.
	before func(w http.ResponseWriter, r *http.Request) (answered bool)
	// read may answer in place of the app; err says why the body is no batch (which is nil then).
	read func(w http.ResponseWriter, body []byte, b *record.Batch, err error) (answered bool)
	// wrong picks records that are named in failures, and how.
	wrong func(p record.Part, r record.Record) *failure
	// noToken and anyHead: the app does not look at them.
	noToken, anyHead bool
}

type failure struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    any    `json:"offset"`
	Action    string `json:"action"`
	Reason    string `json:"reason,omitempty"`
}

func (a *testApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.before != nil && a.before(w, r) {
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the player is gone
	}
	if status := a.refuse(r); status != 0 {
		w.WriteHeader(status)
		return
	}
	b, err := a.decode(body)
	if err == nil && !a.anyHead && b.ID() != r.Header.Get("Sidecar-Batch") {
		err = errors.New("the batch id is another")
	}
	if err != nil {
		b = nil
	}
	if a.read != nil && a.read(w, body, b, err) {
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	a.answer(w, b)
}

// refuse is a status for a request that is not the sidecar's; 0 = it is.
func (a *testApp) refuse(r *http.Request) int {
	kind := "application/json"
	if a.columns {
		kind = "application/vnd.kafka-sidecar.columns"
	}
	switch {
	case a.token != "" && !a.noToken && r.Header.Get("Authorization") != "Bearer "+a.token:
		return http.StatusUnauthorized
	case a.anyHead:
		return 0
	case r.URL.Path != "/batches":
		return http.StatusNotFound
	case r.Header.Get("Sidecar-Protocol") != "1":
		return http.StatusNotImplemented
	case r.Header.Get("Content-Type") != kind:
		return http.StatusUnsupportedMediaType
	case (a.value == "json" && !a.columns) != (r.Header.Get("Sidecar-Value") == "json"):
		return http.StatusNotAcceptable
	}
	return 0
}

func (a *testApp) decode(body []byte) (b *record.Batch, err error) {
	if a.columns {
		b, err = protocoltest.DecodeColumns(body)
	} else {
		b, err = protocoltest.DecodeJSON(body)
	}
	if err == nil && b.Len() == 0 {
		err = errors.New("no records")
	}
	return b, err
}

func (a *testApp) answer(w http.ResponseWriter, b *record.Batch) {
	var failures []failure
	for _, p := range b.Parts {
		for _, r := range p.Records {
			if a.wrong == nil {
				continue
			}
			if f := a.wrong(p, r); f != nil {
				failures = append(failures, *f)
			}
		}
	}
	if failures == nil {
		return
	}
	text, err := json.Marshal(map[string]any{"failures": failures})
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	_, _ = w.Write(text)
}

// reject names a record as it should be named.
func reject(p record.Part, r record.Record) *failure {
	return &failure{Topic: p.Topic, Partition: p.Partition, Offset: r.Offset, Action: "reject", Reason: "not understood"}
}

// strange is what an app that expects the sample does not understand.
func strange(r record.Record) bool { return !strings.HasPrefix(string(r.Value), `{"id":`) }

// crash closes the connection without an answer.
func crash() { panic(http.ErrAbortHandler) }

// anyRecord reports whether some record of the batch is so; there is none in what is no batch.
func anyRecord(b *record.Batch, so func(record.Record) bool) bool {
	if b == nil {
		return false
	}
	for _, p := range b.Parts {
		for _, r := range p.Records {
			if so(r) {
				return true
			}
		}
	}
	return false
}

// say answers with a status and a text.
func say(w http.ResponseWriter, status int, format string, args ...any) bool {
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, format, args...)
	return true
}

func start(t testing.TB, a http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(a)
	s.Config.ErrorLog = nil
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// run plays everything and returns the findings by name.
func run(t testing.TB, cfg Config, set ...func(*Player)) (map[string]Finding, Summary) {
	t.Helper()
	p, err := New(cfg)
	require.NoError(t, err)
	return play(t, p, set...)
}

func play(t testing.TB, p *Player, set ...func(*Player)) (map[string]Finding, Summary) {
	t.Helper()
	p.wire.pause /= 5
	for _, s := range set {
		s(p)
	}
	found := map[string]Finding{}
	s := p.Run(t.Context(), func(f Finding) {
		require.NotContains(t, found, f.Name, "each trial has one finding")
		found[f.Name] = f
	})
	require.Len(t, found, s.OK+s.Notes+s.Failed)
	require.Len(t, p.trials, len(found)+s.NotPlayed)
	return found, s
}

// named lists the findings with a result.
func named(found map[string]Finding, result Result) []string {
	names := []string{}
	for name, f := range found {
		if f.Result == result {
			names = append(names, name)
		}
	}
	return names
}

func contains(b []byte, text string) bool { return bytes.Contains(b, []byte(text)) }
