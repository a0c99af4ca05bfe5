// Package protocoltest reads the bodies of protocol version 1 as an application does. It is for tests and
// was written without a look at the encoder. It refuses what can't be a body; that a body makes sense
// (ranges, order, the batch id) is not its matter.
package protocoltest

import (
	"encoding/json"
	"fmt"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/protocol"
)

// DecodeJSON reads a body of format json. The value of an embedded one is the bytes that stand in the body.
func DecodeJSON(body []byte) (*record.Batch, error) {
	type fields = map[string]json.RawMessage
	var top struct {
		Group      string
		Attempt    int
		Partitions []struct {
			protocol.Range
			Records []struct {
				Offset, Timestamp int64
				fields
			}
		}
	}
	var loose struct {
		Partitions []struct{ Records []fields }
	}
	if err := json.Unmarshal(body, &top); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &loose); err != nil {
		return nil, err
	}
	b := &record.Batch{Group: top.Group, Attempt: top.Attempt}
	for i, p := range top.Partitions {
		part := record.Part{Range: p.Range.Record()}
		for j, r := range p.Records {
			raw := loose.Partitions[i].Records[j]
			x := record.Record{Offset: r.Offset, Timestamp: r.Timestamp}
			var err error
			if x.Key, err = decodeField(raw, "key"); err != nil {
				return nil, err
			}
			if x.Value, err = decodeField(raw, "value"); err != nil {
				return nil, err
			}
			var headers []fields
			if err := json.Unmarshal(raw["headers"], &headers); err != nil {
				return nil, err
			}
			for _, h := range headers {
				name, err := decodeField(h, "name")
				if err != nil {
					return nil, err
				}
				value, err := decodeField(h, "value")
				if err != nil {
					return nil, err
				}
				x.Headers = append(x.Headers, record.Header{Name: string(name), Value: value})
			}
			part.Records = append(part.Records, x)
		}
		b.Parts = append(b.Parts, part)
	}
	return b, nil
}

// decodeField wants exactly one of name and nameBase64. A value that is no string is an embedded one.
func decodeField(f map[string]json.RawMessage, name string) ([]byte, error) {
	plain, ok := f[name]
	coded, ok64 := f[name+"Base64"]
	if ok == ok64 {
		return nil, fmt.Errorf("%s: want one form, plain %v, base64 %v", name, ok, ok64)
	}
	if ok64 {
		var v []byte
		err := json.Unmarshal(coded, &v)
		if v == nil {
			v = []byte{}
		}
		return v, err
	}
	if string(plain) == "null" {
		return nil, nil
	}
	if plain[0] != '"' {
		return plain, nil
	}
	var s string
	err := json.Unmarshal(plain, &s)
	return []byte(s), err
}
