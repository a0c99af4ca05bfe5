package contract

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// mistake is something an app gets wrong.
type mistake struct {
	name string
	make func(a *testApp)
	set  func(c *Config)
	// fails are the trials that must fail, and no others; the first is the one that is meant for the mistake.
	fails []string
	// others: trials beside the first may fail, too, and which is left open.
	others bool
	says   string // in the finding of the first: detail, why and hint
}

// dies makes an app close the connection, or answer 500, on batches with such a record.
func dies(so func(record.Record) bool) func(a *testApp) {
	return func(a *testApp) {
		a.read = func(w http.ResponseWriter, _ []byte, b *record.Batch, _ error) bool {
			if anyRecord(b, so) {
				crash()
			}
			return false
		}
	}
}

func fails(so func(record.Record) bool) func(a *testApp) {
	return func(a *testApp) {
		a.read = func(w http.ResponseWriter, _ []byte, b *record.Batch, _ error) bool {
			return anyRecord(b, so) && say(w, 500, "TypeError: no %s", "attribute")
		}
	}
}

// names makes an app name what it does not understand, in its own way.
func names(change func(f *failure, r record.Record)) func(a *testApp) {
	return func(a *testApp) {
		a.wrong = func(p record.Part, r record.Record) *failure {
			if !strange(r) {
				return nil
			}
			f := reject(p, r)
			change(f, r)
			return f
		}
	}
}

// raw makes an app that takes each connection over when the headers of a request are there, and then closes it.
func raw(do func(c net.Conn, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		do(conn, r)
		return true
	}
}

func repeatedHeaders(r record.Record) bool {
	seen := map[string]bool{}
	for _, h := range r.Headers {
		if seen[h.Name] {
			return true
		}
		seen[h.Name] = true
	}
	return false
}

func notUTF8(r record.Record) bool { return contains(r.Value, "\xff") || contains(r.Key, "\xff") }

const emptyOK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

var garbage = []string{"not JSON", "truncated JSON", "empty body", "JSON array", "another shape", "wrong types"}

var mistakes = []mistake{
	{
		name: "acknowledges what it can't parse",
		make: func(a *testApp) {
			a.read = func(_ http.ResponseWriter, _ []byte, _ *record.Batch, err error) bool { return err != nil }
		},
		fails: garbage, says: "answered 200 to a body that is not JSON; records that were not understood would be acknowledged and lost",
	},
	{
		name: "says with 200 that it can't parse",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, _ []byte, _ *record.Batch, err error) bool {
				return err != nil && say(w, 200, `{"error":%q}`, err)
			}
		},
		fails: garbage, says: "answered 200 to a body that is not JSON",
	},
	{
		name: "answers text with 200 to what it can't parse",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, _ []byte, _ *record.Batch, err error) bool {
				return err != nil && say(w, 200, "oops")
			}
		},
		fails: garbage, says: "wrong set-up and reports not ready, although only this body is at fault",
	},
	{
		name: "refuses a long body before it has read it",
		make: func(a *testApp) {
			a.before = func(w http.ResponseWriter, r *http.Request) bool {
				if r.ContentLength < 100_000 {
					return false
				}
				return raw(func(c net.Conn, _ *http.Request) {
					_, _ = io.WriteString(c, "HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n")
				})(w, r)
			}
		},
		fails: []string{"record of 1 MiB"}, says: "raise the app's limit of the body",
	},
	{
		name: "answers 404 to what it can't parse",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, _ []byte, _ *record.Batch, err error) bool {
				return err != nil && say(w, 404, "")
			}
		},
		fails: garbage, says: "wrong set-up",
	},
	{
		name: "names a wrong offset", make: names(func(f *failure, r record.Record) { f.Offset = r.Offset + 1 }),
		fails: []string{"null value"}, others: true, says: "but failures[0]: offset 101 of contract-",
	},
	{
		name: "names a wrong topic", make: names(func(f *failure, _ record.Record) { f.Topic = "orders" }),
		fails: []string{"null value"}, others: true, says: "orders/0 is not in the batch",
	},
	{
		name: "names a wrong partition", make: names(func(f *failure, _ record.Record) { f.Partition += 1000 }),
		fails: []string{"null value"}, others: true, says: "/1000 is not in the batch",
	},
	{
		name: "names an unknown action", make: names(func(f *failure, _ record.Record) { f.Action = "skip" }),
		fails: []string{"null value"}, others: true, says: `"action" is not valid`,
	},
	{
		name: "answers text with 200",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, _ []byte, _ *record.Batch, err error) bool {
				return err == nil && say(w, 200, "ok")
			}
		},
		fails: []string{"plain batch"}, others: true, says: "but the body is not JSON: ok; the sidecar takes this for a wrong set-up and acknowledges nothing; answer with an empty body or JSON",
	},
	{
		name:  "rounds offsets",
		make:  names(func(f *failure, r record.Record) { f.Offset = float64(r.Offset) }),
		fails: []string{"largest offsets", "vectors"}, says: "64-bit integers",
	},
	{
		name: "answers before the body is there",
		make: func(a *testApp) {
			a.before = raw(func(c net.Conn, _ *http.Request) { _, _ = io.WriteString(c, emptyOK) })
		},
		fails: []string{"slow body"}, others: true, says: "answered 200 before the whole request was sent",
	},
	{
		name: "closes before the body is there", make: func(a *testApp) { a.before = raw(func(net.Conn, *http.Request) {}) },
		fails: []string{"slow body"}, others: true, says: "closed the connection before the whole request was sent",
	},
	{
		name: "dies on a null value", make: dies(func(r record.Record) bool { return r.Value == nil }),
		fails: []string{"null value", "null key and value", "vectors"}, says: "closed the connection without an answer to a record with a null value (a tombstone); a compacted topic would stop here; handle value null",
	},
	{
		name: "fails on a null value", make: fails(func(r record.Record) bool { return r.Value == nil }),
		fails: []string{"null value", "null key and value", "vectors"}, says: "answered 500 (TypeError: no attribute) to a record with a null value (a tombstone); a compacted topic would stop here; handle value null",
	},
	{
		name: "dies on a null key", make: dies(func(r record.Record) bool { return r.Key == nil }),
		fails: []string{"null key", "null key and value", "vectors"}, says: "handle key null",
	},
	{
		name: "dies on bytes that are not UTF-8", make: dies(notUTF8),
		fails: []string{"value that is not UTF-8", "key that is not UTF-8", "vectors"}, says: "take the value from valueBase64",
	},
	{
		name: "dies on repeated headers", make: dies(repeatedHeaders),
		fails: []string{"repeated headers", "vectors"}, says: "take headers as a list",
	},
	{
		name: "dies on a null header", make: dies(func(r record.Record) bool { return len(r.Headers) > 0 && r.Headers[0].Value == nil }),
		fails: []string{"null header value", "vectors"}, says: "null value of a header",
	},
	{
		name: "fails without a timestamp", make: fails(func(r record.Record) bool { return r.Timestamp < 0 }),
		fails: []string{"no timestamp", "vectors"}, says: "handle a timestamp of -1",
	},
	{
		name: "fails on a gap",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, _ []byte, b *record.Batch, err error) bool {
				if err != nil {
					return false
				}
				for _, p := range b.Parts {
					if p.Until-p.From != int64(len(p.Records)) {
						return say(w, 500, "records are missing")
					}
				}
				return false
			}
		},
		fails: []string{"gaps between offsets", "first record later", "vectors"}, says: "count the records",
	},
	{
		name: "dies on many partitions",
		make: func(a *testApp) {
			a.read = func(_ http.ResponseWriter, _ []byte, b *record.Batch, err error) bool {
				if err == nil && len(b.Parts) > 100 {
					crash()
				}
				return false
			}
		},
		fails: []string{"many partitions"}, says: "a batch of 300 partitions",
	},
	{
		name: "knows one topic in a batch",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, _ []byte, b *record.Batch, err error) bool {
				return err == nil && b.Parts[0].Topic != b.Parts[len(b.Parts)-1].Topic && say(w, 500, "one topic, please")
			}
		},
		fails: []string{"several topics", "vectors"}, says: "take the topic from the partition",
	},
	{
		name: "refuses unknown fields",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, body []byte, _ *record.Batch, _ error) bool {
				return contains(body, `{"later":`) && say(w, 500, "unknown field later")
			}
		},
		fails: []string{"unknown fields"}, says: "ignore fields that are not known",
	},
	{
		name: "has a limit of 100 KB",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, body []byte, _ *record.Batch, _ error) bool {
				return len(body) > 100_000 && say(w, 413, "too large")
			}
		},
		fails: []string{"record of 1 MiB"}, says: "answered 413 (too large) to a record of 1 MiB",
	},
	{
		name: "dies at 100 KB",
		make: func(a *testApp) {
			a.before = func(_ http.ResponseWriter, r *http.Request) bool {
				if r.ContentLength > 100_000 {
					crash()
				}
				return false
			}
		},
		fails: []string{"record of 1 MiB"}, says: "raise the app's limit of the body",
	},
	{
		name: "ignores the token", make: func(a *testApp) { a.noToken = true },
		set:   func(c *Config) { c.Token = func() string { return "x" } },
		fails: []string{"no token", "wrong token"}, says: "compare the token and answer 401",
	},
	{
		name: "acknowledges garbage columns",
		make: func(a *testApp) {
			a.read = func(_ http.ResponseWriter, _ []byte, _ *record.Batch, err error) bool { return err != nil }
		},
		set:   func(c *Config) { c.Format = "columns" },
		fails: []string{"malformed columns"}, says: "records that were not understood would be lost",
	},
	{
		name: "refuses garbage columns with 400",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, _ []byte, _ *record.Batch, err error) bool {
				return err != nil && say(w, 400, "")
			}
		},
		set:   func(c *Config) { c.Format = "columns" },
		fails: []string{"malformed columns"}, says: "the sidecar would split the batch",
	},
	{
		name: "takes the batch for another when it comes again",
		make: func(a *testApp) {
			a.read = func(w http.ResponseWriter, _ []byte, b *record.Batch, _ error) bool {
				return b != nil && b.Attempt > 1 && say(w, 409, "conflict")
			}
		},
		fails: []string{"later attempt", "vectors"}, says: "batches that failed come again",
	},
}

func TestMistakesAreFound(t *testing.T) {
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			app := &testApp{}
			cfg := DefaultConfig()
			if m.set != nil {
				m.set(&cfg)
			}
			app.columns = cfg.Format == "columns"
			if cfg.Token != nil {
				app.token = cfg.Token()
			}
			m.make(app)
			cfg.URL = start(t, app).URL + "/batches"
			found, _ := run(t, cfg, func(p *Player) {
				if m.fails[0] == "slow body" {
					p.wire.pause = cfg.Timeout / 4 // an answer ends it
				}
			})
			failed := named(found, Fail)
			if m.others {
				assert.Contains(t, failed, m.fails[0])
			} else {
				assert.ElementsMatch(t, m.fails, failed)
			}
			f := found[m.fails[0]]
			assert.Contains(t, f.Detail+"; "+f.Why+"; "+f.Hint, m.says)
		})
	}
}

// A 4xx that has a body isolated is allowed for a body that is no batch, and so is a crash: nothing is lost.
func TestGarbageRefusedInOtherWays(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter) bool{
		"400":     func(w http.ResponseWriter) bool { return say(w, 400, "") },
		"422":     func(w http.ResponseWriter) bool { return say(w, 422, "") },
		"a crash": func(http.ResponseWriter) bool { crash(); return true },
	} {
		t.Run(name, func(t *testing.T) {
			app := &testApp{read: func(w http.ResponseWriter, _ []byte, _ *record.Batch, err error) bool { return err != nil && answer(w) }}
			cfg := DefaultConfig()
			cfg.URL = start(t, app).URL + "/batches"
			found, s := run(t, cfg)
			assert.Zero(t, s.Failed, "%+v", found)
			assert.ElementsMatch(t, garbage, named(found, Note))
			assert.Contains(t, found["not JSON"].Hint, "answer 500")
		})
	}
}

// A set-up that is wrong for every request is said once.
func TestWrongSetUpEndsTheRun(t *testing.T) {
	for _, c := range []struct {
		path  string
		token string
		says  string
	}{
		{"/other", "", "answered 404 to a batch of three records; the sidecar takes this for a wrong set-up, waits and reports not ready; correct the path of --url"},
		{"/batches", "x", "answered 401 to a batch of three records; the sidecar takes this for a wrong set-up, waits and reports not ready; give the app's token with --token or --token-file"},
	} {
		cfg := DefaultConfig()
		cfg.URL = start(t, &testApp{token: c.token}).URL + c.path
		found, s := run(t, cfg)
		require.Len(t, found, 1)
		f := found["plain batch"]
		assert.Equal(t, c.says, f.Detail+"; "+f.Why+"; "+f.Hint)
		assert.Equal(t, "the set-up is wrong", s.Stopped)
	}
}

// An app that does not answer does not hold the run for longer than a few time-outs.
func TestAppHangs(t *testing.T) {
	release := make(chan struct{})
	app := &testApp{before: func(_ http.ResponseWriter, r *http.Request) bool {
		_, _ = io.ReadAll(r.Body)
		<-release
		return true
	}}
	cfg := DefaultConfig()
	cfg.Timeout = 200 * time.Millisecond
	server := start(t, app)
	t.Cleanup(func() { close(release) }) // before the server's own, which waits for its handlers
	cfg.URL = server.URL + "/batches"
	found, s := run(t, cfg)
	require.Len(t, found, maxSilent)
	assert.Contains(t, found["plain batch"].Detail, "no whole answer within 200ms")
	assert.Contains(t, s.Stopped, "no answer in time")
}

func TestAlwaysBusy(t *testing.T) {
	for _, retryAfter := range []string{"", "3600"} {
		app := &testApp{before: func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Retry-After", retryAfter)
			return say(w, 503, "")
		}}
		cfg := DefaultConfig()
		cfg.URL = start(t, app).URL + "/batches"
		found, s := run(t, cfg, func(p *Player) { p.wire.busyWait, p.wire.busyLeft = 10*time.Millisecond, 200*time.Millisecond })
		require.Len(t, found, maxSilent)
		assert.Contains(t, found["plain batch"].Detail, "still answered 503")
		assert.NotZero(t, s.NotPlayed)
	}
}

// Busy now and then is as it should be: the same batch comes again.
func TestBusyForAWhile(t *testing.T) {
	requests := 0
	app := &testApp{before: func(w http.ResponseWriter, r *http.Request) bool {
		requests++ // one request at a time
		w.Header().Set("Retry-After", "0")
		return requests%3 != 0 && say(w, 429, "")
	}}
	cfg := DefaultConfig()
	cfg.URL = start(t, app).URL + "/batches"
	found, s := run(t, cfg, func(p *Player) { p.wire.busyWait = time.Millisecond })
	assert.Zero(t, s.Failed, "%+v", found)
}

func TestAppDiesForGood(t *testing.T) {
	app := &testApp{}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: app}
	app.read = func(_ http.ResponseWriter, _ []byte, b *record.Batch, _ error) bool {
		if anyRecord(b, func(r record.Record) bool { return r.Value == nil }) {
			_ = server.Close()
		}
		return false
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	cfg := DefaultConfig()
	cfg.URL = "http://" + l.Addr().String() + "/batches"
	found, s := run(t, cfg, func(p *Player) { p.wire.patience = 50 * time.Millisecond })
	<-done
	require.Len(t, found, 3)
	assert.Equal(t, OK, found["plain batch"].Result)
	assert.Contains(t, found["null value"].Detail, "closed the connection")
	assert.Contains(t, found["null key"].Hint, "may have died of what it was sent last")
	assert.Equal(t, "the app can't be reached", s.Stopped)
}

func TestKeepAliveIsANote(t *testing.T) {
	for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"says so": func(w http.ResponseWriter, _ *http.Request) bool { w.Header().Set("Connection", "close"); return false },
		"without a word": func(w http.ResponseWriter, r *http.Request) bool {
			_, _ = io.ReadAll(r.Body)
			return raw(func(c net.Conn, _ *http.Request) { _, _ = io.WriteString(c, emptyOK) })(w, r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := DefaultConfig()
			cfg.URL = start(t, &testApp{before: before}).URL + "/batches"
			found, _ := run(t, cfg)
			assert.Equal(t, Note, found["keep-alive"].Result, "%+v", found["keep-alive"])
		})
	}
}

func TestSampleIsRejected(t *testing.T) {
	wants := func(p record.Part, r record.Record) *failure {
		if string(r.Value) != "<order/>" {
			return reject(p, r)
		}
		return nil
	}
	cfg := DefaultConfig()
	cfg.URL = start(t, &testApp{wrong: wants}).URL + "/batches"
	found, s := run(t, cfg)
	f := found["plain batch"]
	assert.Equal(t, Note, f.Result)
	assert.Contains(t, f.Detail, "3 of 3 records named in failures")
	assert.Contains(t, f.Hint, "--sample")
	assert.Zero(t, s.Failed)

	cfg.Sample = "<order/>"
	found, s = run(t, cfg)
	assert.Equal(t, OK, found["plain batch"].Result)
	assert.Contains(t, s.String(), "0 notes, 0 failed; the app named "+strconv.Itoa(s.Rejected)+" records in failures, as it may")
}
