package record

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// Range is a half-open interval of offsets of one partition.
type Range struct {
	TopicPartition
	From  int64 // inclusive: the partition's position before the batch
	Until int64 // exclusive: offset of the last record + 1, the offset to commit
	Fence int64 // the epoch of the claim the records are delivered under
}

// Part is one partition's share of a batch.
type Part struct {
	Range
	Records []Record // at least one, ascending by offset, all in [From, Until)
}

// Batch is what one request delivers: parts of one or more partitions, sorted by Compare, each
// partition at most once.
type Batch struct {
	Group   string
	Attempt int // 1 for the first
	Parts   []Part
}

// Len is the number of records in the batch.
func (b *Batch) Len() int {
	n := 0
	for i := range b.Parts {
		n += len(b.Parts[i].Records)
	}
	return n
}

// ID is the batch id of protocol version 1: the same group and ranges give the same id. It is the
// lower-case hex of the first 16 bytes of SHA-256 over "1\n<group>\n" followed by
// "<topic>\n<partition>\n<fromOffset>\n<untilOffset>\n" per partition in body order.
func (b *Batch) ID() string {
	buf := make([]byte, 0, 256)
	buf = append(buf, "1\n"...)
	buf = append(buf, b.Group...)
	buf = append(buf, '\n')
	for i := range b.Parts {
		p := &b.Parts[i]
		buf = append(buf, p.Topic...)
		buf = append(buf, '\n')
		buf = strconv.AppendInt(buf, int64(p.Partition), 10)
		buf = append(buf, '\n')
		buf = strconv.AppendInt(buf, p.From, 10)
		buf = append(buf, '\n')
		buf = strconv.AppendInt(buf, p.Until, 10)
		buf = append(buf, '\n')
	}
	sum := sha256.Sum256(buf)
	return hex.EncodeToString(sum[:16])
}
