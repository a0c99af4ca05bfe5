// Package protocol holds the test vectors of protocol version 1 and the types to read them with. Their
// format is described in vectors/README.md.
package protocol

import (
	"embed"
	"encoding/json"
	"fmt"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

//go:embed vectors/*.json
var vectors embed.FS

// Read decodes a file of vectors, for example "encode.json". The error says what is wrong with the file.
func Read(name string, into any) error {
	text, err := vectors.ReadFile("vectors/" + name)
	if err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decode vectors %s: %w", name, err)
	}
	return nil
}

// EncodeFile is encode.json: batches and the bodies they must become.
type EncodeFile struct {
	Cases []struct {
		Name, ID           string
		Batch              Batch
		Auto, JSON, Base64 string
		Columns            []byte
	}
}

// MalformedFile is columns-malformed.json: columns bodies whose lengths do not add up, and a good one.
type MalformedFile struct {
	Good  []byte
	Cases []struct {
		Name string
		Body []byte
	}
}

// Batch is a batch as data.
type Batch struct {
	Group      string
	Attempt    int
	Partitions []struct {
		Range
		Records []struct {
			Offset, Timestamp int64
			Key, Value        []byte
			Headers           []struct{ Name, Value []byte }
		}
	}
}

// Range is a partition with its offsets, as bodies and vectors write it.
type Range struct {
	Topic                          string
	Partition                      int32
	FromOffset, UntilOffset, Fence int64
}

// Record is the range as the rest of the sidecar knows it.
func (r Range) Record() record.Range {
	return record.Range{
		TopicPartition: record.TopicPartition{Topic: r.Topic, Partition: r.Partition},
		From:           r.FromOffset, Until: r.UntilOffset, Fence: r.Fence,
	}
}

// Record is the batch as the rest of the sidecar knows it. Each call makes a new one.
func (b Batch) Record() *record.Batch {
	made := &record.Batch{Group: b.Group, Attempt: b.Attempt}
	for _, p := range b.Partitions {
		part := record.Part{Range: p.Range.Record()}
		for _, r := range p.Records {
			x := record.Record{Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				x.Headers = append(x.Headers, record.Header{Name: string(h.Name), Value: h.Value})
			}
			part.Records = append(part.Records, x)
		}
		made.Parts = append(made.Parts, part)
	}
	return made
}
