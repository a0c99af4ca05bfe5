package main

import (
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// table is aligned columns for people.
type table struct {
	columns []column
	rows    [][]cell
}

type column struct {
	name  string
	right bool // numbers
}

type cell struct{ text, style string }

// plainCell is a text, or a dash where there is none.
func plainCell(text string) cell {
	if text == "" {
		return cell{text: "-"}
	}
	return cell{text: text}
}

// offsetCell is an offset; a negative one is none.
func offsetCell(n int64) cell {
	if n < 0 {
		return cell{text: "-"}
	}
	return cell{text: strconv.FormatInt(n, 10)}
}

func (t *table) add(row ...cell) { t.rows = append(t.rows, row) }

func (t *table) write(w io.Writer, p painter) error {
	widths := make([]int, len(t.columns))
	head := make([]cell, len(t.columns))
	for i, c := range t.columns {
		head[i] = cell{c.name, styleBold}
	}
	rows := append([][]cell{head}, t.rows...)
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			fill := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text))
			switch {
			case t.columns[i].right:
				line.WriteString(fill + p.paint(c.style, c.text))
			case i == len(row)-1:
				line.WriteString(p.paint(c.style, c.text))
			default:
				line.WriteString(p.paint(c.style, c.text) + fill)
			}
			if i < len(row)-1 {
				line.WriteString("  ")
			}
		}
		if _, err := io.WriteString(w, line.String()+"\n"); err != nil {
			return err
		}
	}
	return nil
}
