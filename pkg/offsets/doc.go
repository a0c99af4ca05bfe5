// Package offsets keeps where each partition stands: in Consul's KV store (Consul) for production,
// in a file (File) for one machine. Both do the same and pass the suite of offsetstest. It is the
// only importer of consul/api.
//
// Invariants:
//   - A write is applied as a whole or not at all, and only if every key has the version its writer
//     read. This compare-and-set chain is what fences a replica that lost a partition.
//   - Unreadable is never absent: a read that was denied, failed or found something it can't
//     understand is an error. Taken for a first start it would lose records.
//   - An error says what is known: record.ErrUnavailable only when nothing was written,
//     record.ErrOutcomeUnknown whenever that can't be excluded.
//   - Every call tries once (twice with another token); waiting and trying again is the caller's.
//
// Goroutines: none of its own; those of the HTTP client's idle connections end with Close. All
// methods may be called concurrently.
package offsets

import (
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/layout"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Key is the Consul key of a partition's document.
func Key(prefix, group, topic string, partition int32) string {
	return layout.Folder(prefix, group) + layout.EntryName(record.TopicPartition{Topic: topic, Partition: partition})
}

// TopicKey is the Consul key of a topic's document.
func TopicKey(prefix, group, topic string) string {
	return layout.Folder(prefix, group) + layout.TopicName(topic)
}

// CheckKey is the Consul key that Check creates and deletes.
func CheckKey(prefix, group string) string { return layout.Folder(prefix, group) + "_check" }
