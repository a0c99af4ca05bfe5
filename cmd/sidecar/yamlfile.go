package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// yamlFile finds the known keys in one file. Keys may be nested or dotted, in any mixture.
type yamlFile struct {
	name     string // for people
	table    map[string]key
	values   map[string]given
	lines    map[string]int // where a key was seen first
	problems configError
}

// readYAML adds what a file gives to values.
func readYAML(path string, data []byte, table map[string]key, values map[string]given) configError {
	f := &yamlFile{name: filepath.Base(path), table: table, values: values, lines: map[string]int{}}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	err := decoder.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return configError{{text: fmt.Sprintf("%s is no valid YAML: %s", f.name, strings.TrimPrefix(err.Error(), "yaml: "))}}
	case !errors.Is(decoder.Decode(&more), io.EOF):
		return configError{{text: f.name + " must hold one YAML document (there is something after the first)"}}
	}
	root := resolve(doc.Content[0])
	if root.Kind == yaml.MappingNode {
		f.walk("", root)
	} else if root.ShortTag() != "!!null" {
		f.add("", root, "must be a map of settings, such as group: billing")
	}
	return f.problems
}

func (f *yamlFile) place(n *yaml.Node) string { return fmt.Sprintf("%s:%d", f.name, n.Line) }

func (f *yamlFile) add(path string, n *yaml.Node, text string) {
	f.problems = append(f.problems, problem{path, text, f.place(n)})
}

// walk goes through one section. It ends on every input: an alias that holds itself leads to a path
// that no key begins with.
func (f *yamlFile) walk(section string, n *yaml.Node) {
	for name, value := range pairs(n) {
		path := name.Value
		if section != "" {
			path = section + "." + path
		}
		if name.Kind != yaml.ScalarNode || path == "" {
			f.add(section, name, "has a key that is no text")
			continue
		}
		_, known := f.table[path]
		switch {
		case known:
			f.take(path, name, value)
		case !f.isSection(path):
			p := unknown(path, f.place(name), f.table)
			f.problems = append(f.problems, p)
		case value.Kind == yaml.MappingNode:
			f.walk(path, value)
		case value.Kind != yaml.ScalarNode || value.ShortTag() != "!!null": // a section whose keys are all commented out is fine
			f.add(path, value, "must be a map of settings, such as "+f.anyUnder(path))
		}
	}
}

func (f *yamlFile) take(path string, name, value *yaml.Node) {
	if first, twice := f.lines[path]; twice {
		f.add(path, name, fmt.Sprintf("is set twice, first in line %d", first))
		return
	}
	f.lines[path] = name.Line
	f.values[path] = given{value, f.place(name)}
}

func (f *yamlFile) isSection(path string) bool {
	for k := range f.table {
		if strings.HasPrefix(k, path+".") {
			return true
		}
	}
	return false
}

// anyUnder is an example of what a section holds: the first of its keys by name.
func (f *yamlFile) anyUnder(section string) string {
	least := ""
	for k := range f.table {
		if strings.HasPrefix(k, section+".") && (least == "" || k < least) {
			least = k
		}
	}
	return strings.TrimPrefix(least, section+".") + ": …"
}
