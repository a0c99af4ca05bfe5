package relay

import (
	"sort"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// queue holds the unacknowledged records of one partition in offset order. Records are lent to
// batches, never moved: they leave when they are acknowledged, or all at once.
type queue struct {
	chunks []queued
	bytes  int // charged for the chunks that are still here
}

type queued struct {
	record.Chunk
	at time.Time // when it was fetched
}

func (q *queue) empty() bool { return len(q.chunks) == 0 }

// push appends a chunk with records.
func (q *queue) push(c record.Chunk, at time.Time) {
	q.chunks = append(q.chunks, queued{c, at})
	q.bytes += c.Bytes
}

// pop removes the records below until and returns how many there were, the leader epoch of the last
// of them, and the bytes given back.
func (q *queue) pop(until int64) (n int, epoch int32, freed int) {
	epoch = -1
	done := 0
	for i := range q.chunks {
		c := &q.chunks[i]
		k := indexOf(c.Records, until)
		if k > 0 {
			n += k
			epoch = c.Records[k-1].LeaderEpoch
			c.Records = c.Records[k:]
		}
		if len(c.Records) > 0 {
			break
		}
		freed += c.Bytes
		release(c.Chunk)
		done++
	}
	if done > 0 {
		rest := copy(q.chunks, q.chunks[done:])
		clear(q.chunks[rest:])
		q.chunks = q.chunks[:rest]
	}
	q.bytes -= freed
	return n, epoch, freed
}

// limit bounds what take may return.
type limit struct {
	until   int64 // only records below; 0 = no bound
	records int
	bytes   int // estimated bytes in a body
}

// take appends records from offset `from` on to dst within the limit and reports what it used. The
// first record of an empty batch (dst is empty) is taken whatever its size.
func (q *queue) take(dst []record.Record, from int64, l limit) (_ []record.Record, bytes int) {
	for i := range q.chunks {
		rs := q.chunks[i].Records
		for k := indexOf(rs, from); k < len(rs); k++ {
			r := &rs[k]
			size := estimate(r)
			over := l.records <= 0 || (bytes+size > l.bytes && len(dst) > 0)
			if over || (l.until > 0 && r.Offset >= l.until) {
				return dst, bytes
			}
			dst = append(dst, *r)
			bytes += size
			l.records--
		}
	}
	return dst, bytes
}

// has reports whether a record at or above from is here.
func (q *queue) has(from int64) bool {
	if q.empty() {
		return false
	}
	last := q.chunks[len(q.chunks)-1].Records
	return last[len(last)-1].Offset >= from
}

// first is the offset of the first record at or above from; false if there is none.
func (q *queue) first(from int64) (int64, bool) {
	for i := range q.chunks {
		if rs := q.chunks[i].Records; rs[len(rs)-1].Offset >= from {
			return rs[indexOf(rs, from)].Offset, true
		}
	}
	return 0, false
}

// count is the number of records at or above from, counted up to most.
func (q *queue) count(from int64, most int) int {
	n := 0
	for i := range q.chunks {
		rs := q.chunks[i].Records
		if n += len(rs) - indexOf(rs, from); n >= most {
			return most
		}
	}
	return n
}

// oldest is when the first record here was fetched.
func (q *queue) oldest() time.Time { return q.chunks[0].at }

// drain empties the queue and returns its chunks, not yet released.
func (q *queue) drain() []queued {
	chunks := q.chunks
	q.chunks, q.bytes = nil, 0
	return chunks
}

// indexOf is the index of the first record at or above offset.
func indexOf(rs []record.Record, offset int64) int {
	if len(rs) == 0 || rs[0].Offset >= offset {
		return 0
	}
	return sort.Search(len(rs), func(i int) bool { return rs[i].Offset >= offset })
}

// estimate is the least a record takes in a body; the encoder, which knows the exact size, cuts the batch.
func estimate(r *record.Record) int {
	n := 64 + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += len(r.Headers[i].Name) + len(r.Headers[i].Value)
	}
	return n
}

func release(c record.Chunk) {
	if c.Release != nil {
		c.Release()
	}
}
