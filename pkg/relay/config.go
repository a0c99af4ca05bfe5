package relay

import (
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Config is everything the engine decides by. Zero values are not defaults: see DefaultConfig.
type Config struct {
	Group    string
	Topics   []string
	HostName string // first half of the owner written to the store

	Assignment Assignment
	Start      Start

	MaxRecords int           // records per batch
	MaxBytes   int           // bytes of an encoded body
	MinRecords int           // hold a batch back until so many records stand ready…
	MaxWait    time.Duration // …or the oldest of them has waited so long; 0 = no linger
	MaxRate    int           // records per second of this process; 0 = no bound

	Lanes        int           // batches in flight at once
	TopicInURL   bool          // the app's path holds {topic}: a batch holds one topic
	ReadyURLSet  bool          // a ready_url is configured: a 2xx of it is evidence against a record
	DrainTimeout time.Duration // how long a revoke waits for requests already sent

	MaxAttempts int           // failed attempts before isolation, and for a lone record
	RetryMin    time.Duration // first back-off
	RetryMax    time.Duration // longest back-off

	DeadLetterPolicy string // block | topic | drop
	DeadLetterTopic  string // {topic} and {group} expand

	MirrorToKafka    bool
	CommitInterval   time.Duration // 0 = as fast as the store answers
	CommitMaxPending int           // acknowledged records not yet durable at which delivery waits
	StoreTimeout     time.Duration // deadline of one store call, and of the final commit

	WatchInterval  time.Duration
	DataLoss       string // block | earliest | latest
	TopicRecreated string // block | earliest | latest
	MemoryMaxBytes int64
	ShutdownGrace  time.Duration
	WatchdogAfter  time.Duration

	UntilCaughtUp bool // drain and end when everything is done that the logs hold at the start

	AppURL string // for people, with secrets removed
	Log    zerolog.Logger
}

// Assignment says which partitions this process reads.
type Assignment struct {
	Mode       string  // group | all | list
	Partitions []int32 // for list: of every topic
}

// Start is where a topic that the store does not know begins.
type Start struct {
	Policy   string                     // latest | earliest | committed | time | map
	Time     time.Time                  // for time
	Map      map[string]map[int32]int64 // for map: -1 latest, -2 earliest
	Fallback string                     // for committed: latest | earliest, where the group has no commit
}

// String is the policy as the configuration and the stored document write it.
func (s Start) String() string {
	if s.Policy == "time" {
		return s.Time.UTC().Format(time.RFC3339Nano)
	}
	return s.Policy
}

// DeadLetterTopicOf is the dead-letter topic for records of a topic.
func (c *Config) DeadLetterTopicOf(topic string) string {
	return strings.NewReplacer("{topic}", topic, "{group}", c.Group).Replace(c.DeadLetterTopic)
}

// DeadLetterTopics are those that must exist, each once; none unless the policy is topic.
func (c *Config) DeadLetterTopics() []string {
	if c.DeadLetterPolicy != "topic" {
		return nil
	}
	var names []string
	for _, t := range c.Topics {
		if name := c.DeadLetterTopicOf(t); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// DefaultConfig is the configuration before anything is set.
func DefaultConfig() Config {
	return Config{
		Assignment:       Assignment{Mode: "group"},
		Start:            Start{Policy: "latest", Fallback: "latest"},
		MaxRecords:       500,
		MaxBytes:         1 << 20,
		MinRecords:       1,
		Lanes:            1,
		DrainTimeout:     20 * time.Second,
		MaxAttempts:      10,
		RetryMin:         200 * time.Millisecond,
		RetryMax:         30 * time.Second,
		DeadLetterPolicy: "block",
		DeadLetterTopic:  "{topic}.dead",
		MirrorToKafka:    true,
		CommitInterval:   time.Second,
		CommitMaxPending: 100_000,
		StoreTimeout:     5 * time.Second,
		WatchInterval:    10 * time.Second,
		DataLoss:         "block",
		TopicRecreated:   "block",
		MemoryMaxBytes:   128 << 20,
		ShutdownGrace:    20 * time.Second,
		WatchdogAfter:    5 * time.Minute,
	}
}
