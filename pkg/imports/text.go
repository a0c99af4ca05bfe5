package imports

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// The formats that Text reads.
const (
	CSV  = "csv"
	JSON = "json"
)

// Text reads offsets as people and tools write them, at most 16 MiB.
//
// CSV are lines "topic,partition,offset" as kafka-consumer-groups --export writes them, with or without a line of these
// names above. With --all-groups or several groups that tool writes "group,topic,partition,offset", which is read when all
// lines are of one group. JSON is Spark's form, {"topic":{"0":23,"1":-2}}. An offset is the next to deliver, Latest or Earliest.
func Text(r io.Reader, format string) (Offsets, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err != nil {
		return Offsets{}, fmt.Errorf("read the offsets: %w", err)
	}
	if data, err = plainText(data); err != nil {
		return Offsets{}, err
	}
	switch format {
	case CSV:
		return parseCSV(data)
	case JSON:
		o := newOffsets()
		if err := o.addJSON(data, 1, Earliest); err != nil {
			return Offsets{}, err
		}
		return o.complete()
	}
	return Offsets{}, fmt.Errorf("the format must be %s or %s (got %s)", CSV, JSON, shown(format))
}

// plainText takes the byte order mark away that Windows tools write, and refuses what is too long, empty or no UTF-8 at all.
func plainText(data []byte) ([]byte, error) {
	switch {
	case len(data) > maxSize:
		return nil, fmt.Errorf("it is longer than %d MiB: that is no list of offsets", maxSize>>20)
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}), bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		return nil, errors.New("it is UTF-16: save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, errors.New("it is empty")
	}
	return data, nil
}
