package main

import (
	"io"
	"os"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/term"
)

// newLogger makes the logger: JSON, or text for people; auto is text when w is a terminal.
func newLogger(w io.Writer, level, format string) zerolog.Logger {
	// The library keeps the form of a time for the whole process; seconds are too coarse to order lines by.
	zerolog.TimeFieldFormat = "2006-01-02T15:04:05.000Z07:00"
	if format == "auto" {
		format = "json"
		if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			format = "text"
		}
	}
	if format == "text" {
		f, ok := w.(*os.File)
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !ok || !term.IsTerminal(int(f.Fd())) || os.Getenv("NO_COLOR") != ""}
	}
	lvl, err := zerolog.ParseLevel(level)
	if err != nil { // the configuration allows known words only
		lvl = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(lvl).With().Timestamp().Logger()
}
