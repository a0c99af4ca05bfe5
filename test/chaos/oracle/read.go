package oracle

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Run is everything that was logged of one run.
type Run struct {
	Frame
	Produced []Produced
	Content  []Content
	Apps     [][]AppLine // one log per app process
	Writes   []Write
	Letters  []Letter
	Faults   []Fault
	Marks    []Mark
	Events   []Event
	Samples  []Sample
}

// Line is a value as it stands in a log, with the line's end, to be written at once.
func Line(v any) ([]byte, error) {
	line, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return append(line, '\n'), nil
}

// Read decodes the logs in a folder. A last line without its end was torn by a kill and is left out; anything else
// that is wrong is an error with file and line. Logs that nothing was written to must be there and be empty.
func Read(dir string) (*Run, error) {
	r := &Run{}
	frame, err := os.ReadFile(filepath.Join(dir, FrameFile))
	if err != nil {
		return nil, err
	}
	if err := decode(frame, &r.Frame); err != nil {
		return nil, fmt.Errorf("%s: %w", FrameFile, err)
	}
	apps, err := filepath.Glob(filepath.Join(dir, AppLogs))
	if err != nil {
		return nil, err
	}
	for _, path := range apps {
		var log []AppLine
		if err := readLines(path, &log); err != nil {
			return nil, err
		}
		if len(log) > 0 { // killed before its first line was whole
			r.Apps = append(r.Apps, log)
		}
	}
	err = errors.Join(
		readLines(filepath.Join(dir, ProducerLog), &r.Produced),
		readLines(filepath.Join(dir, ContentLog), &r.Content),
		readLines(filepath.Join(dir, StoreLog), &r.Writes),
		readLines(filepath.Join(dir, LetterLog), &r.Letters),
		readLines(filepath.Join(dir, FaultLog), &r.Faults),
		readLines(filepath.Join(dir, MarkLog), &r.Marks),
		readLines(filepath.Join(dir, EventLog), &r.Events),
		readLines(filepath.Join(dir, SampleLog), &r.Samples),
	)
	if err != nil {
		return nil, err
	}
	return r, r.check()
}

// readLines appends the lines of a file to log.
func readLines[T any](path string, log *[]T) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<20)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what stands in line is torn
		}
		if err != nil {
			return err
		}
		var v T
		if err := decode(line, &v); err != nil {
			return fmt.Errorf("%s:%d: %w", filepath.Base(path), n, err)
		}
		*log = append(*log, v)
	}
}

// decode takes one JSON value with known fields only.
func decode(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value in a line")
	}
	return nil
}

// check finds lines that can't be, whoever wrote them.
func (r *Run) check() error {
	for i := range r.Produced {
		p := &r.Produced[i]
		if err := p.Records.check(); err != nil {
			return fmt.Errorf("%s: %s/%d: %w", ProducerLog, p.Topic, p.Partition, err)
		}
	}
	for i := range r.Content {
		c := &r.Content[i]
		if err := errors.Join(c.Records.check(), c.Aborted.check()); err != nil {
			return fmt.Errorf("%s: %s/%d: %w", ContentLog, c.Topic, c.Partition, err)
		}
	}
	if r.Group == "" || len(r.Topics) == 0 || r.Ended == 0 || r.StoreWithin == 0 || r.AppTimeout <= r.Slack {
		return fmt.Errorf("%s: needs group, topics, ended, storeWithin, and an appTimeout above the slack", FrameFile)
	}
	for _, f := range r.Faults {
		if f.Until < f.From || f.Until > r.Ended {
			return fmt.Errorf("%s: %s began at %d and was not healed before the end of the run", FaultLog, f.Name, f.From)
		}
	}
	for _, m := range r.Marks {
		if !slices.Contains([]string{Started, Killed, Frozen, Thawed, Terminated, Exited}, m.What) {
			return fmt.Errorf("%s: %s: %q is no mark", MarkLog, m.Proc, m.What)
		}
	}
	for _, e := range r.Events {
		if !slices.Contains([]string{Blocked, Unblocked, Lost, Recreated, DeadLettered, Dropped}, e.What) {
			return fmt.Errorf("%s: %s: %q is no event", EventLog, e.Proc, e.What)
		}
	}
	for _, log := range r.Apps {
		if err := checkApp(log); err != nil {
			return fmt.Errorf("log of app process %q: %w", log[0].Proc, err)
		}
	}
	return nil
}

// check says whether the records are what the logs hold: ascending, each with a digest.
func (rs *Records) check() error {
	if len(rs.Offsets) != len(rs.Digests) {
		return fmt.Errorf("%d offsets and %d digests", len(rs.Offsets), len(rs.Digests))
	}
	for i := 1; i < len(rs.Offsets); i++ {
		if rs.Offsets[i] <= rs.Offsets[i-1] {
			return fmt.Errorf("offset %d stands after %d", rs.Offsets[i], rs.Offsets[i-1])
		}
	}
	return nil
}

// checkApp says whether a log is one an app process can have written. What stands in a request is for the checkers.
func checkApp(log []AppLine) error {
	if log[0].What != Up || log[0].Proc == "" {
		return errors.New(`the first line is not "up" with the process`)
	}
	asked, answered := map[int]bool{}, map[int]bool{}
	for i, l := range log {
		switch {
		case l.What == Up && i == 0:
		case l.What == Ask && !asked[l.N]:
			asked[l.N] = true
			for _, p := range l.Parts {
				if len(p.Offsets) != len(p.Digests) {
					return fmt.Errorf("line %d: %d offsets and %d digests", i+1, len(p.Offsets), len(p.Digests))
				}
			}
		case l.What == Answer && asked[l.N] && !answered[l.N]:
			answered[l.N] = true
		case l.What == Gone && asked[l.N]:
		default:
			return fmt.Errorf("line %d: %q of request %d can't stand here", i+1, l.What, l.N)
		}
	}
	return nil
}
