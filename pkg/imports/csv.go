package imports

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

var (
	columns          = []string{"topic", "partition", "offset"}
	columnsWithGroup = append([]string{"group"}, columns...)
)

// parseCSV reads lines of three or four fields, all of the same number.
func parseCSV(data []byte) (Offsets, error) {
	o, group := newOffsets(), ""
	lines := csv.NewReader(bytes.NewReader(data))
	lines.FieldsPerRecord = -1 // checked here, with a better message
	lines.ReuseRecord = true
	width := 0 // of the first line
	for {
		fields, err := lines.Read()
		if errors.Is(err, io.EOF) {
			return o.complete()
		}
		if err != nil {
			return Offsets{}, csvError(err)
		}
		line, _ := lines.FieldPos(0)
		trim(fields)
		first := width == 0
		if err := checkWidth(fields, &width); err != nil {
			return Offsets{}, fmt.Errorf("line %d: %w", line, err)
		}
		if first && isHeader(fields) {
			continue
		}
		if err := o.addLine(fields, &group); err != nil {
			return Offsets{}, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

// csvError is the error of the parser without its own prefix; it names line and column.
func csvError(err error) error {
	if at := (*csv.ParseError)(nil); errors.As(err, &at) {
		return fmt.Errorf("line %d, column %d: %w", at.Line, at.Column, at.Err)
	}
	return err
}

func trim(fields []string) {
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
}

// checkWidth takes the width of the first line for that of all.
func checkWidth(fields []string, width *int) error {
	if *width == 0 && (len(fields) == len(columns) || len(fields) == len(columnsWithGroup)) {
		*width = len(fields)
	}
	if *width == 0 {
		return fmt.Errorf("%d fields (%s) instead of %s", len(fields), shown(strings.Join(fields, ",")), strings.Join(columns, ","))
	}
	if len(fields) != *width {
		return fmt.Errorf("%d fields (%s) instead of %d", len(fields), shown(strings.Join(fields, ",")), *width)
	}
	return nil
}

func isHeader(fields []string) bool {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = strings.ToLower(f)
	}
	return slices.Equal(names, columns) || slices.Equal(names, columnsWithGroup)
}

// addLine adds one line. group is that of the lines before, "" at first.
func (o *Offsets) addLine(fields []string, group *string) error {
	if len(fields) == len(columnsWithGroup) {
		if err := sameGroup(group, fields[0]); err != nil {
			return err
		}
		fields = fields[1:]
	}
	if err := checkTopic(fields[0]); err != nil {
		return fmt.Errorf("field topic: %w", err)
	}
	partition, err := parsePartition(fields[1])
	if err != nil {
		return fmt.Errorf("field partition: %w", err)
	}
	offset, err := parseOffset(fields[2], Earliest)
	if err != nil {
		return fmt.Errorf("field offset: %w", err)
	}
	return o.put(record.TopicPartition{Topic: strings.Clone(fields[0]), Partition: partition}, offset)
}

// sameGroup refuses lines of a second group: whose offsets are meant is not for this package to choose.
func sameGroup(group *string, found string) error {
	switch {
	case found == "":
		return errors.New("field group: it is empty")
	case *group == "":
		*group = strings.Clone(found)
	case *group != found:
		return fmt.Errorf("field group: lines of %s and of %s: keep those of one group", shown(*group), shown(found))
	}
	return nil
}
