// Package record holds the nouns that every other package of the sidecar speaks of: records and
// ranges of a partition, batches and the answers to them, and what the store keeps.
//
// It is a leaf: it imports the standard library only, starts no goroutine and does no I/O, so that
// fetch, offsets, deliver and relay can share its types without knowing one another.
package record

import (
	"cmp"
	"strconv"
)

// TopicPartition names one partition of one topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is the form used in logs and errors: orders/3.
func (p TopicPartition) String() string {
	return p.Topic + "/" + strconv.Itoa(int(p.Partition))
}

// Compare orders by topic (bytes), then partition: the order of a body's partitions.
func (p TopicPartition) Compare(q TopicPartition) int {
	return cmp.Or(cmp.Compare(p.Topic, q.Topic), cmp.Compare(p.Partition, q.Partition))
}

// Header is one header of a record. Names may repeat; order is kept. A nil Value is a null.
type Header struct {
	Name  string
	Value []byte
}

// Record is one record as Kafka holds it. Key and Value are nil for null; their memory belongs to
// the Chunk the record came in and must not be used after the chunk's release.
type Record struct {
	Offset      int64
	Timestamp   int64 // milliseconds since the epoch; -1 if the record has none
	LeaderEpoch int32 // -1 if unknown
	Key, Value  []byte
	Headers     []Header
}

// recordOverhead is what a record costs in memory beside its bytes: the struct itself and the
// client's own, rounded. Source: unsafe.Sizeof of both, about 100 + 150 bytes.
const recordOverhead = 256

// Size is the number of bytes the record is charged with in the memory budget.
func (r *Record) Size() int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for i := range r.Headers {
		n += 40 + len(r.Headers[i].Name) + len(r.Headers[i].Value)
	}
	return n
}

// Position is where reading of a partition starts or a commit points: the next offset, and the
// leader epoch of the record before it (-1 unknown).
type Position struct {
	Offset      int64
	LeaderEpoch int32
}

// Chunk is what one poll brought of one partition, under one claim.
type Chunk struct {
	TopicPartition
	Claim   uint64   // the number given to the reader with Add; engine-local, not the stored epoch
	Records []Record // ascending by offset; empty when the poll passed only control records
	Next    int64    // the reader's position after this chunk (above the last record, past control records)
	LogEnd  int64    // high watermark at the time of the fetch; -1 unknown
	Bytes   int      // sum of Size over Records: what the chunk is charged with
	Err     error    // non-nil: reading of this partition stopped (a *ReadError); no records then
	Release func()   // gives the memory of Records back; nil = nothing to do; called at most once
}

// ReadErrorKind says why reading of a partition stopped.
type ReadErrorKind int

const (
	OutOfRange   ReadErrorKind = iota + 1 // the offset is below the log start or above the log end
	Truncated                             // the log was truncated below the position (leader epoch check)
	Unauthorized                          // READ on the topic is denied
	ReadFailed                            // anything else that will not heal inside the client
)

// ReadError is why the reader stopped reading a partition. The reader has removed the partition
// before it reports the error.
type ReadError struct {
	Kind ReadErrorKind
	Err  error
}

func (e *ReadError) Error() string { return e.Err.Error() }
func (e *ReadError) Unwrap() error { return e.Err }
