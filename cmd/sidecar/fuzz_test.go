package main

import (
	"bytes"
	"testing"
)

// FuzzReadYAML: no file makes the loader fail or hang, and a value that is accepted is written by
// `config show` as one that is accepted, too.
func FuzzReadYAML(f *testing.F) {
	var example bytes.Buffer
	writeExample(&example)
	f.Add(example.Bytes())
	for _, s := range []string{minimal, "a: &a [*a]", "kafka: &k {brokers: *k}", "start: {orders: {0: 1}}", "<<: *x", "? {}", "start: '{'", "kafka.brokers: 'a:1,,'", "group: \"\\u0085\"", "assignment: '1'"} {
		f.Add([]byte(s))
	}
	table := map[string]key{}
	for _, k := range keys(defaults()) {
		table[k.path] = k
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c := &configuration{settings: defaults(), origin: map[string]string{}}
		c.keys = keys(c.settings)
		values := map[string]given{}
		_ = readYAML("fuzz.yaml", data, table, values)
		for _, k := range c.keys {
			if v, ok := values[k.path]; ok && k.codec.set(v.node) != nil {
				delete(values, k.path)
			}
		}
		var shown bytes.Buffer
		writeShow(&shown, c)
		again := map[string]given{}
		if problems := readYAML("shown.yaml", shown.Bytes(), table, again); len(problems) > 0 {
			t.Fatalf("%v\n%s", lines(problems), shown.String())
		}
		for _, k := range c.keys {
			if _, set := values[k.path]; !set {
				continue
			}
			if err := k.codec.set(again[k.path].node); err != nil {
				t.Fatalf("%s: %v\n%s", k.path, err, shown.String())
			}
		}
	})
}
