package main

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/imports"
)

// topicOffsets are the next offsets of partitions, by topic; -1 is the end, -2 the log start.
type topicOffsets map[string]map[int32]int64

func byTopic(o imports.Offsets) topicOffsets {
	all := topicOffsets{}
	for tp, next := range o.Next {
		if all[tp.Topic] == nil {
			all[tp.Topic] = map[int32]int64{}
		}
		all[tp.Topic][tp.Partition] = next
	}
	return all
}

func (t topicOffsets) topics() []string { return slices.Sorted(maps.Keys(t)) }

// readOffsetsFile reads a file in the form given; "" = JSON when it begins with a brace, else CSV.
func readOffsetsFile(path, form string) (imports.Offsets, error) {
	f, err := os.Open(path)
	if err != nil {
		return imports.Offsets{}, fmt.Errorf("read the offsets: %w", err)
	}
	defer f.Close()
	r := bufio.NewReader(f)
	if form == "" {
		form = imports.CSV
		begin, _ := r.Peek(512) // a shorter file, or one that can't be read, is the reader's to judge
		if bytes.HasPrefix(bytes.TrimLeft(begin, "\ufeff \t\r\n"), []byte("{")) {
			form = imports.JSON
		}
	}
	o, err := imports.Text(r, form)
	if err != nil {
		return imports.Offsets{}, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}
