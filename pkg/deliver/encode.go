package deliver

import (
	"strconv"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// The batch id depends on the ranges, which stand only when the batch has been cut: a body begins
// with a place of the id's length that is filled last.
const (
	bodyStart = `{"batch":"`
	idHole    = "--------------------------------"
	bodyEnd   = `]}]}`
)

// valueForm is how batch.value wants values written.
type valueForm int

const (
	valueAuto   valueForm = iota // a string, base64 if it is not UTF-8
	valueJSON                    // embedded, base64 if it can't be
	valueBase64                  // base64
)

// Encode appends the body of b to dst and returns it. A body above MaxBytes is cut: whole parts at
// the end are dropped and the last part is shortened (its Until is then the offset of its last
// record + 1), so that b afterwards names exactly what the body holds. The first record always stays.
// It may be called for several batches at once.
func (a *App) Encode(dst []byte, b *record.Batch) []byte {
	if a.columns {
		return appendColumns(dst, b, a.maxBytes)
	}
	return appendJSON(dst, b, a.value, a.maxBytes)
}

// appendJSON appends the body of format json.
func appendJSON(dst []byte, b *record.Batch, form valueForm, limit int) []byte {
	start := len(dst)
	dst = appendOpening(dst, b)
	for i := range b.Parts {
		partAt := len(dst)
		if i > 0 {
			dst = append(dst, `]},`...) // ends the part before; bodyEnd does it for the last
		}
		var untilAt, kept int
		dst, untilAt = appendRange(dst, &b.Parts[i].Range)
		dst = append(dst, `,"records":[`...)
		dst, kept = appendRecords(dst, start, b.Parts[i].Records, form, limit, i == 0)
		if kept == 0 {
			dst = dst[:partAt]
			b.Parts = b.Parts[:i]
			break
		}
		if kept < len(b.Parts[i].Records) {
			old := b.Parts[i].Until
			cut(b, i, kept)
			dst = replaceInt(dst, untilAt, old, b.Parts[i].Until)
			break
		}
	}
	dst = append(dst, bodyEnd...)
	copy(dst[start+len(bodyStart):], b.ID())
	return dst
}

// appendRecords appends records until one would pass the limit and returns how many it took. start is
// where the body begins. The first record of a batch has no limit.
func appendRecords(dst []byte, start int, rs []record.Record, form valueForm, limit int, first bool) ([]byte, int) {
	for j := range rs {
		r := &rs[j]
		at := len(dst)
		free := first && j == 0
		// No form is shorter than the bytes themselves: a large record need not be written to be refused.
		if !free && at-start+len(r.Key)+len(r.Value)+len(bodyEnd) > limit {
			return dst, j
		}
		if j > 0 {
			dst = append(dst, ',')
		}
		dst = appendRecord(dst, r, form)
		if !free && len(dst)-start+len(bodyEnd) > limit {
			return dst[:at], j
		}
	}
	return dst, len(rs)
}

func appendOpening(dst []byte, b *record.Batch) []byte {
	dst = append(dst, bodyStart+idHole+`","group":`...)
	dst = appendQuoted(dst, b.Group)
	dst = append(dst, `,"attempt":`...)
	dst = strconv.AppendInt(dst, int64(b.Attempt), 10)
	return append(dst, `,"partitions":[`...)
}

// appendRange appends a part's fields up to the fence and returns where the untilOffset begins.
func appendRange(dst []byte, r *record.Range) (out []byte, untilAt int) {
	dst = append(dst, `{"topic":`...)
	dst = appendQuoted(dst, r.Topic)
	dst = append(dst, `,"partition":`...)
	dst = strconv.AppendInt(dst, int64(r.Partition), 10)
	dst = append(dst, `,"fromOffset":`...)
	dst = strconv.AppendInt(dst, r.From, 10)
	dst = append(dst, `,"untilOffset":`...)
	untilAt = len(dst)
	dst = strconv.AppendInt(dst, r.Until, 10)
	dst = append(dst, `,"fence":`...)
	return strconv.AppendInt(dst, r.Fence, 10), untilAt
}

func appendRecord(dst []byte, r *record.Record, form valueForm) []byte {
	dst = append(dst, `{"offset":`...)
	dst = strconv.AppendInt(dst, r.Offset, 10)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, r.Timestamp, 10)
	dst = append(dst, ',')
	dst = appendNullable(dst, "key", r.Key)
	dst = append(dst, ',')
	dst = appendValue(dst, r.Value, form)
	dst = append(dst, `,"headers":[`...)
	for i := range r.Headers {
		h := &r.Headers[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		dst = appendText(dst, "name", bytesOf(h.Name))
		dst = append(dst, ',')
		dst = appendNullable(dst, "value", h.Value)
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

func appendValue(dst, v []byte, form valueForm) []byte {
	switch {
	case v == nil:
		return appendNull(dst, "value")
	case form == valueAuto:
		return appendText(dst, "value", v)
	case form == valueJSON && embeddable(v):
		dst = append(dst, `"value":`...)
		return append(dst, v...)
	default:
		return appendBase64(dst, "value", v)
	}
}

// cut ends the batch with the first kept records of part i.
func cut(b *record.Batch, i, kept int) {
	p := &b.Parts[i]
	p.Records = p.Records[:kept]
	p.Until = p.Records[kept-1].Offset + 1
	b.Parts = b.Parts[:i+1]
}

// replaceInt writes the number now over the number old at dst[at:]; what follows moves up. now is at
// most old: a cut only lowers an untilOffset.
func replaceInt(dst []byte, at int, old, now int64) []byte {
	var digits [20]byte
	was := len(strconv.AppendInt(digits[:0], old, 10))
	at += copy(dst[at:], strconv.AppendInt(digits[:0], now, 10))
	skipped := was - len(strconv.AppendInt(digits[:0], now, 10))
	n := copy(dst[at:], dst[at+skipped:])
	return dst[:at+n]
}
