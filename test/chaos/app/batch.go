package app

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/protocol/protocoltest"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// batch is what the app keeps of a request.
type batch struct {
	id      string
	attempt int
	parts   []oracle.Part
	size    int // of the body
}

// readBatch decodes a whole body of either format.
func readBatch(header http.Header, body []byte) (*batch, error) {
	decode, head := protocoltest.DecodeJSON, body
	if strings.HasPrefix(header.Get("Content-Type"), "application/vnd.kafka-sidecar.columns") {
		decode = protocoltest.DecodeColumns
		head = columnsHead(body)
	}
	decoded, err := decode(body)
	if err != nil {
		return nil, err
	}
	var named struct{ Batch string }
	if err := json.Unmarshal(head, &named); err != nil {
		return nil, err
	}
	if id := header.Get("Sidecar-Batch"); named.Batch != id {
		return nil, fmt.Errorf("the body is of batch %q, the header says %q", named.Batch, id)
	}
	b := &batch{id: named.Batch, attempt: decoded.Attempt, size: len(body)}
	for _, p := range decoded.Parts {
		b.parts = append(b.parts, partOf(p))
	}
	return b, nil
}

// columnsHead is the JSON of a columns body; DecodeColumns finds out when there is none.
func columnsHead(body []byte) []byte {
	if len(body) < 8 {
		return nil
	}
	end := min(8+int64(binary.LittleEndian.Uint32(body[4:])), int64(len(body)))
	return body[8:end]
}

func partOf(p record.Part) oracle.Part {
	part := oracle.Part{Topic: p.Topic, Partition: p.Partition, From: p.From, Until: p.Until, Fence: p.Fence}
	for _, r := range p.Records {
		headers := make([]oracle.Header, len(r.Headers))
		for i, h := range r.Headers {
			headers[i] = oracle.Header{Name: []byte(h.Name), Value: h.Value}
		}
		part.Offsets = append(part.Offsets, r.Offset)
		part.Digests = append(part.Digests, oracle.DigestOf(r.Timestamp, r.Key, r.Value, headers))
	}
	return part
}

// places are the partitions of the batch.
func (b *batch) places() []oracle.Place {
	places := make([]oracle.Place, len(b.parts))
	for i, p := range b.parts {
		places[i] = oracle.Place{Topic: p.Topic, Partition: p.Partition}
	}
	return places
}

// picked says whether a record is one in n by its content.
func picked(d oracle.Digest, n uint64) bool { return binary.LittleEndian.Uint64(d[:])%n == 0 }
