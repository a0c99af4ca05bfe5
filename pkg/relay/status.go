package relay

import "time"

// Reason is why the process is not ready, with words for people.
type Reason struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// Status is the whole state at one moment, as GET /v1/status answers it.
type Status struct {
	Version    string            `json:"version"`
	Group      string            `json:"group"`
	Member     string            `json:"member"`
	State      string            `json:"state"` // starting | waiting | running | draining | stopped
	Reason     string            `json:"reason"`
	Since      time.Time         `json:"since"`
	App        AppStatus         `json:"app"`
	Kafka      SystemStatus      `json:"kafka"`
	Store      SystemStatus      `json:"store"`
	Topics     []TopicStatus     `json:"topics"`
	Partitions []PartitionStatus `json:"partitions"`
	Memory     MemoryStatus      `json:"memory"`
	HeldBack   string            `json:"heldBack"` // the setting that holds back delivery or reading at this moment; "" = none does

	Reasons []Reason `json:"reasons"` // why /readyz answers 503; empty = ready
}

// AppStatus is how the app is doing.
type AppStatus struct {
	Up    bool   `json:"up"`
	URL   string `json:"url"`
	Error string `json:"error"`
}

// SystemStatus is how Kafka or the store is doing.
type SystemStatus struct {
	Up    bool      `json:"up"`
	Kind  string    `json:"kind,omitempty"` // consul | file
	Error string    `json:"error"`
	Since time.Time `json:"since"`
}

// TopicStatus is how a topic stands.
type TopicStatus struct {
	Topic      string `json:"topic"`
	TopicID    string `json:"topicId"`
	Partitions int32  `json:"partitions"` // as the brokers say
	Tracked    int32  `json:"tracked"`    // as the store has it
	Revision   int64  `json:"revision"`
	Error      string `json:"error"` // why it is not read, or not wholly; "" = it is
}

// PartitionStatus is how an assigned partition stands.
type PartitionStatus struct {
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	State     string    `json:"state"` // ready | inflight | idle | backoff | blocked | paused | fenced
	Reason    string    `json:"reason"`
	Since     time.Time `json:"since"`

	Committed            int64   `json:"committed"` // durable in the store
	Acked                int64   `json:"acked"`     // acknowledged by the app
	Fetched              int64   `json:"fetched"`   // the reader's position
	LogStart             int64   `json:"logStart"`
	LogEnd               int64   `json:"logEnd"`
	Lag                  int64   `json:"lag"`                  // log end - committed, in offsets
	OldestUnackedSeconds float64 `json:"oldestUnackedSeconds"` // since the oldest unacknowledged record was fetched
	Epoch                int64   `json:"epoch"`
	Attempt              int     `json:"attempt"` // failed attempts of the first unacknowledged record
	LastStatus           int     `json:"lastStatus"`
	LastError            string  `json:"lastError"`
}

// MemoryStatus is the memory budget, in bytes.
type MemoryStatus struct {
	Used int64 `json:"used"`
	Max  int64 `json:"max"`
}
