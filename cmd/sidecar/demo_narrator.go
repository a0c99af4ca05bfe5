package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// demoNarrator tells the story: plain words, the checks with their outcome, the figures.
type demoNarrator struct {
	painter
	out    io.Writer
	began  time.Time
	checks int
	failed int
}

func newDemoNarrator(out io.Writer) *demoNarrator {
	return &demoNarrator{painter: newPainter(out), out: out, began: time.Now()}
}

func (n *demoNarrator) line(text string) { fmt.Fprintln(n.out, text) }

// title opens an act.
func (n *demoNarrator) title(text string) {
	n.line("")
	n.line(n.paint(styleBold, text))
}

// say is one sentence of the story, with the seconds since the beginning.
func (n *demoNarrator) say(format string, args ...any) {
	at := fmt.Sprintf("%5.1f s", time.Since(n.began).Seconds())
	n.line(n.paint(styleDim, at) + "  " + fmt.Sprintf(format, args...))
}

// show is a detail below a sentence.
func (n *demoNarrator) show(name, text string) {
	n.line("         " + n.paint(styleDim, fmt.Sprintf("%-15s %s", name, text)))
}

// check is a claim and whether it holds; the detail is what was found instead.
func (n *demoNarrator) check(holds bool, claim, detail string, args ...any) {
	n.checks++
	if holds {
		n.line("     " + n.paint(styleGreen, "ok") + "  " + claim)
		return
	}
	n.failed++
	n.line("   " + n.paint(styleRed, "FAIL") + "  " + claim + ": " + fmt.Sprintf(detail, args...))
}

// figures closes an act. A number that should be 0 and is not stands out.
func (n *demoNarrator) figures(f demoFigures) {
	n.line("")
	columns := []struct {
		name  string
		value int
	}{{"produced", f.produced}, {"acknowledged", f.acknowledged}, {"lost", f.lost}, {"repeated", f.repeated}}
	var head, row strings.Builder
	for _, c := range columns {
		width := len(c.name) + 4
		fmt.Fprintf(&head, "%*s", width, c.name)
		cell := fmt.Sprintf("%*d", width, c.value)
		if c.name == "lost" {
			style := styleGreen
			if c.value != 0 {
				style = styleRed
			}
			cell = n.paint(style, cell)
		}
		row.WriteString(cell)
	}
	n.line("     " + n.paint(styleDim, head.String()))
	n.line("     " + row.String())
}
