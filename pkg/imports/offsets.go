package imports

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// What an offset of a csv or json source may be instead of a number of the log, as Spark writes them.
const (
	Latest   int64 = -1 // the end of the log
	Earliest int64 = -2 // the start of the log
)

// maxSize bounds what is read of one file or input: 16 MiB. The offsets of 100,000 partitions take less than 4 MiB.
const maxSize = 16 << 20

// Offsets are what a source says.
type Offsets struct {
	// Next is the next offset to deliver of each partition the source knows, at least one. Text may return Latest and
	// Earliest, all others numbers from 0.
	Next map[record.TopicPartition]int64
	// Notes are for people: what the source left open, and what was made of it.
	Notes []string
}

var errNone = errors.New("it holds no offsets")

func newOffsets() Offsets { return Offsets{Next: map[record.TopicPartition]int64{}} }

// put adds a partition, once.
func (o *Offsets) put(tp record.TopicPartition, next int64) error {
	if before, ok := o.Next[tp]; ok {
		return fmt.Errorf("%s is there twice, with %d and %d", tp, before, next)
	}
	o.Next[tp] = next
	return nil
}

func (o *Offsets) note(format string, args ...any) {
	o.Notes = append(o.Notes, fmt.Sprintf(format, args...))
}

// complete is o, or an error when it is empty.
func (o *Offsets) complete() (Offsets, error) {
	if len(o.Next) == 0 {
		return Offsets{}, errNone
	}
	return *o, nil
}

// topics are the names of the topics in o, sorted.
func (o *Offsets) topics() []string {
	var topics []string
	for tp := range o.Next {
		topics = append(topics, tp.Topic)
	}
	slices.Sort(topics)
	return slices.Compact(topics)
}

// maxTopicName is Kafka's own limit (Topic.MAX_NAME_LENGTH).
const maxTopicName = 249

// checkTopic is nil when Kafka allows a topic of this name.
func checkTopic(name string) error {
	ok := name != "" && name != "." && name != ".." && len(name) <= maxTopicName
	for i := range len(name) {
		c := name[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-')
	}
	if !ok {
		return fmt.Errorf("%s is no name of a topic: up to %d letters, digits, '.', '_' and '-'", shown(name), maxTopicName)
	}
	return nil
}

// parsePartition reads the number of a partition.
func parsePartition(s string) (int32, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, fmt.Errorf("%s is no partition: a whole number from 0 to %d", shown(s), math.MaxInt32)
	}
	return int32(n), nil
}

// parseOffset reads an offset from lowest (0, or Earliest where a source may say so) up. It is strict about the form, so
// that no two readers understand different numbers.
func parseOffset(s string, lowest int64) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < lowest || strconv.FormatInt(n, 10) != s {
		also := ""
		if lowest == Earliest {
			also = ", -1 (latest) or -2 (earliest)"
		}
		return 0, fmt.Errorf("%s is no offset: a whole number from 0 to %d%s", shown(s), int64(math.MaxInt64), also)
	}
	return n, nil
}

// shown is a value for a message: quoted, and cut when it is long.
func shown(s string) string {
	const most = 60
	if len(s) <= most {
		return fmt.Sprintf("%#q", s)
	}
	return fmt.Sprintf("%#q… (%d bytes)", s[:most], len(s))
}
