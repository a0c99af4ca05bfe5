package chaos

import (
	"strings"
	"testing"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// guarded is a world whose broker can be told to forbid something.
func guarded(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, settings{kafkaNodes: 1, kafkaOptions: []testenv.KafkaOption{testenv.KafkaACL()}})
	w.start()
	w.goesOn(100)
	return w
}

// The right to read the topic is taken: each partition says so, nothing spins, and reading goes on when it is given back.
func TestKafkaTopicForbidden(t *testing.T) {
	t.Parallel()
	w := guarded(t)
	w.ForbidTopic(w.topic)
	w.sidecars[0].waitStatus("why nothing is read", anyPartition(func(p *relay.PartitionStatus) bool {
		return strings.Contains(p.LastError, "TOPIC_AUTHORIZATION_FAILED")
	}))
	w.requireIdle(w.sidecars[0])
	w.PermitTopic(w.topic)
	w.goesOn(200)
	w.finish()
}

// membershipForbidden is not in the menu: it needs a broker that knows rights.
var membershipForbidden = &fault{
	name: "Kafka forbids the membership", on: "kafka", bound: recovery,
	inject: func(w *world, _ int) func() {
		w.ForbidGroup(w.group)
		return func() { w.PermitGroup(w.group) }
	},
}

// The right to be a member is taken: the status names it, nothing spins, and the group is joined again when it is given back.
func TestKafkaGroupForbidden(t *testing.T) {
	t.Parallel()
	w := guarded(t)
	forbidden := w.inject(membershipForbidden, 0)
	w.sidecars[0].waitStatus("why it is no member", func(s *relay.Status) bool { return strings.Contains(s.Kafka.Error, "READ on the group is denied") })
	w.requireIdle(w.sidecars[0])
	forbidden.heal()
	w.goesOn(200)
	w.finish()
}
