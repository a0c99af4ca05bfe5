package layout

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// ofTopic stands for a partition's number in the name of a topic's document.
const ofTopic = -1

// ParseName splits the name of a document inside the group's folder: the partition of orders/3 is 3, that of orders/_topic -1. It is
// false for every other name, such as those of the operators' log.
func ParseName(name string) (p record.TopicPartition, ok bool) {
	topic, leaf, _ := strings.Cut(name, "/")
	if CheckTopic(topic) != nil {
		return p, false
	}
	p = record.TopicPartition{Topic: topic, Partition: ofTopic}
	if name == TopicName(topic) {
		return p, true
	}
	n, err := strconv.ParseInt(leaf, 10, 32)
	if err != nil {
		return p, false
	}
	p.Partition = int32(n)
	return p, n >= 0 && name == EntryName(p)
}

// Tracked sorts a group's documents into topics. rows has them by name; others are left out. where is put before the name in a BadKeyError.
func Tracked(rows map[string]Row, where string) []record.Tracked {
	topics := map[string]*record.Tracked{}
	for name, row := range rows {
		p, ok := ParseName(name)
		if !ok {
			continue
		}
		t := topics[p.Topic]
		if t == nil {
			t = &record.Tracked{Topic: record.Topic{Name: p.Topic}}
			topics[p.Topic] = t
		}
		if p.Partition != ofTopic {
			t.Entries = append(t.Entries, DecodeEntry(p, where+name, row.Value, row.Index))
		} else if doc, err := DecodeTopic(p.Topic, where+name, row.Value, row.Index); err != nil {
			t.Bad = err
		} else {
			t.Topic = doc
		}
	}
	all := make([]record.Tracked, 0, len(topics))
	for _, name := range slices.Sorted(maps.Keys(topics)) {
		t := topics[name]
		slices.SortFunc(t.Entries, func(a, b record.Entry) int { return cmp.Compare(a.Partition, b.Partition) })
		all = append(all, *t)
	}
	return all
}
