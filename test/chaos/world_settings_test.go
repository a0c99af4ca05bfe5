package chaos

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/producer"
)

// What all sidecars of a world have in common.
const (
	sessionTimeout = 6 * time.Second
	storeWithin    = 2 * time.Second
	retryMax       = time.Second
	maxAttempts    = 5
)

const (
	// soon is the bound for what should happen within seconds; generous for a busy machine.
	soon = time.Minute
	// slack is what a busy machine may add to what is immediate in theory.
	slack = 1500 * time.Millisecond
	// idleFor is how long a world stands still so that the CPU of its sidecars can be measured.
	idleFor = 4 * time.Second
)

// bounds of a sidecar with a memory budget of 16 MiB.
var bounds = oracle.Bounds{Memory: 128 << 20, Goroutines: 150, Files: 80, Connections: 50, IdleCPU: 0.25}

// settings of a world. Zero values are the defaults.
type settings struct {
	kafkaNodes    int // brokers of its own, each behind a proxy: 1 or 3; 0 = the shared one, without a proxy
	consulServers int // servers of its own, with their data on disk: 1 or 3; 0 = the shared one

	sidecars   int           // each with an app of its own; default 1
	static     bool          // each has a kafka.instance_id
	bounds     oracle.Bounds // default bounds
	partitions int32         // default 4
	rate       int           // records per second; default 200

	start       string        // default earliest
	deadLetter  string        // dead_letter.policy; default block. With "topic" there is one
	dataLoss    string        // policy.data_loss; default block
	recreated   string        // policy.topic_recreated; default block
	appTimeout  time.Duration // default 3 s
	commitEvery time.Duration // commit.interval; default 200 ms

	kafkaOptions  []testenv.KafkaOption  // for brokers of its own
	consulOptions []testenv.ConsulOption // for servers of its own
	consulToken   string                 // the management token; makes servers of its own deny what no token allows. Default: they allow everything
	topicConfigs  []string               // key, value, key, value…

	produce func(*producer.Config) // changes what is produced; nil = nothing to change

	binary string                  // the sidecar's; "" = the one under test
	set    []testenv.SidecarOption // for all sidecars; later ones win

	seed    uint64 // for the report
	command string // to run it again; default go test -run of the test's name
}

func (s settings) withDefaults(t *testing.T) settings {
	s.sidecars = cmp.Or(s.sidecars, 1)
	s.partitions = cmp.Or(s.partitions, 4)
	s.rate = cmp.Or(s.rate, 200)
	s.start = cmp.Or(s.start, "earliest")
	s.deadLetter = cmp.Or(s.deadLetter, "block")
	s.dataLoss = cmp.Or(s.dataLoss, "block")
	s.recreated = cmp.Or(s.recreated, "block")
	s.appTimeout = cmp.Or(s.appTimeout, 3*time.Second)
	s.command = cmp.Or(s.command, fmt.Sprintf("go test ./test/chaos -run '^%s$'", t.Name()))
	s.commitEvery = cmp.Or(s.commitEvery, 200*time.Millisecond)
	if s.bounds == (oracle.Bounds{}) {
		s.bounds = bounds
	}
	return s
}
