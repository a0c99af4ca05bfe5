package deliver

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// What an app does with a body, written without a look at the encoder.

func decodeJSON(body []byte) (*record.Batch, error) {
	type fields = map[string]json.RawMessage
	var top struct {
		Group      string
		Attempt    int
		Partitions []struct {
			vectorRange
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
		part := record.Part{Range: p.rangeOf()}
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

func decodeColumns(body []byte) (b *record.Batch, err error) {
	malformed := errors.New("the lengths do not add up")
	if len(body) < 8 || string(body[:4]) != "KSC1" {
		return nil, errors.New("no columns body")
	}
	le := binary.LittleEndian
	headLen := int64(le.Uint32(body[4:]))
	if headLen > int64(len(body)-8) || (8+headLen)%8 != 0 {
		return nil, malformed
	}
	var head struct {
		Group      string
		Attempt    int
		Headers    int
		Partitions []struct {
			vectorRange
			Records int
		}
	}
	if err := json.Unmarshal(body[8:8+headLen], &head); err != nil {
		return nil, err
	}
	rest := body[8+headLen:]
	take := func(n int) []byte {
		if n < 0 || n > len(rest) {
			err, n = malformed, 0
		}
		v := rest[:n:n]
		rest = rest[n:]
		return v
	}
	ints := func(n int) []int {
		raw := take(4 * n)
		if err != nil {
			return make([]int, max(n, 0))
		}
		v := make([]int, n)
		for i := range v {
			v[i] = int(int32(le.Uint32(raw[4*i:]))) //nolint:gosec // the bits of an i32
		}
		return v
	}
	n, m := 0, head.Headers
	for _, p := range head.Partitions {
		n += p.Records
	}
	if (28*n + 8*m) > len(rest) {
		return nil, malformed
	}
	offsets, timestamps := take(8*n), take(8*n)
	keyLens, valueLens, counts, nameLens, headerLens := ints(n), ints(n), ints(n), ints(m), ints(m)
	slices := func(lens []int, nullable bool) [][]byte {
		v := make([][]byte, len(lens))
		for i, l := range lens {
			switch {
			case l == -1 && nullable:
			case l < 0:
				err = malformed
			default:
				v[i] = take(l)
			}
		}
		return v
	}
	keys, values := slices(keyLens, true), slices(valueLens, true)
	names, headers := slices(nameLens, false), slices(headerLens, true)
	if err != nil || len(rest) != 0 {
		return nil, malformed
	}
	b = &record.Batch{Group: head.Group, Attempt: head.Attempt}
	i, h := 0, 0
	for _, p := range head.Partitions {
		part := record.Part{Range: p.rangeOf()}
		for range p.Records {
			r := record.Record{
				Offset:    int64(le.Uint64(offsets[8*i:])),    //nolint:gosec // the bits of an i64
				Timestamp: int64(le.Uint64(timestamps[8*i:])), //nolint:gosec // the bits of an i64
				Key:       keys[i], Value: values[i],
			}
			if counts[i] < 0 || h+counts[i] > m {
				return nil, malformed
			}
			for range counts[i] {
				r.Headers = append(r.Headers, record.Header{Name: string(names[h]), Value: headers[h]})
				h++
			}
			part.Records = append(part.Records, r)
			i++
		}
		b.Parts = append(b.Parts, part)
	}
	if h != m {
		return nil, malformed
	}
	return b, nil
}
