package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// What stands between these lines of a document is the command's.
const (
	beginMark = "<!-- made by bench: begin -->"
	endMark   = "<!-- made by bench: end -->"
)

// report is the text of a run, in Markdown.
func report(o options, cases []benchCase, r results) string {
	return fmt.Sprintf("Made by `%s` on %s/%s with %d cores, %s. Each cell is the minimum, the median and the maximum of %d rounds.\n\n%s\n### Goals\n\n%s",
		o.command(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), o.rounds, tables(cases, r), goalTable(r))
}

// replaceReport puts the text between the marks of a document.
func replaceReport(document, text string) (string, error) {
	before, rest, begins := strings.Cut(document, beginMark)
	_, after, ends := strings.Cut(rest, endMark)
	if !begins || !ends {
		return "", fmt.Errorf("it lacks the lines %s and %s", beginMark, endMark)
	}
	return before + beginMark + "\n\n" + strings.TrimSpace(text) + "\n\n" + endMark + after, nil
}

func writeReport(path, text string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	document, err := replaceReport(string(old), text)
	if err != nil {
		return fmt.Errorf("write the tables to %s: %w", path, err)
	}
	return os.WriteFile(path, []byte(document), 0o644)
}
