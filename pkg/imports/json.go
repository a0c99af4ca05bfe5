package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// addJSON adds the partitions of {"topic":{"0":23}}. line is the number of data's first line in its file, lowest the
// smallest offset allowed.
//
// It walks the tokens, for a map would hide a topic or partition that is there twice.
func (o *Offsets) addJSON(data []byte, line int, lowest int64) error {
	if err := checkSyntax(data, line); err != nil {
		return err
	}
	w := walker{Decoder: json.NewDecoder(bytes.NewReader(data)), data: data, line: line}
	w.UseNumber()
	if err := w.open(`an object of topics, {"topic":{"0":23}}`); err != nil {
		return w.at(err)
	}
	topics := map[string]bool{}
	for w.More() {
		topic := w.key()
		err := checkTopic(topic)
		if err == nil && topics[topic] {
			err = fmt.Errorf("topic %s is there twice", topic)
		}
		topics[topic] = true
		if err == nil {
			err = o.addTopic(&w, topic, lowest)
		}
		if err != nil {
			return w.at(err)
		}
	}
	return nil
}

// addTopic adds the partitions of one topic.
func (o *Offsets) addTopic(w *walker, topic string, lowest int64) error {
	if err := w.open(`an object of partitions, {"0":23}`); err != nil {
		return fmt.Errorf("topic %s: %w", topic, err)
	}
	if !w.More() {
		return fmt.Errorf("topic %s has no partitions", topic)
	}
	for w.More() {
		key := w.key()
		partition, err := parsePartition(key)
		if err != nil {
			return fmt.Errorf("topic %s: %w", topic, err)
		}
		offset, err := parseOffset(w.scalar(), lowest)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", topic, key, err)
		}
		if err := o.put(record.TopicPartition{Topic: topic, Partition: partition}, offset); err != nil {
			return err
		}
	}
	w.token() // the end of the object
	return nil
}

// checkSyntax refuses what is no JSON, or more than one value.
func checkSyntax(data []byte, line int) error {
	var all json.RawMessage
	err := json.Unmarshal(data, &all)
	if err == nil {
		return nil
	}
	if at := (*json.SyntaxError)(nil); errors.As(err, &at) {
		before := data[:min(int(at.Offset), len(data))]
		last := bytes.LastIndexByte(before[:max(0, len(before)-1)], '\n')
		return fmt.Errorf("line %d, column %d: no JSON: %w", line+bytes.Count(before[:last+1], []byte("\n")), len(before)-last-1, at)
	}
	return fmt.Errorf("line %d: no JSON: %w", line, err)
}

// walker goes through the tokens of data, which is JSON.
type walker struct {
	*json.Decoder
	data []byte
	line int // number of the first line
}

// at adds the line to err.
func (w *walker) at(err error) error {
	return fmt.Errorf("line %d: %w", w.line+bytes.Count(w.data[:w.InputOffset()], []byte("\n")), err)
}

// token is the next one. There is one: checkSyntax has seen data.
func (w *walker) token() json.Token {
	t, _ := w.Token()
	return t
}

func (w *walker) key() string {
	key, _ := w.token().(string) // the key of an object always is
	return key
}

// scalar is the text of a number, of anything else as JSON writes it, of an object or array its first bracket.
func (w *walker) scalar() string {
	switch t := w.token().(type) {
	case json.Number:
		return t.String()
	case json.Delim:
		return t.String()
	case string:
		return strconv.Quote(t)
	case bool:
		return strconv.FormatBool(t)
	default:
		return "null"
	}
}

// open steps into an object.
func (w *walker) open(what string) error {
	if found := w.scalar(); found != "{" {
		return fmt.Errorf("%s instead of %s", shown(found), what)
	}
	return nil
}
