package contract

import (
	"bytes"
	"encoding/binary"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// later is a batch of a later version of the protocol, with fields that nobody knows today.
func (w *writer) later() *trial {
	b := w.single("unknown-fields", func(r *record.Record) {
		r.Headers = []record.Header{{Name: "source", Value: []byte("web")}}
	})
	body := w.app.Encode(nil, b)
	if w.columns {
		body = withUnknownHead(body)
	} else {
		body = []byte(unknownFields.Replace(string(body)))
	}
	return &trial{
		name: "unknown fields", sent: "a batch with fields that are not in the protocol",
		why: "later versions of the sidecar add fields", hint: "ignore fields that are not known",
		requests: []request{w.instead(b, "", body)},
	}
}

// unknownFields puts a field into every object of a body. A sample that is embedded may get one too,
// which leaves it JSON.
var unknownFields = strings.NewReplacer(
	`{"batch":`, `{"later":{"list":[1,null,"x"]},"batch":`,
	`{"topic":`, `{"later":[],"topic":`,
	`{"offset":`, `{"later":1.5,"offset":`,
	`{"name":`, `{"later":"x","name":`,
)

// withUnknownHead does it with the head of a columns body.
func withUnknownHead(body []byte) []byte {
	end := 8 + binary.LittleEndian.Uint32(body[4:])
	head := bytes.TrimRight([]byte(unknownFields.Replace(string(body[8:end]))), " ")
	for len(head)%8 != 0 {
		head = append(head, ' ')
	}
	out := binary.LittleEndian.AppendUint32(bytes.Clone(body[:4]), uint32(len(head))) //nolint:gosec // a few hundred bytes
	return append(append(out, head...), body[end:]...)
}

// malformedBodies must never be acknowledged.
func (w *writer) malformedBodies() []*trial {
	b := w.single("malformed", func(*record.Record) {})
	if w.columns {
		t := &trial{
			name: "malformed columns", sent: "columns whose lengths do not add up", want: "500", judge: judgeMalformedColumns,
			why: "records that were not understood would be lost", hint: "check every length, answer 500 and say why",
		}
		for _, c := range w.malformed.Cases {
			t.requests = append(t.requests, w.instead(b, c.Name, c.Body))
		}
		return []*trial{t}
	}
	good := w.app.Encode(nil, b)
	type body struct{ name, text string }
	one := func(name, sent string, bodies ...body) *trial {
		t := &trial{
			name: name, sent: sent, want: "no 2xx, best 500", judge: judgeGarbage,
			why:  "records that were not understood would be acknowledged and lost",
			hint: "answer 500 when a body can't be understood",
		}
		for _, x := range bodies {
			t.requests = append(t.requests, w.instead(b, x.name, []byte(x.text)))
		}
		return t
	}
	const (
		top  = `{"batch":"x","group":"contract","attempt":1,"partitions":`
		part = top + `[{"topic":"contract","partition":0,"fromOffset":0,"untilOffset":1,"fence":1,"records":`
	)
	return []*trial{
		one("not JSON", "a body that is not JSON", body{"", "records, of a kind"}),
		one("truncated JSON", "a body of which the end is missing",
			body{"half of it", string(good[:len(good)/2])}, body{"all but the last byte", string(good[:len(good)-1])}),
		one("empty body", "an empty body", body{"", ""}),
		one("JSON array", "a body that is a JSON array", body{"", `[{"topic":"contract","partition":0,"offset":0}]`}),
		one("another shape", "a body of another shape", body{"", `{"hello":"world"}`}),
		one("wrong types", "a body with a field of a wrong type",
			body{"partitions is a number", top + `7}`},
			body{"records is a number", part + `1}]}`},
			body{"a record is a number", part + `[17]}]}`}),
	}
}

// strangers are batches in an envelope that the sidecar does not use today. The protocol does not ask an
// application to look at it, so taking them is a note and no failure.
func (w *writer) strangers() []*trial {
	one := func(name, sent, header, value, why, hint string) *trial {
		r := w.request(w.single(name, func(*record.Record) {}))
		r.head = withHeader(r.head, header, value)
		return &trial{name: name, sent: sent, want: "best a refusal", judge: judgeStranger, why: why, hint: hint, requests: []request{r}}
	}
	return []*trial{
		one("another protocol version", "a request of protocol version 2", "Sidecar-Protocol", "2",
			"a version that means something else would be taken for this one", "answer 501 to a Sidecar-Protocol that is not 1"),
		one("another Content-Type", "a request with Content-Type text/plain", "Content-Type", "text/plain",
			"with batch.format changed by mistake the app would misread bodies", "answer 415 to a Content-Type that is not known"),
	}
}
