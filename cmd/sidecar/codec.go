package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// codec reads one kind of value into the settings and writes it as YAML. An error of set begins with
// "must" and is for people; it shows what was found, unless that is a secret.
type codec interface {
	set(n *yaml.Node) error
	yaml() string
}

// plain is implemented by codecs whose text form (environment, --set) is not simply a scalar.
type plain interface {
	fromText(s string) *yaml.Node
}

// scalar is the text of a node that must be one value.
func scalar(n *yaml.Node, what string) (string, error) {
	switch {
	case n.Kind == yaml.MappingNode:
		return "", fmt.Errorf("must be %s (got a map)", what)
	case n.Kind == yaml.SequenceNode:
		return "", fmt.Errorf("must be %s (got a list)", what)
	case n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null":
		return "", fmt.Errorf("must be %s (got nothing; leave the key out for the default)", what)
	}
	return n.Value, nil
}

func scalarNode(s string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
}

// text is free text that check agrees with.
type text struct {
	p     *string
	check func(string) error
}

func (c text) set(n *yaml.Node) error {
	s, err := scalar(n, "text")
	if err == nil {
		err = c.check(s)
	}
	if err == nil {
		*c.p = s
	}
	return err
}

func (c text) yaml() string { return quote(redactURL(*c.p)) }

// secretText is text that is never shown.
type secretText struct{ p *secret }

func (c secretText) set(n *yaml.Node) error {
	s, err := scalar(n, "text")
	if err != nil {
		return err
	}
	if strings.ContainsFunc(s, unprintable) {
		return errors.New("must not have line breaks or control characters (the value is not shown)")
	}
	c.p.value = s
	return nil
}

func (c secretText) yaml() string {
	if c.p.value == "" {
		return `""`
	}
	return quote(redacted)
}

// choice is one of some words.
type choice struct {
	p  *string
	of []string
}

func (c choice) words() string {
	var words []string
	for _, w := range c.of {
		if w == "" {
			w = "empty"
		}
		words = append(words, w)
	}
	return oneOf(words)
}

func (c choice) set(n *yaml.Node) error {
	s, err := scalar(n, c.words())
	if err == nil && !slices.Contains(c.of, s) {
		err = fmt.Errorf("must be %s (got %s)", c.words(), shown(s))
	}
	if err == nil {
		*c.p = s
	}
	return err
}

func (c choice) yaml() string { return quote(*c.p) }

// number is a whole number with bounds.
type number struct {
	p           *int
	least, most int
}

func (c number) set(n *yaml.Node) error {
	s, err := scalar(n, "a whole number")
	if err != nil {
		return err
	}
	v, err := strconv.ParseInt(s, 10, 64)
	switch {
	case err != nil:
		return fmt.Errorf("must be a whole number from %d to %d (got %s)", c.least, c.most, shown(s))
	case v < int64(c.least):
		return fmt.Errorf("must be at least %d (got %d)", c.least, v)
	case v > int64(c.most):
		return fmt.Errorf("must be at most %d (got %d)", c.most, v)
	}
	*c.p = int(v)
	return nil
}

func (c number) yaml() string { return strconv.Itoa(*c.p) }

// boolean is true or false.
type boolean struct{ p *bool }

func (c boolean) set(n *yaml.Node) error {
	s, err := scalar(n, "true or false")
	switch {
	case err != nil:
		return err
	case s != "true" && s != "false":
		return fmt.Errorf("must be true or false (got %s)", shown(s))
	}
	*c.p = s == "true"
	return nil
}

func (c boolean) yaml() string { return strconv.FormatBool(*c.p) }

// span is a duration with bounds.
type span struct {
	p           *time.Duration
	least, most time.Duration
}

func (c span) set(n *yaml.Node) error {
	s, err := scalar(n, "a duration such as 500ms, 30s or 5m")
	if err != nil {
		return err
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil:
		return fmt.Errorf("must be a duration such as 500ms, 30s or 5m (got %s)", shown(s))
	case d < c.least:
		return fmt.Errorf("must be at least %s (got %s)", duration(c.least), s)
	case d > c.most:
		return fmt.Errorf("must be at most %s (got %s)", duration(c.most), s)
	}
	*c.p = d
	return nil
}

func (c span) yaml() string { return duration(*c.p) }

// duration writes 5m rather than 5m0s, and 60s rather than 1m: as people write them.
func duration(d time.Duration) string {
	if d == time.Minute {
		return "60s"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// list is a list of texts; comma separated where it is one text.
type list struct {
	p           *[]string
	least, most int
	check       func(string) error
}

func (c list) fromText(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	s = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(s), "["), "]")
	if strings.TrimSpace(s) == "" {
		return n
	}
	for item := range strings.SplitSeq(s, ",") {
		n.Content = append(n.Content, scalarNode(strings.TrimSpace(item)))
	}
	return n
}

func (c list) set(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" {
		n = c.fromText(n.Value)
	}
	if n.Kind != yaml.SequenceNode {
		return errors.New("must be a list such as [a, b]")
	}
	switch {
	case len(n.Content) < c.least:
		return errors.New("must not be empty")
	case len(n.Content) > c.most:
		return fmt.Errorf("must have at most %d items (got %d)", c.most, len(n.Content))
	}
	var items []string
	for _, item := range n.Content {
		s, err := scalar(resolve(item), "a list of texts")
		if err == nil {
			err = c.check(s)
		}
		if err != nil {
			return err
		}
		if slices.Contains(items, s) {
			return fmt.Errorf("must not name one twice (got %s twice)", shown(s))
		}
		items = append(items, s)
	}
	*c.p = items
	return nil
}

func (c list) yaml() string {
	items := make([]string, len(*c.p))
	for i, s := range *c.p {
		items[i] = quote(s)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// resolve follows an alias of YAML.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// quote writes a text as YAML: plain where that reads back as the same text, else in quotes.
func quote(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '.' && r != '-' && r != '_' && r != '/' && r != ':' && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z')
	}) && !strings.HasSuffix(s, ":") && s[0] != '-' && s[0] != ':'
	if plain {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(s), &n); err == nil && len(n.Content) == 1 && n.Content[0].Kind == yaml.ScalarNode && n.Content[0].ShortTag() == "!!str" {
			return s
		}
	}
	return strconv.Quote(s)
}

// shown is a value in a message: cut, on one line, without a password.
func shown(s string) string {
	s = redactURL(s)
	if s == "" {
		return "nothing"
	}
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	if strings.ContainsFunc(s, unprintable) {
		return strconv.Quote(s)
	}
	return s
}

// oneOf joins words as a sentence has them: a, b or c.
func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
