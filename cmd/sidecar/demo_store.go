package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
)

// demoStore looks into the file store from outside, as a person with an editor would: the demo never
// asks the sidecar where it stands.
type demoStore struct {
	path string
}

// demoKeys are the documents of the file, by key: orders/_topic, orders/0, …
type demoKeys map[string]struct {
	Value json.RawMessage `json:"value"`
}

// demoTopicDoc is what the demo reads of <topic>/_topic.
type demoTopicDoc struct {
	Partitions int32            `json:"partitions"`
	Baseline   map[string]int64 `json:"baseline"`
	Start      string           `json:"start"`
}

// read gives the documents of this moment; none when there is no file yet.
func (s *demoStore) read() (demoKeys, error) {
	data, err := os.ReadFile(s.path)
	if os.IsNotExist(err) {
		return demoKeys{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the offsets: %w", err)
	}
	var file struct {
		Keys demoKeys `json:"keys"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.path, err)
	}
	return file.Keys, nil
}

// topic is the topic's document; false when it is absent.
func (k demoKeys) topic() (demoTopicDoc, bool) {
	var doc demoTopicDoc
	entry, ok := k[demoTopic+"/_topic"]
	return doc, ok && json.Unmarshal(entry.Value, &doc) == nil
}

// offset is the stored offset of a partition; -1 when its key is absent.
func (k demoKeys) offset(partition int32) int64 {
	var doc struct {
		Offset int64 `json:"offset"`
	}
	entry, ok := k[demoTopic+"/"+strconv.Itoa(int(partition))]
	if !ok || json.Unmarshal(entry.Value, &doc) != nil {
		return -1
	}
	return doc.Offset
}

// offsets are the stored offsets of partitions 0 to n-1.
func (k demoKeys) offsets(n int32) []int64 {
	out := make([]int64, n)
	for p := range n {
		out[p] = k.offset(p)
	}
	return out
}

// extract is one document as it stands in the file, cut to the named fields.
func (k demoKeys) extract(key string, fields ...string) string {
	var doc map[string]json.RawMessage
	if json.Unmarshal(k[key].Value, &doc) != nil {
		return "(absent)"
	}
	var b bytes.Buffer
	b.WriteByte('{')
	for _, name := range fields {
		var value bytes.Buffer
		if json.Compact(&value, doc[name]) == nil {
			fmt.Fprintf(&b, "%q:%s, ", name, value.Bytes())
		}
	}
	b.WriteString("…}")
	return b.String()
}
