package protocoltest

import (
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/protocol"
)

var errMalformed = errors.New("the lengths do not add up")

// columnsHead is the JSON at the beginning of a columns body.
type columnsHead struct {
	Group      string
	Attempt    int
	Headers    int
	Partitions []struct {
		protocol.Range
		Records int
	}
}

// DecodeColumns reads a body of format columns.
func DecodeColumns(body []byte) (*record.Batch, error) {
	head, rest, err := readHead(body)
	if err != nil {
		return nil, err
	}
	n, m := 0, head.Headers
	for _, p := range head.Partitions {
		if p.Records < 0 || p.Records > len(rest) {
			return nil, errMalformed
		}
		n += p.Records
	}
	if m < 0 || m > len(rest) || 28*n+8*m > len(rest) {
		return nil, errMalformed
	}
	c := &cursor{rest: rest}
	offsets, timestamps := c.longs(n), c.longs(n)
	keyLens, valueLens, counts, nameLens, headerLens := c.ints(n), c.ints(n), c.ints(n), c.ints(m), c.ints(m)
	keys, values := c.slices(keyLens, true), c.slices(valueLens, true)
	names, headers := c.slices(nameLens, false), c.slices(headerLens, true)
	if c.bad || len(c.rest) != 0 {
		return nil, errMalformed
	}
	b := &record.Batch{Group: head.Group, Attempt: head.Attempt}
	i, h := 0, 0
	for _, p := range head.Partitions {
		part := record.Part{Range: p.Range.Record()}
		for range p.Records {
			r := record.Record{Offset: offsets[i], Timestamp: timestamps[i], Key: keys[i], Value: values[i]}
			if counts[i] < 0 || h+counts[i] > m {
				return nil, errMalformed
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
		return nil, errMalformed
	}
	return b, nil
}

func readHead(body []byte) (head columnsHead, rest []byte, err error) {
	if len(body) < 8 || string(body[:4]) != "KSC1" {
		return head, nil, errors.New("no columns body")
	}
	n := int64(binary.LittleEndian.Uint32(body[4:]))
	if n > int64(len(body)-8) || (8+n)%8 != 0 {
		return head, nil, errMalformed
	}
	return head, body[8+n:], json.Unmarshal(body[8:8+n], &head)
}

// cursor takes columns off the front of a body; bad is set when there is less than is asked for.
type cursor struct {
	rest []byte
	bad  bool
}

func (c *cursor) take(n int) []byte {
	if n > len(c.rest) {
		c.bad, n = true, 0
	}
	v := c.rest[:n:n]
	c.rest = c.rest[n:]
	return v
}

// longs and ints are asked for only what was seen to fit.
func (c *cursor) longs(n int) []int64 {
	v := make([]int64, n)
	for i := range v {
		v[i] = int64(binary.LittleEndian.Uint64(c.take(8))) //nolint:gosec // the bits of an i64
	}
	return v
}

func (c *cursor) ints(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = int(int32(binary.LittleEndian.Uint32(c.take(4)))) //nolint:gosec // the bits of an i32
	}
	return v
}

// slices takes one slice per length; -1 is null where that is allowed.
func (c *cursor) slices(lengths []int, nullable bool) [][]byte {
	v := make([][]byte, len(lengths))
	for i, n := range lengths {
		switch {
		case n == -1 && nullable:
		case n < 0:
			c.bad = true
		default:
			v[i] = c.take(n)
		}
	}
	return v
}
