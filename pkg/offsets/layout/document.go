package layout

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Version is the value of "v" in every document. A higher one was written by a newer sidecar and
// may mean something else by the same fields.
const Version = 1

// topicDocument is the value of <prefix>/<group>/<topic>/_topic. Pointers are fields without which
// the document can't be used.
type topicDocument struct {
	V          int             `json:"v"`
	Group      string          `json:"group"`
	Topic      string          `json:"topic"`
	TopicID    string          `json:"topicId"`
	ClusterID  string          `json:"clusterId"`
	Partitions *int32          `json:"partitions"`
	Baseline   map[int32]int64 `json:"baseline"`
	Start      string          `json:"start"`
	Revision   int64           `json:"revision"`
	CreatedAt  time.Time       `json:"createdAt"`
}

// entryDocument is the value of <prefix>/<group>/<topic>/<partition>.
type entryDocument struct {
	V           int       `json:"v"`
	Offset      *int64    `json:"offset"`
	LeaderEpoch *int32    `json:"leaderEpoch"`
	TopicID     string    `json:"topicId"`
	Owner       string    `json:"owner"`
	Epoch       int64     `json:"epoch"`
	Paused      bool      `json:"paused,omitempty"`
	PausedBy    string    `json:"pausedBy,omitempty"`
	PausedAt    time.Time `json:"pausedAt,omitzero"`
	CommittedAt time.Time `json:"committedAt"`
}

// EncodeTopic is the document of t in the group's folder. It fails where DecodeTopic would.
func EncodeTopic(group string, t record.Topic) ([]byte, error) {
	baseline := t.Baseline
	if baseline == nil {
		baseline = map[int32]int64{}
	}
	d := topicDocument{
		V: Version, Group: group, Topic: t.Name, TopicID: t.TopicID, ClusterID: t.ClusterID,
		Partitions: &t.Partitions, Baseline: baseline, Start: t.Start, Revision: t.Revision,
		CreatedAt: t.CreatedAt.UTC(),
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return json.Marshal(d)
}

// EncodeEntry is the document of e. It fails where DecodeEntry would.
func EncodeEntry(e record.Entry) ([]byte, error) {
	d := entryDocument{
		V: Version, Offset: &e.Offset, LeaderEpoch: &e.LeaderEpoch, TopicID: e.TopicID, Owner: e.Owner,
		Epoch: e.Epoch, Paused: e.Paused, PausedBy: e.PausedBy, PausedAt: e.PausedAt.UTC(), CommittedAt: e.CommittedAt.UTC(),
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	return json.Marshal(d)
}

// DecodeTopic reads the document of topic found under key; a *record.BadKeyError if it can't be
// used. Fields it does not know are ignored. Times come back in UTC.
func DecodeTopic(topic, key string, value []byte, index uint64) (record.Topic, error) {
	var d topicDocument
	if err := decode(value, &d); err != nil {
		return record.Topic{}, &record.BadKeyError{Key: key, Reason: err.Error()}
	}
	if err := d.check(); err != nil {
		return record.Topic{}, &record.BadKeyError{Key: key, Reason: err.Error()}
	}
	return record.Topic{
		Name: topic, TopicID: d.TopicID, ClusterID: d.ClusterID, Partitions: *d.Partitions, Baseline: d.Baseline,
		Start: d.Start, Revision: d.Revision, CreatedAt: d.CreatedAt.UTC(), Index: index,
	}, nil
}

func (d *topicDocument) check() error {
	switch {
	case d.Partitions == nil:
		return fmt.Errorf("has no partitions")
	case *d.Partitions < 0:
		return fmt.Errorf("has the negative number of partitions %d", *d.Partitions)
	case d.Baseline == nil:
		// Without it every partition would look as if it had been added later and start at the log start.
		return fmt.Errorf("has no baseline")
	}
	for p, o := range d.Baseline {
		if p < 0 || o < 0 {
			return fmt.Errorf("has the impossible baseline %d of partition %d", o, p)
		}
	}
	return nil
}

// DecodeEntry reads the document of p found under key. What can't be used comes back with Bad set.
// Fields it does not know are ignored. Times come back in UTC.
func DecodeEntry(p record.TopicPartition, key string, value []byte, index uint64) record.Entry {
	var d entryDocument
	err := decode(value, &d)
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return record.Entry{TopicPartition: p, Index: index, Bad: &record.BadKeyError{Key: key, Reason: err.Error()}}
	}
	e := record.Entry{
		TopicPartition: p, Offset: *d.Offset, LeaderEpoch: -1, TopicID: d.TopicID, Owner: d.Owner, Epoch: d.Epoch,
		Paused: d.Paused, PausedBy: d.PausedBy, PausedAt: d.PausedAt.UTC(), CommittedAt: d.CommittedAt.UTC(), Index: index,
	}
	if d.LeaderEpoch != nil {
		e.LeaderEpoch = *d.LeaderEpoch
	}
	return e
}

func (d *entryDocument) check() error {
	switch {
	case d.Offset == nil:
		return fmt.Errorf("has no offset")
	case *d.Offset < 0:
		return fmt.Errorf("has the negative offset %d", *d.Offset)
	case d.Epoch < 0:
		return fmt.Errorf("has the negative epoch %d", d.Epoch)
	}
	return nil
}

// decode reads the version alone first: in a newer document the other fields may have other types,
// and "newer" says more than "can't be decoded".
func decode(value []byte, into any) error {
	var head struct {
		V *int `json:"v"`
	}
	if err := json.Unmarshal(value, &head); err != nil {
		return fmt.Errorf("can't be decoded: %w", err)
	}
	switch {
	case head.V == nil:
		return fmt.Errorf("has no version")
	case *head.V > Version:
		return fmt.Errorf("has version %d, written by a newer sidecar; this one understands %d", *head.V, Version)
	case *head.V < 1:
		return fmt.Errorf("has the unknown version %d", *head.V)
	}
	if err := json.Unmarshal(value, into); err != nil {
		return fmt.Errorf("can't be decoded: %w", err)
	}
	return nil
}
