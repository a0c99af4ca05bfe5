package record

import "time"

// Audit is one line of the operators' log: what one write changed. It is kept under
// <prefix>/<group>/_audit/<time>-<nonce>, in the same transaction as the change.
type Audit struct {
	Time     time.Time // of the write
	Nonce    string    // 16 hex digits; tells lines of the same moment apart
	Who      string    // <user>@<host>
	What     string    // seek | pause | resume | skip | import | delete
	Topic    string
	Revision int64    // of the topic's document after the write
	Changes  []Change // in the order of the partitions
	Index    uint64   // version in the store, for compare-and-set; 0 = absent
}

// Change is what a write did to one partition.
type Change struct {
	Partition int32
	Before    *Standing // nil = there was no key
	After     *Standing // nil = there is none any more
}

// Standing is the part of a partition's key that operators change.
type Standing struct {
	Offset int64
	Paused bool
}
