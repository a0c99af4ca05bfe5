package docs

import (
	"regexp"
	"strings"
)

// block is a fenced block of a document.
type block struct {
	info string // what stands after the fence: the language, and `server` for a command that does not end
	text string
}

// blocks lists the fenced blocks in order.
func blocks(doc string) []block {
	var all []block
	var open *block
	for line := range strings.Lines(doc) {
		switch {
		case strings.HasPrefix(line, "```") && open == nil:
			open = &block{info: strings.TrimSpace(line[3:])}
		case strings.HasPrefix(line, "```"):
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line
		}
	}
	return all
}

// section is the text from a heading (without its #s) to the next of the same or a higher level.
func section(doc, heading string) string {
	var out strings.Builder
	level := 0
	for line := range strings.Lines(doc) {
		if n := len(line) - len(strings.TrimLeft(line, "#")); n > 0 && line[n] == ' ' {
			switch {
			case level == 0 && strings.TrimSpace(line[n:]) == heading:
				level = n
				continue
			case level > 0 && n <= level:
				return out.String()
			}
		}
		if level > 0 {
			out.WriteString(line)
		}
	}
	return out.String()
}

// rows are the cells of the tables in a text, without their headings.
func rows(text string) [][]string {
	var all [][]string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		if strings.HasPrefix(line, "|--") {
			all = all[:len(all)-1] // the row before was a heading
			continue
		}
		var cells []string
		for _, c := range strings.Split(strings.Trim(line, "|"), " | ") {
			cells = append(cells, strings.TrimSpace(c))
		}
		all = append(all, cells)
	}
	return all
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// spans are the code spans of a text.
func spans(text string) []string {
	var all []string
	for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}
