package main

import (
	"fmt"
	"io"
	"strings"
)

// writeExample prints every key as YAML that loads: the defaults, and samples where a value is required.
func writeExample(w io.Writer) {
	fmt.Fprintln(w, "# Every setting of the sidecar with its default. Leave out what the default suits.")
	fmt.Fprintln(w, "# Each key is also a variable (kafka.brokers: SIDECAR_KAFKA_BROKERS, lists comma separated) and a flag")
	fmt.Fprintln(w, "# (--set kafka.brokers=…); flags beat variables, which beat this file.")
	var open []string // the sections the key before stood in
	for _, k := range keys(defaults()) {
		parts := strings.Split(k.path, ".")
		if parts[0] == "start" { // start is a value as well as a section: its keys stay dotted
			parts = []string{k.path}
		}
		same := 0
		for same < len(open) && same < len(parts)-1 && open[same] == parts[same] {
			same++
		}
		if same == 0 {
			fmt.Fprintln(w)
		}
		for i := same; i < len(parts)-1; i++ {
			fmt.Fprintf(w, "%s%s:\n", indent(i), parts[i])
		}
		open = parts[:len(parts)-1]
		writeKey(w, indent(len(open)), parts[len(open)], k)
	}
}

func indent(depth int) string { return strings.Repeat("  ", depth) }

func writeKey(w io.Writer, margin, name string, k key) {
	fmt.Fprintf(w, "%s# %s\n", margin, k.doc)
	value := k.codec.yaml()
	what := "Default: " + value
	switch {
	case k.sample != "":
		value, what = k.sample, "Required"
	case value == `""`:
		what = "Default: empty"
	}
	fmt.Fprintf(w, "%s# %s. %s.\n", margin, k.kind(), what)
	fmt.Fprintf(w, "%s%s: %s\n", margin, name, value)
}

// kind says what a value of the key looks like and its bounds.
func (k key) kind() string {
	switch c := k.codec.(type) {
	case span:
		return fmt.Sprintf("duration, %s to %s", duration(c.least), duration(c.most))
	case number:
		return fmt.Sprintf("number, %d to %d", c.least, c.most)
	case size[int]:
		return fmt.Sprintf("bytes, %s to %s", sizeText(c.least), sizeText(c.most))
	case size[int64]:
		return fmt.Sprintf("bytes, %s to %s", sizeText(c.least), sizeText(c.most))
	case boolean:
		return "true or false"
	case choice:
		return c.words()
	case list:
		return strings.TrimSuffix("list of "+k.unit, " of ")
	}
	if k.unit != "" {
		return k.unit
	}
	return "text"
}

// writeShow prints the values in use, secrets redacted, each with where it came from. The output is a
// configuration file, but for the secrets.
func writeShow(w io.Writer, c *configuration) {
	lines := make([]string, len(c.keys))
	width := 0
	for i, k := range c.keys {
		lines[i] = k.path + ": " + k.codec.yaml()
		if len(lines[i]) < 60 {
			width = max(width, len(lines[i]))
		}
	}
	for i, k := range c.keys {
		origin := c.origin[k.path]
		if origin == "" {
			origin = "default"
		}
		fmt.Fprintf(w, "%-*s  # %s\n", width, lines[i], origin)
	}
}
