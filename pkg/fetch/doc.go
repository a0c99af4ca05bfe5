// Package fetch is the Kafka side of the sidecar and the only importer of franz-go: the membership
// in the consumer group, the reader of records, questions about topics and logs, and the producer of
// dead letters.
//
// Invariants:
//   - Nothing here decides where reading starts or goes on: the reader begins exactly at the position
//     it is given, never resets by itself, and stops a partition at its first error.
//   - A chunk carries the claim its records were read under; a record fetched before a partition was
//     removed is never handed over after it was added again.
//   - Within a claim offsets only ascend.
//   - The membership never fetches. Its Commit is refused, here or by the broker, unless the process
//     is a member at that moment.
//   - Constructors do not dial. Brokers that can't be reached end no Run; calls return an error within
//     their context.
//   - Every call tries once (the client's own retries of a request included); trying again is the engine's.
//
// Goroutines: Reader.Run is one goroutine, the only one that touches the client's set of partitions.
// Membership.Run is the caller's goroutine, one that polls for errors and one that clears problems;
// all end before Run returns. The group callbacks run on the client's goroutines, under one mutex.
// Cluster and Producer have the client's own goroutines until Close.
package fetch
