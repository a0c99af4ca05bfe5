//go:build !unix

package offsets

import (
	"fmt"
	"os"
	"runtime"
)

// takeLock fails: without a lock two processes would overwrite each other's offsets.
func takeLock(path string) (*os.File, error) {
	return nil, fmt.Errorf("lock %s: the file store is not available on %s; use offsets.store: consul", path, runtime.GOOS)
}
