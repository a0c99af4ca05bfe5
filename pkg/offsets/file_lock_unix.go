//go:build unix

package offsets

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// takeLock opens and locks path until the file is closed or the process ends, however it ends. The
// file stays: removing it would let two processes lock two files of the same name.
func takeLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock %s: %w; offsets.file.path must be writable", path, err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder, _ := io.ReadAll(io.LimitReader(file, 64))
		err = &LockedError{Path: path, Holder: strings.TrimSpace(string(holder))}
	} else if err != nil {
		err = fmt.Errorf("lock %s: %w", path, err)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	// For the message of the next one; nothing depends on it.
	if file.Truncate(0) == nil {
		_, _ = fmt.Fprintf(file, "pid %d\n", os.Getpid())
	}
	return file, nil
}
