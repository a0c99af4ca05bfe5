package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"time"
)

// delivery is a line of a program in a paced run: when a handler got which records.
type delivery struct {
	partition   int32
	from, until int64
	at          time.Time
}

func (d delivery) write(w io.Writer) {
	fmt.Fprintf(w, "got %d %d %d %d\n", d.partition, d.from, d.until, d.at.UnixNano())
}

func parseDelivery(line string) (delivery, error) {
	var d delivery
	var nanos int64
	if _, err := fmt.Sscanf(line, "got %d %d %d %d", &d.partition, &d.from, &d.until, &nanos); err != nil {
		return d, fmt.Errorf("read the line %q of a program: %w", line, err)
	}
	d.at = time.Unix(0, nanos)
	return d, nil
}

var (
	partitionField = []byte(`"partition":`)
	fromField      = []byte(`"fromOffset":`)
	untilField     = []byte(`"untilOffset":`)
)

// eachRange calls fn with the ranges of a body, in either format, without parsing it: in a string of a record these names have
// backslashes before their quotes, and the bench's own values have no such names.
func eachRange(body []byte, fn func(partition int32, from, until int64)) {
	for {
		partition, rest, ok := number(body, partitionField)
		if !ok {
			return
		}
		from, rest, ok := number(rest, fromField)
		if !ok {
			return
		}
		until, rest, ok := number(rest, untilField)
		if !ok {
			return
		}
		fn(int32(partition), from, until)
		body = rest
	}
}

// number is the number after the first name in b, and what follows.
func number(b, name []byte) (n int64, rest []byte, ok bool) {
	at := bytes.Index(b, name)
	if at < 0 {
		return 0, nil, false
	}
	b = b[at+len(name):]
	end := 0
	for end < len(b) && b[end] >= '0' && b[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(string(b[:end]), 10, 64)
	return n, b[end:], err == nil
}
