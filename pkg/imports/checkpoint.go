package imports

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The folders of a checkpoint of Structured Streaming.
const (
	offsetsFolder = "offsets" // a file per batch, written before it: where each source's part of it ends
	commitsFolder = "commits" // a file per batch, written after it
	sourcesFolder = "sources" // where each source began
)

// Checkpoint reads the checkpoint folder of a query of Spark Structured Streaming, on this machine. source is the number of
// the Kafka source, -1 for the only one. The query has to be stopped, else it moves on.
//
// A batch ends at offsets/N and is done when commits/N exists: the result is the end of the newest batch that is done, or
// where the source began (sources/<i>/0) when none is.
func Checkpoint(dir string, source int) (Offsets, error) {
	if source < -1 {
		return Offsets{}, fmt.Errorf("source %d: the sources are numbered from 0, -1 is the only one", source)
	}
	dir, err := localFolder(dir)
	if err != nil {
		return Offsets{}, err
	}
	c := checkpoint{dir: dir}
	if c.begun, err = batchNumbers(dir, offsetsFolder); err != nil {
		return Offsets{}, err
	}
	if c.done, err = batchNumbers(dir, commitsFolder); err != nil {
		return Offsets{}, err
	}
	if len(c.done) > 0 {
		return c.lastCommit(source)
	}
	return c.beginning(source)
}

// checkpoint is one folder, with the numbers of the batches that were begun and done, ascending.
type checkpoint struct {
	dir         string
	begun, done []int64
}

// batchNumbers are the names of a folder that are batches. Others (".3.crc", "3.tmp", "9.compact") are Spark's and Hadoop's own.
// A folder that does not exist has none.
func batchNumbers(dir, folder string) ([]int64, error) {
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the checkpoint: %w", err)
	}
	var numbers []int64
	for _, e := range entries {
		if n, err := strconv.ParseInt(e.Name(), 10, 64); err == nil && n >= 0 && strconv.FormatInt(n, 10) == e.Name() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func (c *checkpoint) path(folder string, name int64) string {
	return filepath.Join(c.dir, folder, strconv.FormatInt(name, 10))
}

// lastCommit are the ends of the newest batch that is done.
func (c *checkpoint) lastCommit(source int) (Offsets, error) {
	last := c.done[len(c.done)-1]
	if err := checkCommit(c.path(commitsFolder, last)); err != nil {
		return Offsets{}, err
	}
	log, err := readOffsetLog(c.path(offsetsFolder, last))
	if errors.Is(err, fs.ErrNotExist) {
		return Offsets{}, fmt.Errorf("batch %d is done (commits/%d), but offsets/%d, which says where it ended, is missing: copy the whole checkpoint", last, last, last)
	}
	if err != nil {
		return Offsets{}, err
	}
	i, err := c.choose(log, source)
	if err != nil {
		return Offsets{}, err
	}
	if log.sources[i] == noOffset {
		return c.noData(i, last)
	}
	o, err := log.offsets(i)
	if err != nil {
		return Offsets{}, err
	}
	c.noteInFlight(&o, last)
	return o, nil
}

// noteInFlight tells of batches after last.
func (c *checkpoint) noteInFlight(o *Offsets, last int64) {
	for _, n := range c.begun {
		if n > last {
			o.note("offsets/%d has no commit: that batch was in flight; starting at its beginning, so what it has written already is delivered again", n)
		}
	}
}

// noData is for a source that had brought nothing up to batch last: it still stands where it began.
func (c *checkpoint) noData(i int, last int64) (Offsets, error) {
	o, err := readBeginning(c.sourcePath(i))
	if errors.Is(err, fs.ErrNotExist) {
		return Offsets{}, fmt.Errorf("source %d has no data up to batch %d and sources/%d/0 is missing: there is nothing to go on from, start it as a new one", i, last, i)
	}
	if err != nil {
		return Offsets{}, err
	}
	o.note("source %d had no data up to batch %d: starting where it began (sources/%d/0)", i, last, i)
	c.noteInFlight(&o, last)
	return o, nil
}

// beginning is for a query that has finished no batch.
func (c *checkpoint) beginning(source int) (Offsets, error) {
	i, err := c.chooseUncommitted(source)
	if err != nil {
		return Offsets{}, err
	}
	o, err := readBeginning(c.sourcePath(i))
	if errors.Is(err, fs.ErrNotExist) {
		return Offsets{}, fmt.Errorf("no batch is done (commits/ is empty) and sources/%d/0, where the source began, is missing: there is nothing to go on from, start as a new job", i)
	}
	if err != nil {
		return Offsets{}, err
	}
	o.note("no batch is done (commits/ is empty): starting where the query began (sources/%d/0)", i)
	newest := int64(0)
	if len(c.begun) > 0 {
		newest = c.begun[len(c.begun)-1]
	}
	if newest == 0 {
		c.noteInFlight(&o, -1)
	} else {
		o.note("offsets/ has batches up to %d all the same: Spark 2.1 kept no commits, or they were deleted. If batch %d was the newest that ran, "+
			"import the line of offsets/%d as json instead, and only batch %d is delivered again", newest, newest, newest-1, newest)
	}
	return o, nil
}

func (c *checkpoint) sourcePath(i int) string {
	return filepath.Join(c.dir, sourcesFolder, strconv.Itoa(i), "0")
}

// chooseUncommitted is the source's number when no batch is done: of those of the oldest batch that was begun, or, before
// even that, of those that have noted where they begin.
func (c *checkpoint) chooseUncommitted(source int) (int, error) {
	if len(c.begun) > 0 {
		log, err := readOffsetLog(c.path(offsetsFolder, c.begun[0]))
		if err != nil {
			return 0, err
		}
		return c.choose(log, source)
	}
	known, err := batchNumbers(c.dir, sourcesFolder)
	switch {
	case err != nil:
		return 0, err
	case source >= 0:
		return source, nil
	case len(known) > 1:
		return 0, fmt.Errorf("the query has %d sources or more (%s): say which one with its number", len(known), filepath.Join(c.dir, sourcesFolder))
	case len(known) == 1:
		return int(known[0]), nil
	}
	return 0, nil
}

// choose is the number of the source: the one asked for, or the only one.
func (c *checkpoint) choose(log offsetLog, source int) (int, error) {
	known, err := batchNumbers(c.dir, sourcesFolder)
	if err != nil {
		return 0, err
	}
	if n := len(known); n > 0 && known[n-1] >= int64(len(log.sources)) {
		return 0, fmt.Errorf("%s has the lines of %d sources, but sources/%d exists: the file is cut", log.path, len(log.sources), known[n-1])
	}
	switch {
	case source >= 0 && source < len(log.sources):
		return source, nil
	case source == -1 && len(log.sources) == 1:
		return 0, nil
	}
	problem := fmt.Sprintf("the query has no source %d", source)
	if source == -1 {
		problem = fmt.Sprintf("the query has %d sources: say which one with its number", len(log.sources))
	}
	return 0, fmt.Errorf("%s. %s has %s", problem, log.path, strings.Join(log.describe(), ", "))
}
