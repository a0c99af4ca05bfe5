package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// chosenTopic is a topic, or some of its partitions.
type chosenTopic struct {
	name  string
	parts []int32 // nil = all
}

// topicsFlag is what --topic names: T or T:0,1 each time.
type topicsFlag []chosenTopic

func (f *topicsFlag) set(s string) error {
	name, list, some := strings.Cut(s, ":")
	if err := topicName(name); err != nil {
		return err
	}
	if slices.ContainsFunc(*f, func(t chosenTopic) bool { return t.name == name }) {
		return fmt.Errorf("names %s a second time: put its partitions into one, %s:0,1", name, name)
	}
	t := chosenTopic{name: name}
	if some {
		for item := range strings.SplitSeq(list, ",") {
			p, err := strconv.ParseInt(strings.TrimSpace(item), 10, 32)
			if err != nil || p < 0 {
				return fmt.Errorf("must have partition numbers after the colon, such as %s:0,1 (got %s)", name, shown(item))
			}
			t.parts = append(t.parts, int32(p))
		}
	}
	*f = append(*f, t)
	return nil
}

func (f topicsFlag) names() []string {
	names := make([]string, len(f))
	for i, t := range f {
		names[i] = t.name
	}
	return names
}

// or is what --topic names, and without it all of the topics given.
func (f topicsFlag) or(topics []string) []chosenTopic {
	if len(f) > 0 {
		return f
	}
	all := make([]chosenTopic, len(topics))
	for i, name := range topics {
		all[i].name = name
	}
	return all
}

// whole refuses partitions, for a command that takes topics only.
func (f topicsFlag) whole() error {
	for _, t := range f {
		if t.parts != nil {
			return errors.New("--topic must be a topic without partitions here (got " + t.name + ":…)")
		}
	}
	return nil
}
