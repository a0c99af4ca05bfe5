package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// scope is the testing.TB of a program: internal/testenv reports its failures to one and ends its servers with it. Only what
// testenv calls is there; anything else would panic. For one goroutine.
type scope struct {
	testing.TB
	dir      string // all temporary files
	dirs     int
	cleanups []func()
	failed   bool
}

// failure is what Fatal throws; inScope catches it.
type failure struct{ error }

// inScope calls fn with a scope, then undoes what it has started. The error is that of fn, or what a server failed with.
func inScope(fn func(*scope) error) (err error) {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	s := &scope{dir: dir}
	defer func() {
		if thrown := recover(); thrown != nil {
			f, ours := thrown.(failure)
			if !ours {
				panic(thrown)
			}
			err = f.error
		}
		s.failed = err != nil
		s.close()
	}()
	return fn(s)
}

func (s *scope) close() {
	for len(s.cleanups) > 0 {
		last := s.cleanups[len(s.cleanups)-1]
		s.cleanups = s.cleanups[:len(s.cleanups)-1]
		last()
	}
	_ = os.RemoveAll(s.dir) // what is left in the temporary folder is no reason to fail
}

func (s *scope) Helper()                           {}
func (s *scope) Name() string                      { return "bench" }
func (s *scope) Failed() bool                      { return s.failed }
func (s *scope) Cleanup(fn func())                 { s.cleanups = append(s.cleanups, fn) }
func (s *scope) Log(args ...any)                   { fmt.Fprintln(os.Stderr, args...) }
func (s *scope) Fatal(args ...any)                 { panic(failure{errors.New(fmt.Sprint(args...))}) }
func (s *scope) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// TempDir is a new folder that close removes.
func (s *scope) TempDir() string {
	s.dirs++
	dir := filepath.Join(s.dir, fmt.Sprint(s.dirs))
	if err := os.Mkdir(dir, 0o755); err != nil {
		s.Fatal(err)
	}
	return dir
}
