package main

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

// where is the place that the flags of `offsets reset` name.
type where struct {
	flags []string // those that were given
	to    control.Target
	file  string // --from-file; to is not set then
}

const whereFlags = "--to-earliest, --to-latest, --to-offset, --to-datetime, --shift-by, --by-duration or --from-file"

// register adds the flags to a command.
func (w *where) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolFunc("to-earliest", "to the log start", w.bare("--to-earliest", control.Earliest()))
	f.BoolFunc("to-latest", "to the end: the last stable offset with kafka.isolation_level read_committed", w.bare("--to-latest", control.Latest()))
	f.Func("to-offset", "to the offset `N` in each partition", w.with("--to-offset", func(s string) (control.Target, error) {
		n, err := wholeNumber(s)
		if err == nil && n < 0 {
			err = errors.New("must be 0 or more; for the ends of the log there are --to-earliest and --to-latest")
		}
		return control.Offset(n), err
	}))
	f.Func("to-datetime", "to the first record at or after a `time` with its zone, such as 2026-11-29T10:00:00Z", w.with("--to-datetime", func(s string) (control.Target, error) {
		t, err := zonedTime(s)
		return control.At(t), err
	}))
	f.Func("shift-by", "on by `N` offsets; back with a negative number", w.with("--shift-by", func(s string) (control.Target, error) {
		n, err := wholeNumber(s)
		return control.Shift(n), err
	}))
	f.Func("by-duration", "to the first record of the last `duration`, such as PT1H or 1h", w.with("--by-duration", func(s string) (control.Target, error) {
		d, err := period(s)
		return control.At(time.Now().Add(-d)), err
	}))
	f.Func("from-file", "to the offsets of a `file`: lines topic,partition,offset as kafka-consumer-groups --export writes them, or {\"orders\":{\"0\":23,\"1\":-2}} (-1 latest, -2 earliest)", func(s string) error {
		w.flags, w.file = append(w.flags, "--from-file"), s
		return notEmpty(s)
	})
}

func (w *where) bare(flag string, to control.Target) func(string) error {
	return func(s string) error {
		if s != "true" { // what a flag without a value has
			return errors.New("takes no value")
		}
		w.flags, w.to = append(w.flags, flag), to
		return nil
	}
}

func (w *where) with(flag string, read func(string) (control.Target, error)) func(string) error {
	return func(s string) error {
		to, err := read(s)
		w.flags, w.to = append(w.flags, flag), to
		return err
	}
}

// check wants exactly one place.
func (w *where) check() error {
	switch {
	case len(w.flags) == 0:
		return errors.New("it is not said where to go: add one of " + whereFlags)
	case len(w.flags) > 1:
		return fmt.Errorf("%s contradict one another: keep one", strings.Join(w.flags, " and "))
	}
	return nil
}

func wholeNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("must be between %d and %d", int64(math.MinInt64), int64(math.MaxInt64))
	}
	if err != nil {
		return 0, errors.New("must be a whole number")
	}
	return n, nil
}

// zonedTime reads an RFC 3339 time, and the other two ways in which Java writes a zone.
func zonedTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly, time.DateTime} {
		if _, err := time.Parse(layout, s); err == nil {
			return time.Time{}, errors.New("has no zone: write it as 2026-11-29T10:00:00Z (UTC) or 2026-11-29T11:00:00+01:00")
		}
	}
	return time.Time{}, errors.New("must be a time with its zone, such as 2026-11-29T10:00:00Z or 2026-11-29T11:00:00.000+01:00")
}

// isoPeriod is ISO 8601 as java.time.Duration prints it, without signs.
var isoPeriod = regexp.MustCompile(`^P(?:(\d{1,6})D)?(?:T((?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?))?$`)

// period reads a duration above 0, in ISO 8601 with days of 24 hours at most, or in Go's form.
func period(s string) (time.Duration, error) {
	text := s
	if m := isoPeriod.FindStringSubmatch(strings.ToUpper(s)); m != nil {
		text = strings.ToLower(m[2])
		if days, err := strconv.Atoi(m[1]); err == nil {
			text = fmt.Sprintf("%dh%s", 24*days, text)
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, errors.New("must be a duration above 0 in days, hours, minutes and seconds, such as PT1H, P1DT12H, 90m or 1h30m")
	}
	return d, nil
}
