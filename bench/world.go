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
	// The servers of tests notice a death within seconds. Here nobody dies, but a busy machine may be late with a heartbeat,
	// and the leaders of 1,000 partitions then move to nowhere.
	w.kafka = testenv.Kafka(s, testenv.KafkaProperty("broker.session.timeout.ms", "120000"), testenv.KafkaProperty("broker.heartbeat.interval.ms", "2000"))
	w.consul = testenv.Consul(s)
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
