package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// start is the start policy: a word, a time, or a map of offsets as Spark writes it.
type start struct{ p *relay.Start }

const startForms = `latest, earliest, committed, an RFC 3339 time or a map such as {"orders":{"0":23}}`

// fromText reads a map that stands in one text. JSON is YAML, so both are read the same way.
func (c start) fromText(s string) *yaml.Node {
	if !strings.HasPrefix(strings.TrimSpace(s), "{") {
		return scalarNode(s)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(s), &doc); err != nil || len(doc.Content) != 1 {
		return scalarNode(s)
	}
	return doc.Content[0]
}

func (c start) set(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		n = c.fromText(n.Value)
	}
	if n.Kind == yaml.MappingNode {
		offsets, err := startMap(n)
		if err == nil {
			c.p.Policy, c.p.Map = "map", offsets
		}
		return err
	}
	s, err := scalar(n, startForms)
	if err != nil {
		return err
	}
	switch s {
	case "latest", "earliest", "committed":
		c.p.Policy = s
		return nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return fmt.Errorf("must be %s (got %s)", startForms, shown(s))
	}
	c.p.Policy, c.p.Time = "time", t
	return nil
}

func startMap(n *yaml.Node) (map[string]map[int32]int64, error) {
	if len(n.Content) == 0 {
		return nil, errors.New("must name a topic (got an empty map)")
	}
	out := map[string]map[int32]int64{}
	for topic, parts := range pairs(n) {
		if topicName(topic.Value) != nil || parts.Kind != yaml.MappingNode {
			return nil, fmt.Errorf(`must have a map of partitions for each topic, {"orders":{"0":23}} (at topic %s); start.fallback is a key of its own`, shown(topic.Value))
		}
		if _, twice := out[topic.Value]; twice {
			return nil, fmt.Errorf("must not name a topic twice (got %s twice)", topic.Value)
		}
		offsets := map[int32]int64{}
		for partition, offset := range pairs(parts) {
			p, err1 := strconv.ParseInt(partition.Value, 10, 32)
			o, err2 := strconv.ParseInt(offset.Value, 10, 64)
			if err1 != nil || err2 != nil || p < 0 || o < -2 || offset.Kind != yaml.ScalarNode {
				return nil, fmt.Errorf("must have partition numbers and offsets from -2 on (at topic %s, partition %s)", topic.Value, shown(partition.Value))
			}
			if _, twice := offsets[int32(p)]; twice {
				return nil, fmt.Errorf("must not name a partition twice (at topic %s, partition %d)", topic.Value, p)
			}
			offsets[int32(p)] = o
		}
		out[topic.Value] = offsets
	}
	return out, nil
}

// pairs goes over the keys and values of a map, aliases followed.
func pairs(n *yaml.Node) func(yield func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(resolve(n.Content[i]), resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

func (c start) yaml() string {
	if c.p.Policy != "map" {
		return c.p.String()
	}
	var topics []string
	for _, topic := range slices.Sorted(maps.Keys(c.p.Map)) {
		var parts []string
		for _, p := range slices.Sorted(maps.Keys(c.p.Map[topic])) {
			parts = append(parts, fmt.Sprintf(`"%d":%d`, p, c.p.Map[topic][p]))
		}
		topics = append(topics, fmt.Sprintf("%q:{%s}", topic, strings.Join(parts, ",")))
	}
	return "{" + strings.Join(topics, ",") + "}"
}

// assignment is group, all, or a list of partitions.
type assignment struct{ p *relay.Assignment }

const assignmentForms = "group, all or a list of partitions such as [0,1,2]"

func (c assignment) fromText(s string) *yaml.Node {
	s = strings.TrimSpace(s)
	if s == "" || s[0] != '[' && (s[0] < '0' || s[0] > '9') {
		return scalarNode(s)
	}
	return list{}.fromText(s)
}

func (c assignment) set(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		n = c.fromText(n.Value)
	}
	if n.Kind != yaml.SequenceNode {
		s, err := scalar(n, assignmentForms)
		if err == nil && s != "group" && s != "all" {
			err = fmt.Errorf("must be %s (got %s)", assignmentForms, shown(s))
		}
		if err == nil {
			*c.p = relay.Assignment{Mode: s}
		}
		return err
	}
	var partitions []int32
	for _, item := range n.Content {
		p, err := strconv.ParseInt(resolve(item).Value, 10, 32)
		if err != nil || p < 0 {
			return fmt.Errorf("must be %s (got %s in the list)", assignmentForms, shown(resolve(item).Value))
		}
		if slices.Contains(partitions, int32(p)) {
			return fmt.Errorf("must not name a partition twice (got %d twice)", p)
		}
		partitions = append(partitions, int32(p))
	}
	if len(partitions) == 0 {
		return errors.New("must not be an empty list")
	}
	*c.p = relay.Assignment{Mode: "list", Partitions: partitions}
	return nil
}

func (c assignment) yaml() string {
	if c.p.Mode != "list" {
		return c.p.Mode
	}
	return strings.ReplaceAll(fmt.Sprint(c.p.Partitions), " ", ", ")
}
