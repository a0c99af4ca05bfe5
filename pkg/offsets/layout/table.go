package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Put is one compare-and-set of an encoded document.
type Put struct {
	Name   string // inside the group's folder: orders/3
	Value  []byte
	Index  uint64 // the version that must be found; 0 = absent
	Delete bool   // Value is of no use: the key is deleted
}

// Encode checks writes and turns them into documents. Errors are *record.InvalidError: too many
// writes, not exactly one of Topic, Entry and Audit, an illegal name or number, the same key twice.
func Encode(group string, writes []record.Write) ([]Put, error) {
	if len(writes) > record.MaxWrites {
		return nil, &record.InvalidError{Reason: fmt.Sprintf("%d writes in one transaction, at most %d are possible", len(writes), record.MaxWrites)}
	}
	puts := make([]Put, len(writes))
	seen := make(map[string]bool, len(writes))
	for i, w := range writes {
		put, err := encode(group, w)
		if err != nil {
			return nil, err
		}
		if seen[put.Name] {
			return nil, &record.InvalidError{Reason: "the key " + put.Name + " is written twice in one transaction"}
		}
		seen[put.Name] = true
		puts[i] = put
	}
	return puts, nil
}

func encode(group string, w record.Write) (put Put, err error) {
	switch {
	case w.Topic != nil && w.Entry == nil && w.Audit == nil:
		put, err = encodeTopic(group, w.Topic)
	case w.Entry != nil && w.Topic == nil && w.Audit == nil:
		put, err = encodeEntry(w.Entry, w.Delete)
	case w.Audit != nil && w.Topic == nil && w.Entry == nil:
		put, err = encodeAudit(w.Audit)
	default:
		return Put{}, &record.InvalidError{Reason: "a write must hold exactly one of a topic, an entry and a line of the audit log"}
	}
	put.Delete = w.Delete
	return put, err
}

func encodeTopic(group string, t *record.Topic) (Put, error) {
	if err := CheckTopic(t.Name); err != nil {
		return Put{}, err
	}
	value, err := EncodeTopic(group, *t)
	if err != nil {
		return Put{}, &record.InvalidError{Reason: fmt.Sprintf("%s %v", TopicName(t.Name), err)}
	}
	return Put{Name: TopicName(t.Name), Value: value, Index: t.Index}, nil
}

func encodeEntry(e *record.Entry, deleted bool) (Put, error) {
	if err := CheckParts([]record.TopicPartition{e.TopicPartition}); err != nil {
		return Put{}, err
	}
	put := Put{Name: EntryName(e.TopicPartition), Index: e.Index}
	if deleted { // whatever stands there, readable or not
		return put, nil
	}
	value, err := EncodeEntry(*e)
	if err != nil {
		return Put{}, &record.InvalidError{Reason: fmt.Sprintf("%s %v", e.TopicPartition, err)}
	}
	put.Value = value
	return put, nil
}

func encodeAudit(a *record.Audit) (Put, error) {
	value, err := EncodeAudit(*a)
	if err != nil {
		return Put{}, &record.InvalidError{Reason: err.Error()}
	}
	return Put{Name: AuditName(*a), Value: value, Index: a.Index}, nil
}

// CheckParts checks what is to be read in one call; a *record.InvalidError if it can't be.
func CheckParts(parts []record.TopicPartition) error {
	if len(parts) > record.MaxWrites {
		return &record.InvalidError{Reason: fmt.Sprintf("%d partitions in one read, at most %d are possible", len(parts), record.MaxWrites)}
	}
	for _, p := range parts {
		if err := CheckTopic(p.Topic); err != nil {
			return err
		}
		if p.Partition < 0 {
			return &record.InvalidError{Reason: fmt.Sprintf("%s is not a partition", p)}
		}
	}
	return nil
}

// Row is one key of a Table.
type Row struct {
	Index uint64          `json:"index"`
	Value json.RawMessage `json:"value"`
}

// Table is a store in one value: keys with versions and the counter the versions come from. A Table
// is changed by replacing it with what Apply returns.
type Table struct {
	Index uint64         `json:"index"` // the newest version given out; only grows
	Keys  map[string]Row `json:"keys"`
}

// Apply makes all puts or none. It returns the new table and the new version of each put, or the
// positions of the puts that found another version. As in Consul, the keys written by one
// transaction get the same version, and a value that did not change keeps its version. What is deleted has version 0.
func (t Table) Apply(puts []Put) (next Table, indexes []uint64, stale []int) {
	for i, p := range puts {
		if t.Keys[p.Name].Index != p.Index {
			stale = append(stale, i)
		}
	}
	if len(stale) > 0 {
		return t, nil, stale
	}
	next = Table{Index: t.Index, Keys: maps.Clone(t.Keys)}
	if next.Keys == nil {
		next.Keys = make(map[string]Row, len(puts))
	}
	indexes = make([]uint64, len(puts))
	for i, p := range puts {
		if p.Delete {
			delete(next.Keys, p.Name)
			continue
		}
		row := t.Keys[p.Name]
		if row.Index == 0 || !bytes.Equal(row.Value, p.Value) {
			next.Index = t.Index + 1
			row = Row{Index: next.Index, Value: p.Value}
			next.Keys[p.Name] = row
		}
		indexes[i] = row.Index
	}
	return next, indexes, nil
}

// Topic reads a topic's document from the table; where is put before the name in a BadKeyError.
func (t Table) Topic(topic, where string) (record.Topic, error) {
	if err := CheckTopic(topic); err != nil {
		return record.Topic{}, err
	}
	row, ok := t.Keys[TopicName(topic)]
	if !ok {
		return record.Topic{Name: topic}, nil
	}
	return DecodeTopic(topic, where+TopicName(topic), row.Value, row.Index)
}

// Entries reads partitions' documents from the table, in the order asked.
func (t Table) Entries(parts []record.TopicPartition, where string) ([]record.Entry, error) {
	if err := CheckParts(parts); err != nil {
		return nil, err
	}
	entries := make([]record.Entry, len(parts))
	for i, p := range parts {
		row, ok := t.Keys[EntryName(p)]
		if !ok {
			entries[i] = record.Entry{TopicPartition: p}
			continue
		}
		entries[i] = DecodeEntry(p, where+EntryName(p), row.Value, row.Index)
	}
	return entries, nil
}

// Audits reads the operators' log from the table, the oldest line first. Lines that can't be decoded are left out.
func (t Table) Audits() []record.Audit {
	var lines []record.Audit
	for _, name := range slices.Sorted(maps.Keys(t.Keys)) {
		if !strings.HasPrefix(name, AuditFolder) {
			continue
		}
		if a, ok := DecodeAudit(t.Keys[name].Value, t.Keys[name].Index); ok && AuditName(a) == name {
			lines = append(lines, a)
		}
	}
	return lines
}
