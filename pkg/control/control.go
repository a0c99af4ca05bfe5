package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Store is where the offsets are kept. Errors are those of record/store.go.
type Store interface {
	Topic(ctx context.Context, topic string) (record.Topic, error)
	Entries(ctx context.Context, parts []record.TopicPartition) ([]record.Entry, error)
	Write(ctx context.Context, writes []record.Write) ([]uint64, error)
	Audits(ctx context.Context) ([]record.Audit, error)
}

// Cluster answers questions about topics and their logs.
type Cluster interface {
	Topics(ctx context.Context, topics []string) (record.ClusterView, error)
	Offsets(ctx context.Context, q record.OffsetQuery, parts []record.TopicPartition) (map[record.TopicPartition]int64, error)
}

// Control plans and carries out the changes of one operator to one group. Make it with New.
type Control struct {
	store   Store
	cluster Cluster
	who     string
	now     func() time.Time
}

// New makes a control for an operator, <user>@<host>, whom the operators' log names.
func New(store Store, cluster Cluster, who string) *Control {
	return &Control{store: store, cluster: cluster, who: who, now: time.Now}
}

// Refusal is why something is not done. Nothing was written.
type Refusal struct {
	Code    string // see the constants
	Message string
	Hint    string // what to do
}

// Codes of refusals.
const (
	UnknownTopic     = "unknown_topic"     // Kafka has none of that name, or the store does not track it
	UnknownPartition = "unknown_partition" // the topic has fewer
	OutOfRange       = "out_of_range"      // the offset is outside the log
	BadRequest       = "bad_request"       // the request contradicts itself
	Recreated        = "topic_recreated"   // the stored offsets are of another log
	Unreadable       = "bad_key"           // the key can't be decoded
	Changed          = "changed"           // somebody else wrote since the plan was made
	NotBlocked       = "not_blocked"       // there is nothing to skip
	InUse            = "in_use"            // the group runs
	Exists           = "exists"            // there are offsets already
)

func (r *Refusal) Error() string {
	if r.Hint == "" {
		return r.Message
	}
	return r.Message + "; " + r.Hint
}

func refuse(code, hint, format string, args ...any) error {
	return &Refusal{Code: code, Message: fmt.Sprintf(format, args...), Hint: hint}
}

// anotherLog refuses a change of offsets that are not those of the topic as it is.
func anotherLog(topic, hint string) error {
	return refuse(Recreated, hint, "the stored offsets of topic %s are of another log: it was recreated, or this is another cluster", topic)
}

// unreadable refuses a change that has to know what stands in a key.
func unreadable(at *Partition) error {
	return refuse(Unreadable, "mend it, or reset the partition with force", "the key of %s can't be read: %v", at.TopicPartition, at.Bad)
}

// nonce tells writes apart.
func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
	return hex.EncodeToString(b[:])
}
