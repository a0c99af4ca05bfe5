package contract

import (
	"bytes"
	"fmt"
	"math"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// wantAck is what must come back for a batch.
const wantAck = "an acknowledgement, which may name records in failures"

// trials are all of them, in the order of the report.
func (w *writer) trials() []*trial {
	all := []*trial{{
		name: "plain batch", sent: "a batch of three records",
		why: "no record would get past this app", hint: "look at the app's log; if the app does not understand the sample, give it a value of its own with --sample",
		requests: []request{w.request(w.batch(w.part("plain", 0, w.sampleRecord(), w.sampleRecord(), w.sampleRecord())))},
	}}
	all = append(all, w.nulls()...)
	all = append(all, w.contents()...)
	all = append(all, w.headers()...)
	all = append(all, w.positions()...)
	all = append(all, w.sizes()...)
	all = append(all, w.repeats()...)
	all = append(all, w.later(), &trial{
		name: "vectors", sent: "a batch of the test vectors",
		why: "a partition would stop at such a record", hint: "see protocol/vectors/encode.json",
		requests: w.relabelled(),
	})
	for _, t := range all {
		t.want = wantAck
		if t.judge == nil {
			t.judge = judgeBatch
		}
	}
	all = append(all, w.malformedBodies()...)
	all = append(all, w.strangers()...)
	return append(all, w.intruders()...)
}

// pick chooses words by the format of bodies.
func (w *writer) pick(json, columns string) string {
	if w.columns {
		return columns
	}
	return json
}

// one is a trial of a single record.
func (w *writer) one(name, sent, why, hint string, change func(*record.Record)) *trial {
	return &trial{name: name, sent: sent, why: why, hint: hint, requests: []request{w.request(w.single(name, change))}}
}

func (w *writer) nulls() []*trial {
	return []*trial{
		w.one("null value", "a record with a null value (a tombstone)",
			"a compacted topic would stop here", w.pick("handle value null", "handle a value length of -1"),
			func(r *record.Record) { r.Value = nil }),
		w.one("null key", "a record with a null key",
			"a topic whose producers set no key would stop here", w.pick("handle key null", "handle a key length of -1"),
			func(r *record.Record) { r.Key = nil }),
		w.one("null key and value", "a record with neither key nor value",
			"its partition would stop here", "handle a null key together with a null value",
			func(r *record.Record) { r.Key, r.Value = nil, nil }),
		w.one("empty key and value", "a record with an empty key and an empty value",
			"its partition would stop here", "take empty for empty: it is not null",
			func(r *record.Record) { r.Key, r.Value = []byte{}, []byte{} }),
	}
}

func (w *writer) contents() []*trial {
	const binary = "one record of other bytes would stop its partition"
	all := []*trial{
		w.one("key that is not UTF-8", "a record whose key is not UTF-8"+w.pick(" (keyBase64)", ""),
			binary, w.pick("take the key from keyBase64 when there is no key", "take keys as bytes"),
			func(r *record.Record) { r.Key = []byte{0, 0xff, 0xfe} }),
		w.one("value that is not UTF-8", "a record whose value is not UTF-8"+w.pick(" (valueBase64)", ""),
			binary, w.pick("take the value from valueBase64 when there is no value; reject by name what you do not understand", "take values as bytes; reject by name what you do not understand"),
			func(r *record.Record) { r.Value = []byte{0xff, 0, 0x80, '"'} }),
		w.one("control characters", "a record with all control characters in key and value",
			"one such record would stop its partition", "let a JSON library decode strings",
			func(r *record.Record) {
				for c := range byte(' ') {
					r.Key = append(r.Key, c)
				}
				r.Key = append(r.Key, "\"\\\x7f"...)
				r.Value = bytes.Clone(r.Key)
			}),
		w.one("UTF-8 of four bytes", "a record with characters beyond 16 bits",
			"one such record would stop its partition", "use a JSON library that knows UTF-8, and a database column that does",
			func(r *record.Record) {
				r.Key, r.Value = []byte("\U0001d11e"), []byte("clef \U0001d11e, \u00e9, \u4e16")
			}),
	}
	values := []string{`{"a":[1,2.50,null]}`, ` [ ] `, `"text"`, `12`, `-1e3`, `true`, `null`, `{"a":`}
	t := &trial{
		name: "values that look like JSON", sent: "a record whose value is JSON, or nearly",
		why: "one such record would stop its partition", hint: "reject by name what you do not understand",
	}
	for i, v := range values {
		r := w.request(w.batch(w.part("json-values", int32(i), w.with(func(r *record.Record) { r.Value = []byte(v) })))) //nolint:gosec // a few
		r.name = v
		t.requests = append(t.requests, r)
	}
	return append(all, t)
}

func (w *writer) headers() []*trial {
	const stop = "one such record would stop its partition"
	headers := func(h ...record.Header) func(*record.Record) {
		return func(r *record.Record) { r.Headers = h }
	}
	return []*trial{
		w.one("headers", "a record with two headers", "producers that trace set headers", "handle headers", headers(
			record.Header{Name: "source", Value: []byte("web")}, record.Header{Name: "trace", Value: []byte("00-01")})),
		w.one("repeated headers", "a record with two headers of one name", stop, "take headers as a list: a name may repeat", headers(
			record.Header{Name: "tag", Value: []byte("a")}, record.Header{Name: "tag", Value: []byte("b")}, record.Header{Name: "tag", Value: []byte("a")})),
		w.one("null header value", "a record with a header whose value is null", stop, "handle a null value of a header", headers(
			record.Header{Name: "flag"}, record.Header{Name: "empty", Value: []byte{}})),
		w.one("header that is not UTF-8", "a record with a header whose name and value are not UTF-8"+w.pick(" (nameBase64, valueBase64)", ""),
			stop, w.pick("take name and value from nameBase64 and valueBase64 when they are there", "take names and values of headers as bytes"), headers(
				record.Header{Name: "n\xff", Value: []byte{0xff}}, record.Header{Name: "", Value: []byte("empty name")})),
	}
}

// Offsets that a float64 rounds, and the largest that Kafka has.
const (
	aboveFloat = 1<<53 + 1
	largest    = math.MaxInt64 - 1
)

func (w *writer) positions() []*trial {
	at := func(offsets ...int64) []record.Record {
		var all []record.Record
		for _, o := range offsets {
			all = append(all, w.with(func(r *record.Record) { r.Offset = o }))
		}
		return all
	}
	late := w.part("late", 0, at(250)...)
	late.From = 200
	odd := func(p record.Part) record.Part {
		for i := range p.Records {
			p.Records[i].Value = []byte("what an app would reject by name")
		}
		return p
	}
	return []*trial{
		w.one("no timestamp", "a record without a timestamp (-1)", "a topic of an old producer would stop here", "handle a timestamp of -1",
			func(r *record.Record) { r.Timestamp = -1 }),
		{
			name: "gaps between offsets", sent: "records with gaps between their offsets",
			why: "compacted topics and transactions leave gaps", hint: "count the records, not untilOffset - fromOffset",
			requests: []request{w.request(w.batch(w.part("gaps", 0, at(5, 9, 10, 4000)...)))},
		},
		{
			name: "first record later", sent: "a batch whose first record lies behind fromOffset",
			why: "compacted topics and transactions leave gaps", hint: "take the offset of each record from the record",
			requests: []request{w.request(w.batch(late))},
		},
		{
			name: "largest offsets", sent: "records with offsets above 2^53", judge: judgeLargest,
			unseen: "no record was named, so whether offsets are named exactly did not show",
			why:    "an offset that is a float64 loses its last digits and then names no record of the batch",
			hint:   "read and write offsets as 64-bit integers",
			requests: []request{
				w.request(w.batch(w.part("largest", 0, at(aboveFloat)...), w.part("largest", 1, at(largest)...))),
				w.request(w.batch(odd(w.part("largest", 2, at(aboveFloat)...)), odd(w.part("largest", 3, at(largest)...)))),
			},
		},
	}
}

func (w *writer) sizes() []*trial {
	var many []record.Part
	for i := range int32(300) {
		many = append(many, w.part("many-partitions", i, w.sampleRecord()))
	}
	records := make([]record.Record, 500)
	for i := range records {
		records[i] = w.sampleRecord()
	}
	// White space behind the sample leaves it what it is for most apps.
	large := append(bytes.Clone(w.sample), bytes.Repeat([]byte(" "), max(1<<20-len(w.sample), 0))...)
	all := []*trial{
		{
			name: "many partitions", sent: "a batch of 300 partitions",
			why: "a batch may hold every partition of the topics", hint: "loop over partitions, and then over their records",
			requests: []request{w.request(w.batch(many...))},
		},
		{
			name: "500 records", sent: "a batch of 500 records",
			why: "batch.max_records is 500 by default", hint: "be ready for so many in one request, or lower batch.max_records",
			requests: []request{w.request(w.batch(w.part("500-records", 0, records...)))},
		},
		w.one("record of 1 MiB", "a record of 1 MiB",
			"batch.max_bytes is 1 MiB by default, and a single larger record travels alone",
			"raise the app's limit of the body above the largest record of the topic",
			func(r *record.Record) { r.Value = large }),
	}
	if w.app.TopicInURL() {
		return all
	}
	return append(all, &trial{
		name: "several topics", sent: "a batch of several topics",
		why: "a batch may hold partitions of all topics, when {topic} is not in app.url", hint: "take the topic from the partition",
		requests: []request{w.request(w.batch(w.part("topic-a", 0, w.sampleRecord()), w.part("topic-a", 7, w.sampleRecord()), w.part("topic-b", 0, w.sampleRecord())))},
	})
}

func (w *writer) repeats() []*trial {
	slow := w.request(w.single("slow", func(*record.Record) {}))
	slow.slow = true
	kept := []request{
		w.request(w.single("keep-alive-1", func(*record.Record) {})),
		w.request(w.single("keep-alive-2", func(*record.Record) {})),
	}
	kept[1].again = true
	twice := w.request(w.single("twice", func(*record.Record) {}))
	later := w.single("later-attempt", func(*record.Record) {})
	later.Attempt = 4
	return []*trial{
		{
			name: "slow body", sent: "a body that comes in pieces",
			why: "a large body comes in pieces, too", hint: "take the body as it comes, as many bytes as Content-Length says",
			requests: []request{slow},
		},
		{
			name: "keep-alive", sent: "two requests on one connection", judge: judgeKept,
			why: "the sidecar keeps its connection", hint: "answer with HTTP/1.1 and Content-Length, and leave the connection open",
			requests: kept,
		},
		{
			name: "same batch twice", sent: "a batch that was sent before",
			why: "after a crash batches come again", hint: "make writes that may be repeated",
			requests: []request{twice, twice},
		},
		{
			name: "later attempt", sent: "a batch with attempt 4",
			why: "batches that failed come again", hint: "take any attempt from 1 on",
			requests: []request{w.request(later)},
		},
	}
}

// intruders are requests without the right token. The application is told whether there is a token to ask for.
func (w *writer) intruders() []*trial {
	if !w.token {
		return nil
	}
	one := func(name, sent, authorization string) *trial {
		r := w.request(w.single(name, func(*record.Record) {}))
		r.head = withHeader(r.head, "Authorization", authorization)
		return &trial{
			name: name, sent: sent, want: "401 or 403", judge: judgeIntruder,
			why: "whoever reaches the port could hand records to the app", hint: "compare the token and answer 401",
			requests: []request{r},
		}
	}
	return []*trial{
		one("no token", "a request without a token", ""),
		one("wrong token", "a request with a wrong token", fmt.Sprintf("Bearer wrong-%s", w.run)),
	}
}
