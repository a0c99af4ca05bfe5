package relay

import (
	"context"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// What the engine needs of the outside, declared here and implemented by fetch, offsets and deliver.
// Every call tries once; waiting and trying again is the engine's.

// Store keeps where each partition stands. Errors are those of record/store.go.
type Store interface {
	// Topic reads a topic's document; Index 0 = absent. A *record.BadKeyError if it can't be decoded.
	Topic(ctx context.Context, topic string) (record.Topic, error)
	// Entries reads the partitions' documents in the order asked, at most record.MaxWrites, with the
	// store's strongest consistency. Index 0 = absent.
	Entries(ctx context.Context, parts []record.TopicPartition) ([]record.Entry, error)
	// Write applies all writes or none and returns the new version of each, in order.
	Write(ctx context.Context, writes []record.Write) ([]uint64, error)
}

// Cluster answers questions about topics and their logs, never from a cache.
type Cluster interface {
	Topics(ctx context.Context, topics []string) (record.ClusterView, error)
	// Offsets answers for every partition asked or fails as a whole.
	Offsets(ctx context.Context, q record.OffsetQuery, parts []record.TopicPartition) (map[record.TopicPartition]int64, error)
	// Bounds compares positions with their logs; the answer has every partition asked for.
	Bounds(ctx context.Context, at map[record.TopicPartition]record.Position) (map[record.TopicPartition]record.Bounds, error)
	// Record reads one record, with memory of its own; a *record.NoRecordError if there is none.
	Record(ctx context.Context, p record.TopicPartition, offset int64) (record.Record, error)
}

// Group is the membership in the Kafka consumer group; nil without one.
type Group interface {
	// Run joins, calls events until ctx ends, then leaves the group (a static member stays) and returns nil.
	Run(ctx context.Context, events record.GroupEvents) error
	// Commit commits offsets to the Kafka group with the member id and generation of this moment. An
	// error for one partition is an error of the whole.
	Commit(ctx context.Context, at map[record.TopicPartition]record.Position) error
	// Rejoin refreshes the client's metadata and makes the group rebalance, for partitions that were added.
	Rejoin()
}

// Reader fetches records of the partitions it is told to read and hands them to Engine.Feed. Its
// methods return at once and are carried out in the order of the calls.
type Reader interface {
	Add(p record.TopicPartition, from record.Position, claim uint64)
	Remove(p record.TopicPartition)
	Pause(p record.TopicPartition, on bool)
}

// App is the application the batches are for.
type App interface {
	// Encode appends the body of b to dst and returns it. A batch that would pass the byte limit is
	// cut: whole parts at the end are dropped and the last part is shortened, so that b afterwards
	// names exactly what the body holds; the first record always stays.
	Encode(dst []byte, b *record.Batch) []byte
	// Send makes one attempt in the given lane (0 <= lane < Lanes; one at a time in a lane) and
	// classifies its answer. It returns when the request has ended or, soon after ctx ends, with its
	// connection closed and the outcome Cancelled.
	Send(ctx context.Context, lane int, b *record.Batch, body []byte) record.Outcome
	// Ready makes one probe: nil when the app can take batches.
	Ready(ctx context.Context) error
}

// DeadLetters writes to dead-letter topics.
type DeadLetters interface {
	// Produce writes the letters in order with acks=all and returns how many from the front are durable.
	Produce(ctx context.Context, letters []record.DeadLetter) (int, error)
}
