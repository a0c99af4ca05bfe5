package record

import "time"

// OutcomeKind is the meaning of one attempt, as the answer table of protocol/README.md has it.
type OutcomeKind int

const (
	Acked     OutcomeKind = iota + 1 // everything not listed in Failures is acknowledged
	Busy                             // 429, 503: wait, same batch again, does not count
	Refused                          // 400, 413, 422: the content is refused, isolate at once
	Setup                            // the set-up is wrong, not the record: back off, not ready, never counted
	Failed                           // a failed attempt
	Down                             // connection refused: the app is not there; does not count
	Cancelled                        // the attempt was cancelled by its context; does not count
)

// Action is what the app wants for a record it lists in failures.
type Action int

const (
	Retry  Action = iota + 1 // this record and all after it of its partition come again
	Reject                   // this record goes to the dead-letter policy now
)

// Failure is one entry of an answer's failures. It always names a record of the batch.
type Failure struct {
	TopicPartition
	Offset     int64
	Action     Action
	Reason     string
	RetryAfter time.Duration // for Retry; 0 = the back-off decides
}

// Outcome is what one attempt to hand a batch to the app came to.
type Outcome struct {
	Kind       OutcomeKind
	Failures   []Failure     // only with Acked; sorted by partition and offset, no record twice
	RetryAfter time.Duration // only with Busy; 0 = the back-off decides; at most 5 min
	Status     string        // HTTP code, "timeout" or "connection": the sidecar-status of a dead letter
	Detail     string        // for people: "POST http://127.0.0.1:8080/batches answered 404"
	Elapsed    time.Duration // from the start of the request to the whole answer
}
