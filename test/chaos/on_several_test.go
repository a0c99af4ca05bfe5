package chaos

import (
	"testing"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// A replica that loses its membership while nothing can be stored lets go of what it had acknowledged; whoever owns the partitions next
// delivers that again.
func TestKafkaAndConsulCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{kafkaNodes: 1})
	w.start()
	w.goesOn(200)
	consul := w.inject(consulCut, 0)
	kafka := w.inject(kafkaCut, 0)
	w.sidecars[0].waitStatus("neither of them", func(s *relay.Status) bool { return !s.Kafka.Up && !s.Store.Up })
	w.requireIdle(w.sidecars[0])
	consul.heal()
	kafka.heal()
	w.goesOn(200)
	w.finish()
}

// The app is gone with what it had acknowledged and Consul does not have yet; it comes back first.
func TestAppAbsentAndConsulCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.start()
	w.goesOn(200)
	consul := w.inject(consulCut, 0)
	w.sidecars[0].waitStatus("acknowledged records that are not stored", anyPartition(func(p *relay.PartitionStatus) bool {
		return p.Acked > p.Committed+50
	}))
	gone := w.inject(appAbsent, 0)
	w.sidecars[0].waitStatus("neither of them", func(s *relay.Status) bool { return !s.App.Up && !s.Store.Up })
	w.requireIdle(w.sidecars[0])
	gone.heal()
	w.sidecars[0].waitStatus("the app", func(s *relay.Status) bool { return s.App.Up && !s.Store.Up })
	consul.heal()
	w.goesOn(200)
	w.finish()
}
