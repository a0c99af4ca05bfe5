package deliver

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Layout of the columns body, little endian: magic, u32 length of the head with its padding, the
// head, then the columns over all n records and m headers in body order.
const (
	magic        = "KSC1"
	headAt       = len(magic) + 4
	recordColumn = 8 + 8 + 4 + 4 + 4 // offset, timestamp, key length, value length, header count
	headerColumn = 4 + 4             // name length, value length
	// headEnd is the most that comes behind the last part: `],"headers":`, ten digits, `}`, padding.
	headEnd = 12 + 10 + 1 + 7
)

// appendColumns appends the body of format columns.
func appendColumns(dst []byte, b *record.Batch, limit int) []byte {
	start := len(dst)
	dst = append(dst, magic+"\x00\x00\x00\x00"...)
	dst = appendOpening(dst, b)
	size := 0 // of the columns
	for i := range b.Parts {
		partAt := len(dst)
		dst = appendCountedPart(dst, &b.Parts[i], i > 0)
		kept, bytes := fit(b.Parts[i].Records, limit-(len(dst)-start)-headEnd-size, i == 0)
		size += bytes
		if kept == len(b.Parts[i].Records) {
			continue
		}
		dst = dst[:partAt]
		if kept == 0 {
			b.Parts = b.Parts[:i]
			break
		}
		cut(b, i, kept)
		dst = appendCountedPart(dst, &b.Parts[i], i > 0)
		break
	}
	c := newColumns(b)
	dst = append(dst, `],"headers":`...)
	dst = strconv.AppendInt(dst, int64(c.headers), 10)
	dst = append(dst, '}')
	for (len(dst)-start)%8 != 0 {
		dst = append(dst, ' ')
	}
	copy(dst[start+headAt+len(bodyStart):], b.ID())
	binary.LittleEndian.PutUint32(dst[start+len(magic):], uint32(len(dst)-start-headAt)) //nolint:gosec // a head is far below 4 GiB
	at := len(dst)
	dst = slices.Grow(dst, size)[:at+size]
	c.fill(dst[at:], b)
	return dst
}

// appendCountedPart appends a part of the head, with the number of its records.
func appendCountedPart(dst []byte, p *record.Part, comma bool) []byte {
	if comma {
		dst = append(dst, ',')
	}
	dst, _ = appendRange(dst, &p.Range)
	dst = append(dst, `,"records":`...)
	dst = strconv.AppendInt(dst, int64(len(p.Records)), 10)
	return append(dst, '}')
}

// fit returns how many records take at most room bytes as columns, and how many bytes these take. The
// first record of a batch has no limit.
func fit(rs []record.Record, room int, first bool) (kept, size int) {
	for j := range rs {
		n := columnSize(&rs[j])
		if size+n > room && !(first && j == 0) {
			return j, size
		}
		size += n
	}
	return len(rs), size
}

func columnSize(r *record.Record) int {
	n := recordColumn + len(r.Key) + len(r.Value) + len(r.Headers)*headerColumn
	for i := range r.Headers {
		n += len(r.Headers[i].Name) + len(r.Headers[i].Value)
	}
	return n
}

// columns has the totals that say where each column begins.
type columns struct {
	records, headers    int
	keys, values, names int // bytes
}

func newColumns(b *record.Batch) columns {
	var c columns
	for i := range b.Parts {
		rs := b.Parts[i].Records
		c.records += len(rs)
		for j := range rs {
			c.keys += len(rs[j].Key)
			c.values += len(rs[j].Value)
			c.headers += len(rs[j].Headers)
			for k := range rs[j].Headers {
				c.names += len(rs[j].Headers[k].Name)
			}
		}
	}
	return c
}

// fill writes the columns into buf, which has exactly their size.
func (c columns) fill(buf []byte, b *record.Batch) {
	le := binary.LittleEndian
	take := func(n int) []byte {
		column := buf[:n]
		buf = buf[n:]
		return column
	}
	offsets, timestamps := take(8*c.records), take(8*c.records)
	keyLens, valueLens, counts := take(4*c.records), take(4*c.records), take(4*c.records)
	nameLens, headerLens := take(4*c.headers), take(4*c.headers)
	keys, values, names, headers := take(c.keys), take(c.values), take(c.names), buf
	n, m := 0, 0
	for i := range b.Parts {
		for j := range b.Parts[i].Records {
			r := &b.Parts[i].Records[j]
			le.PutUint64(offsets[8*n:], uint64(r.Offset))       //nolint:gosec // the bits of an i64
			le.PutUint64(timestamps[8*n:], uint64(r.Timestamp)) //nolint:gosec // the bits of an i64
			le.PutUint32(keyLens[4*n:], length(r.Key))
			le.PutUint32(valueLens[4*n:], length(r.Value))
			le.PutUint32(counts[4*n:], uint32(len(r.Headers))) //nolint:gosec // a record's size is an i32
			keys = keys[copy(keys, r.Key):]
			values = values[copy(values, r.Value):]
			for k := range r.Headers {
				h := &r.Headers[k]
				le.PutUint32(nameLens[4*m:], uint32(len(h.Name))) //nolint:gosec // a record's size is an i32
				le.PutUint32(headerLens[4*m:], length(h.Value))
				names = names[copy(names, h.Name):]
				headers = headers[copy(headers, h.Value):]
				m++
			}
			n++
		}
	}
}

// length is the i32 of a length column: -1 for null.
func length(v []byte) uint32 {
	if v == nil {
		return 0xffffffff
	}
	return uint32(len(v)) //nolint:gosec // a record's size is an i32
}
