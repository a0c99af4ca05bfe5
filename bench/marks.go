package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A program that is measured writes a line when its first records came, when half of those it expects have, and when all have.
const (
	markReady = "ready" // paced runs only: from now on nothing that is produced is missed
	markFirst = "first"
	markHalf  = "half"
	markDone  = "done"
)

// mark is such a line.
type mark struct {
	name    string
	records int64 // so far
	at      time.Time
}

func (m mark) write(w io.Writer) {
	fmt.Fprintf(w, "%s %d %d\n", m.name, m.records, m.at.UnixNano())
}

func parseMark(line string) (mark, error) {
	var m mark
	var nanos int64
	if _, err := fmt.Sscanf(line, "%s %d %d", &m.name, &m.records, &nanos); err != nil {
		return m, fmt.Errorf("read the line %q of a program: %w", line, err)
	}
	m.at = time.Unix(0, nanos)
	return m, nil
}

// awaitMark skips lines until the mark comes.
func (c *child) awaitMark(ctx context.Context, name string) (mark, error) {
	for {
		line, err := c.next(ctx)
		if err != nil {
			return mark{}, fmt.Errorf("wait for %q: %w", name, err)
		}
		m, err := parseMark(line)
		if err != nil {
			return m, err
		}
		if m.name == name {
			return m, nil
		}
	}
}

// progress counts records in a program and writes the marks. Not for concurrent use.
type progress struct {
	out    io.Writer
	expect int64 // records in all; 0 = no marks
	seen   int64
}

func (p *progress) add(n int64) {
	before := p.seen
	p.seen += n
	for _, m := range []struct {
		name string
		at   int64
	}{{markFirst, 1}, {markHalf, p.expect / 2}, {markDone, p.expect}} {
		if p.expect > 0 && before < m.at && p.seen >= m.at {
			mark{m.name, p.seen, time.Now()}.write(p.out)
		}
	}
}
