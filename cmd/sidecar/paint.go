package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// painter colours text for people; false leaves it as it is.
type painter bool

// newPainter colours on a terminal, unless the variable NO_COLOR asks not to.
func newPainter(out io.Writer) painter {
	return painter(isTerminal(out) && os.Getenv("NO_COLOR") == "")
}

func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

const (
	styleBold   = "1"
	styleDim    = "2"
	styleRed    = "1;31"
	styleGreen  = "32"
	styleYellow = "33"
)

func (p painter) paint(style, text string) string {
	if !p || style == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}
