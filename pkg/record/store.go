package record

import (
	"errors"
	"fmt"
	"time"
)

// Topic is what the store keeps of a topic under <prefix>/<group>/<topic>/_topic.
type Topic struct {
	Name       string
	TopicID    string          // as Kafka prints it (22 characters); "" unknown
	ClusterID  string          // "" unknown
	Partitions int32           // how many are tracked; only grows
	Baseline   map[int32]int64 // offsets resolved at first start
	Start      string          // the start policy the baseline was resolved with
	Revision   int64           // raised by operators' writes
	CreatedAt  time.Time
	Index      uint64 // version in the store, for compare-and-set; 0 = absent
}

// Entry is what the store keeps of a partition under <prefix>/<group>/<topic>/<partition>.
type Entry struct {
	TopicPartition
	Offset      int64     // the next offset to deliver
	LeaderEpoch int32     // of the last record consumed; -1 unknown
	TopicID     string    // "" unknown
	Owner       string    // <host name>/<16 hex>, fresh for every claim; operator/… for an operator's write
	Epoch       int64     // grows with each claim: the fence
	Paused      bool      // set by an operator: claimed and kept, not delivered
	PausedBy    string    // <user>@<host> while Paused; "" unknown
	PausedAt    time.Time // while Paused; zero = unknown
	CommittedAt time.Time
	Index       uint64 // version in the store, for compare-and-set; 0 = absent
	Bad         error  // non-nil: the key is there but can't be used (a *BadKeyError); of the other fields only Index is set
}

// Write is one compare-and-set: exactly one of Topic, Entry and Audit is set, and its Index is the version
// that must be found (0 = the key must be absent).
type Write struct {
	Topic *Topic
	Entry *Entry
	Audit *Audit

	Delete bool // the key is deleted rather than written; its new version is 0
}

// MaxWrites is the largest number of writes or reads in one transaction. Source: Consul's documented limit.
const MaxWrites = 64

var (
	// ErrOutcomeUnknown: the write may have been applied, or may still be. Read back before going on.
	ErrOutcomeUnknown = errors.New("outcome of the write is unknown")
	// ErrUnavailable: the store can't be used now and nothing was written. Wait and try again.
	ErrUnavailable = errors.New("the store is not available")
)

// StaleError: nothing was written because the writes at these indices found another version.
type StaleError struct{ Stale []int }

func (e *StaleError) Error() string {
	return fmt.Sprintf("%d keys have changed since they were read", len(e.Stale))
}

// DeniedError: the store's access rules refuse the call. Rule is the rule that would grant it.
type DeniedError struct{ Key, Rule string }

func (e *DeniedError) Error() string {
	return fmt.Sprintf("permission denied on %s; the token needs the rule %s", e.Key, e.Rule)
}

// InvalidError: the store refuses the request itself (key or value too large, invalid key name):
// a configuration error.
type InvalidError struct{ Reason string }

func (e *InvalidError) Error() string { return e.Reason }

// BadKeyError: a key's value can't be decoded or is of a newer version. It is never a first start.
type BadKeyError struct{ Key, Reason string }

func (e *BadKeyError) Error() string { return fmt.Sprintf("key %s: %s", e.Key, e.Reason) }
