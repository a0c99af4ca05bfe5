package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// world is what all runs share: the servers, the programs and the topics.
type world struct {
	*scope
	kafka   *testenv.KafkaServer
	consul  *testenv.ConsulServer
	sidecar string // path of the binary
	self    string // path of this one, which is the bare consumer and the app as well
	options options
	filled  map[string]bool // topics, by name
	runs    int
	notes   io.Writer
}

// newWorld starts the servers.
func newWorld(s *scope, o options) (*world, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	w := &world{scope: s, self: self, options: o, filled: map[string]bool{}, notes: os.Stderr}
	if w.sidecar = os.Getenv("SIDECAR_BIN"); w.sidecar == "" {
		return nil, fmt.Errorf("SIDECAR_BIN names no binary: run `make bench`")
	}
	w.note("start Kafka and Consul")
	w.kafka, w.consul = testenv.Kafka(s), testenv.Consul(s)
	return w, nil
}

// note tells a person who waits what goes on.
func (w *world) note(format string, args ...any) {
	fmt.Fprintf(w.notes, "%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

// unique makes a name that no earlier run has used: each starts without offsets.
func (w *world) unique(name string) string {
	w.runs++
	return fmt.Sprintf("%s-%d", name, w.runs)
}
