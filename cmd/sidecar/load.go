package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	envPrefix = "SIDECAR_"
	envConfig = envPrefix + "CONFIG"
)

// sources is where the configuration comes from, weakest first: file, environ, sets.
type sources struct {
	file    string   // "" = SIDECAR_CONFIG, and without that none
	environ []string // NAME=value
	sets    []string // path=value; the last of a path wins
}

// given is one value as a source has it.
type given struct {
	node  *yaml.Node
	place string // file and line, variable or flag
}

// configuration is the settings in use and where each came from.
type configuration struct {
	*settings
	keys     []key
	origin   map[string]string // path → place; absent = the default
	warnings []string
}

// problem is one thing that is wrong.
type problem struct {
	path  string // of the key; "" = of a source as a whole
	text  string
	place string // "" = it is about what is not there, or about several
}

func (p problem) String() string {
	s := p.text
	if p.path != "" {
		s = p.path + ": " + s
	}
	if p.place != "" {
		s += " [" + p.place + "]"
	}
	return s
}

// configError is every problem of the configuration. The command ends with 2.
type configError []problem

func (e configError) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = "  " + p.String()
	}
	return "the configuration can't be used:\n" + strings.Join(lines, "\n")
}

// or is nil when there is no problem, so that it can be returned as an error.
func (e configError) or() error {
	if len(e) == 0 {
		return nil
	}
	return e
}

// load reads all sources, decodes the strongest value of each key and reports all problems at once.
// The configuration is there even with problems, to be shown; only after finish can it be used.
func load(from sources) (*configuration, configError) {
	s := defaults()
	c := &configuration{settings: s, keys: keys(s), origin: map[string]string{}}
	values, problems := c.gather(from)
	for _, k := range c.keys {
		v, ok := values[k.path]
		if !ok {
			continue
		}
		c.origin[k.path] = v.place
		if err := k.codec.set(v.node); err != nil {
			problems = append(problems, problem{k.path, err.Error(), v.place})
		}
	}
	return c, problems
}

// gather finds the strongest value of each key.
func (c *configuration) gather(from sources) (map[string]given, configError) {
	values := map[string]given{}
	var problems configError
	table := map[string]key{}
	for _, k := range c.keys {
		table[k.path] = k
	}
	file := cmp.Or(from.file, lookup(from.environ, envConfig))
	if file != "" {
		data, err := readConfig(file)
		if err != nil {
			problems = append(problems, problem{text: err.Error()})
		}
		problems = append(problems, readYAML(file, data, table, values)...)
	}
	problems = append(problems, readEnviron(from.environ, c.keys, values)...)
	problems = append(problems, readSets(from.sets, table, values)...)
	return values, problems
}

// maxConfig bounds the file, in bytes.
const maxConfig = 1 << 20

func readConfig(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxConfig {
		err = errors.New("it is above 1MiB")
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the configuration file: %w", err)
	}
	return data, nil
}

// lookup finds a variable; "" = not set.
func lookup(environ []string, name string) string {
	for _, e := range environ {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

// node is a value that was given as text.
func (k key) node(s string) *yaml.Node {
	if p, ok := k.codec.(plain); ok {
		return p.fromText(s)
	}
	return scalarNode(s)
}

// readSets reads --set path=value.
func readSets(sets []string, table map[string]key, values map[string]given) configError {
	var problems configError
	for _, set := range sets {
		path, value, ok := strings.Cut(set, "=")
		k, known := table[path]
		switch {
		case !ok: // the text may be a secret
			problems = append(problems, problem{text: "--set must be path=value, for example --set kafka.topics=orders"})
		case !known:
			problems = append(problems, unknown(path, "--set", table))
		default:
			values[path] = given{k.node(value), "--set"}
		}
	}
	return problems
}

// readEnviron reads the variables that begin with SIDECAR_.
func readEnviron(environ []string, all []key, values map[string]given) configError {
	byName := map[string]key{}
	for _, k := range all {
		byName[k.env()] = k
	}
	environ = slices.Clone(environ)
	slices.Sort(environ)
	var problems configError
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, envPrefix) || name == envConfig || serviceLink.MatchString(name) {
			continue
		}
		k, known := byName[name]
		if !known {
			problems = append(problems, problem{text: name + ": unknown variable" + didYouMean(nearest(name, byName))})
			continue
		}
		values[k.path] = given{k.node(value), name}
	}
	return problems
}
