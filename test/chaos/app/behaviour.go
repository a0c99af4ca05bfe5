package app

import "time"

// Kind is how the app behaves.
type Kind string

// Kinds of behaviour. The zero value acknowledges everything.
const (
	Good Kind = ""
	// Slow works for Delay and acknowledges then. Above the sidecar's time-out it answers a connection that is closed.
	Slow Kind = "slow"
	// Hang never answers, until the connection is closed or the behaviour changes; it closes the connection then.
	Hang Kind = "hang"
	// Status answers Behaviour.Status, with Retry-After if it is set.
	Status Kind = "status"
	// Trickle acknowledges with a body that takes Delay, byte by byte.
	Trickle Kind = "trickle"
	// CloseAfterHeaders sends status 200 with a length, and closes.
	CloseAfterHeaders Kind = "close-after-headers"
	// Huge answers 200 with a body above the limit of 1 MiB.
	Huge Kind = "huge"
	// Garbage answers 200 with a body that is no answer.
	Garbage Kind = "garbage"
	// WrongOffset answers 200 with a failure that names an offset outside of the batch.
	WrongOffset Kind = "wrong-offset"
	// Die ends the process as kill -9 does, after the work and before the answer.
	Die Kind = "die"
	// Reject names the picked records (OneIn) as rejected and acknowledges the others.
	Reject Kind = "reject"
	// Retry names the first picked record of each partition for a retry after Delay, each record once in the life of a process.
	Retry Kind = "retry"
)

// Behaviour is what the app does with requests until it is told otherwise.
type Behaviour struct {
	Kind       Kind          `json:"kind"`
	Times      int           `json:"times"` // for as many requests, then Good; 0 = all
	Delay      time.Duration `json:"delay"`
	Status     int           `json:"status"`
	RetryAfter string        `json:"retryAfter"` // the header of Status; "" = none
	// OneIn picks records by their content: one in so many, always the same ones. Of Reject and Retry; must be set there.
	OneIn uint64 `json:"oneIn"`
}
