// Package layout is how the stored documents look: the names of keys, the JSON of their values, and
// the compare-and-set table that the file store and the in-memory store of the tests share.
//
// Invariants: what is encoded here is what design.md section 5 shows, field by field; a value that
// this version can't understand is a *record.BadKeyError and never an absent key; an index of a
// table is never used twice, also not after a key was deleted.
//
// The package does no I/O and starts no goroutine.
package layout

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const hexDigits = "0123456789abcdef"

// legal is the alphabet of a Kafka topic name, and of the parts of a group name left as they are.
func legal(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

// Escape makes a group name one segment of a key: every byte outside [A-Za-z0-9._-] becomes "~" and
// two lower-case hex digits. The names "." and ".." are escaped whole, because Consul's HTTP path
// and a file system read them as directions.
func Escape(name string) string {
	dots := name == "." || name == ".."
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		if legal(c) && !dots {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('~')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

// Unescape is the inverse of Escape. It fails on everything that Escape does not produce, so that
// two segments never name the same group.
func Unescape(segment string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(segment); i++ {
		if segment[i] != '~' {
			b.WriteByte(segment[i])
			continue
		}
		if i+2 >= len(segment) {
			return "", fmt.Errorf("unescape %q: cut after ~", segment)
		}
		n, err := strconv.ParseUint(segment[i+1:i+3], 16, 8)
		if err != nil {
			return "", fmt.Errorf("unescape %q: ~ is not followed by two hex digits", segment)
		}
		b.WriteByte(byte(n))
		i += 2
	}
	if Escape(b.String()) != segment {
		return "", fmt.Errorf("unescape %q: not the escaped form of a name", segment)
	}
	return b.String(), nil
}

// Folder is what every key of a group begins with: <prefix>/<escaped group>/.
func Folder(prefix, group string) string { return prefix + "/" + Escape(group) + "/" }

// TopicName is the name of a topic's document inside the group's folder.
func TopicName(topic string) string { return topic + "/_topic" }

// EntryName is the name of a partition's document inside the group's folder.
func EntryName(p record.TopicPartition) string { return p.String() }

// CheckTopic is nil when topic is a legal Kafka name and so one segment of a key, else a
// *record.InvalidError.
func CheckTopic(topic string) error {
	ok := topic != "" && topic != "." && topic != ".." && len(topic) <= 249
	for i := 0; ok && i < len(topic); i++ {
		ok = legal(topic[i])
	}
	if !ok {
		return &record.InvalidError{Reason: fmt.Sprintf("%q is not a legal topic name", topic)}
	}
	return nil
}

// CheckPrefix says what is wrong with a prefix, or nil: segments separated by single slashes, none
// of them "." or "..", of printable characters that need no escaping in a URL's path.
func CheckPrefix(prefix string) error {
	for segment := range strings.SplitSeq(prefix, "/") {
		switch {
		case segment == "":
			return fmt.Errorf("must not be empty, begin or end with \"/\" or hold \"//\" (got %q)", prefix)
		case segment == "." || segment == "..":
			return fmt.Errorf("must not hold the segment %q (got %q)", segment, prefix)
		}
		for i := range len(segment) {
			if !legal(segment[i]) && segment[i] != '~' {
				return fmt.Errorf("may hold letters, digits and ._-~/ only (got %q)", prefix)
			}
		}
	}
	return nil
}
