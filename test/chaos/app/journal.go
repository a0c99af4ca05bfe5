package app

import (
	"os"
	"sync"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// journal is the file of one process.
type journal struct {
	mu   sync.Mutex
	file *os.File
}

// write appends a line. An app that can't log must not go on: what it acknowledges would not be known.
func (j *journal) write(line oracle.AppLine) {
	j.mu.Lock()
	defer j.mu.Unlock()
	line.Time = oracle.Nanos(time.Now().UnixNano())
	text, err := oracle.Line(line)
	if err == nil {
		_, err = j.file.Write(text)
	}
	if err != nil {
		die("write the log: %v", err)
	}
}
