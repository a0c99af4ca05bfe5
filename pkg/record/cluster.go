package record

import (
	"fmt"
	"time"
)

// ClusterView is what the brokers say of the topics at one moment.
type ClusterView struct {
	ClusterID string
	Topics    map[string]TopicView // every topic asked for
}

// TopicView is what the brokers say of one topic.
type TopicView struct {
	Missing    bool    // the broker does not know the topic
	ID         string  // as Kafka prints it; "" when the broker has none (old brokers)
	Partitions int32   // 0 when missing
	Leaderless []int32 // partitions without a leader at this moment
	Err        error   // the broker answered this topic with another error (for example: not authorized)
}

// OffsetAt names which offset of a partition is asked for.
type OffsetAt int

const (
	AtStart     OffsetAt = iota + 1 // the log start
	AtEnd                           // the high watermark
	AtLatest                        // what `latest` means: the last stable offset under read_committed, else the high watermark
	AtTime                          // the first record at or after a time; AtLatest if there is none
	AtCommitted                     // what the Kafka group has committed; -1 if nothing
)

// OffsetQuery asks for one kind of offset.
type OffsetQuery struct {
	At   OffsetAt
	Time time.Time // only for AtTime
}

// Bounds is how a position compares with the log of its partition.
type Bounds struct {
	Start    int64 // log start
	End      int64 // high watermark
	Diverged int64 // the log was truncated: it agrees with the position only below this offset; -1 = it did not diverge
	Err      error // this partition could not be asked (for example no leader); the others are valid
}

// DeadLetter is one record for a dead-letter topic.
type DeadLetter struct {
	Topic      string
	Key, Value []byte
	Headers    []Header
}

// GroupEvents is what the group membership calls. The functions are called one at a time, never
// concurrently with one another.
type GroupEvents struct {
	// Assigned adds partitions to the assignment. It returns at once.
	Assigned func([]TopicPartition)
	// Revoked takes partitions away. It blocks until nothing of them is in flight and what was
	// acknowledged is committed or given up. lost: they are already somebody else's.
	Revoked func(parts []TopicPartition, lost bool)
	// Problem reports a reason ("kafka" or "instance_id_in_use") and detail why the group can't be
	// joined or kept; an empty reason clears it.
	Problem func(reason, detail string)
}

// Finding is one line of `sidecar check`.
type Finding struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`         // what was found and why it fails
	Hint   string `json:"hint,omitempty"` // what to do
}

// NoRecordError: the log holds no record at an offset that an application would get.
type NoRecordError struct {
	TopicPartition
	Offset     int64
	Start, End int64 // bounds of the log
}

func (e *NoRecordError) Error() string {
	text := fmt.Sprintf("%s has no record at offset %d; the log starts at %d and ends at %d", e.TopicPartition, e.Offset, e.Start, e.End)
	if e.Offset >= e.Start && e.Offset < e.End {
		text += " (it was compacted away, or is a transaction's marker, or not committed)"
	}
	return text
}
