package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// noOffset is the line of a source that has brought nothing yet.
const noOffset = "-"

// javaMagic begins what Java's own serialisation has written.
var javaMagic = []byte{0xac, 0xed}

// offsetLog is a file of offsets/: "v1", a line of metadata, a line per source.
type offsetLog struct {
	path    string
	sources []string
}

// firstSource is the number of the line of source 0.
const firstSource = 3

func readOffsetLog(path string) (offsetLog, error) {
	data, err := readFile(path)
	if err != nil {
		return offsetLog{}, err
	}
	sources, err := parseOffsetLog(data)
	if err != nil {
		return offsetLog{}, fmt.Errorf("%s: %w", path, err)
	}
	return offsetLog{path: path, sources: sources}, nil
}

// parseOffsetLog returns the lines of the sources.
func parseOffsetLog(data []byte) ([]string, error) {
	if err := checkVersion(data); err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	if len(lines) < firstSource {
		return nil, fmt.Errorf("%d lines: the file is cut, a line of metadata and one for each source follow the version", len(lines))
	}
	// Without the check a lost line would make an offset pass for the metadata, and the sources move up by one.
	if metadata := strings.TrimSpace(lines[1]); metadata != "" && !isMetadata(metadata) {
		return nil, fmt.Errorf("line 2: %s is no metadata of a batch", shown(metadata))
	}
	return lines[firstSource-1:], nil
}

// checkVersion is nil when the first line is "v1".
func checkVersion(data []byte) error {
	switch {
	case len(data) == 0:
		return errors.New("it is empty: the file is cut")
	case bytes.HasPrefix(data, javaMagic):
		return errors.New("it is Java serialisation (AC ED), as Spark 2.0 wrote it: only the classes of that Spark can read it")
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	version := strings.TrimSuffix(string(line), "\r")
	if version == "v1" {
		return nil
	}
	if isVersion(version) {
		return fmt.Errorf("line 1: version %s, only v1 is understood: put the JSON of the source's line into a file and import that as json", shown(version))
	}
	return fmt.Errorf("line 1: %s instead of the version, v1", shown(version))
}

func isVersion(s string) bool {
	digits, ok := strings.CutPrefix(s, "v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// isMetadata says whether a line is an object with what Spark writes about a batch, since 2.1.0.
func isMetadata(line string) bool {
	var metadata struct{ BatchTimestampMs *int64 }
	return json.Unmarshal([]byte(line), &metadata) == nil && metadata.BatchTimestampMs != nil
}

// offsets are those of source i.
func (l offsetLog) offsets(i int) (Offsets, error) {
	o := newOffsets()
	if err := o.addJSON([]byte(l.sources[i]), firstSource+i, 0); err != nil {
		return Offsets{}, fmt.Errorf("%s: source %d is not of Kafka, or damaged: %w", l.path, i, err)
	}
	if len(o.Next) == 0 {
		return Offsets{}, fmt.Errorf("%s: line %d: source %d has no partitions", l.path, firstSource+i, i)
	}
	return o, nil
}

// describe says what the sources are, for people.
func (l offsetLog) describe() []string {
	var all []string
	for i, line := range l.sources {
		what := "another kind of source"
		o := newOffsets()
		if line == noOffset {
			what = "no data yet"
		} else if o.addJSON([]byte(line), firstSource+i, 0) == nil {
			what = "topics " + strings.Join(o.topics(), " ")
		}
		all = append(all, fmt.Sprintf("source %d (%s)", i, what))
	}
	return all
}

// checkCommit looks at a file of commits/. Its existence says that the batch is done; what stands in it is about state.
// Version 2 is that of Spark 4 with a newer format of state.
func checkCommit(path string) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	switch version := strings.TrimSuffix(string(line), "\r"); {
	case version == "v1" || version == "v2":
		return nil
	case isVersion(version):
		return fmt.Errorf("%s: line 1: version %s, only v1 and v2 are understood", path, shown(version))
	default:
		return fmt.Errorf("%s: line 1: %s instead of the version: it can't be seen whether the batch was done", path, shown(version))
	}
}

// readBeginning reads where a source began.
func readBeginning(path string) (Offsets, error) {
	data, err := readFile(path)
	if err != nil {
		return Offsets{}, err
	}
	o, err := parseBeginning(data)
	if err != nil {
		return Offsets{}, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// parseBeginning reads sources/<i>/0: a 0 byte, "v1", the JSON. Spark 2.1.0 wrote the low byte of the JSON's length and the
// JSON; the 0 byte stands in its place (SPARK-19517).
func parseBeginning(data []byte) (Offsets, error) {
	if len(data) == 0 {
		return Offsets{}, errors.New("it is empty: the file is cut")
	}
	mark, text, line := data[0], data[1:], 1
	switch {
	case bytes.HasPrefix(text, []byte("v")):
		if mark != 0 {
			return Offsets{}, fmt.Errorf("byte 1 is %d instead of 0", mark)
		}
		if err := checkVersion(text); err != nil {
			return Offsets{}, err
		}
		_, text, _ = bytes.Cut(text, []byte("\n"))
		line = 2
	case mark != 0 && mark != byte(len(text)):
		return Offsets{}, fmt.Errorf("byte 1 is %d: neither 0 nor the length of what follows, as Spark 2.1.0 wrote it (%d)", mark, byte(len(text)))
	}
	o := newOffsets()
	if err := o.addJSON(text, line, 0); err != nil {
		return Offsets{}, fmt.Errorf("not of Kafka, or damaged: %w", err)
	}
	return o.complete()
}

// readFile reads a whole file, of the size that a list of offsets may have.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	if !info.Mode().IsRegular() { // to open a pipe would wait for its writer
		return nil, fmt.Errorf("%s is no file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s is longer than %d MiB: that is no list of offsets", path, maxSize>>20)
	}
	return data, nil
}
