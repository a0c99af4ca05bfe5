package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// redacted stands wherever a secret would.
const redacted = "[redacted]"

// secret is a setting that is never shown: given itself or as a file, not both.
type secret struct {
	value string
	file  string // path; "" = none
}

func (s *secret) set() bool { return s.value != "" || s.file != "" }

// open gives the function that the package in need calls whenever it needs the secret; nil when there
// is none. The error is about the file.
func (s *secret) open() (func() string, error) {
	switch {
	case s.value != "" && s.file != "":
		return nil, errors.New("is set as well as the secret itself: keep one")
	case s.file != "":
		f := &secretFile{path: s.file}
		if err := f.read(); err != nil {
			return nil, err
		}
		return f.current, nil
	case s.value != "":
		value := s.value
		return func() string { return value }, nil
	}
	return nil, nil
}

// maxSecret bounds a secret's file, in bytes.
const maxSecret = 64 << 10

// secretFile is a secret that may be rotated while the process runs: whenever the file has another
// time or size it is read again. What can't be read leaves the old value in use.
type secretFile struct {
	path string

	mu    sync.Mutex // guards what follows
	value string
	mtime time.Time
	size  int64
}

func (f *secretFile) current() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if info, err := os.Stat(f.path); err == nil && (!info.ModTime().Equal(f.mtime) || info.Size() != f.size) {
		_ = f.load(info) // a file that is being replaced may be empty for a moment
	}
	return f.value
}

func (f *secretFile) read() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("must be a readable file: %w", err)
	}
	return f.load(info)
}

// load is called with the lock held.
func (f *secretFile) load(info os.FileInfo) error {
	if info.IsDir() || info.Size() > maxSecret {
		return fmt.Errorf("must be a file of at most 64KiB (got %s)", f.path)
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("must be a readable file: %w", err)
	}
	value := strings.TrimRight(string(data), "\r\n")
	if value == "" || strings.ContainsFunc(value, unprintable) {
		return fmt.Errorf("must hold one line of text (got %s)", f.path)
	}
	f.value, f.mtime, f.size = value, info.ModTime(), info.Size()
	return nil
}
