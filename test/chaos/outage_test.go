package chaos

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

var outage = flag.Duration("chaos.outage", 15*time.Second, "how long each outage of TestOutage lasts")

// TestOutage takes something away for long while records are produced as far as they can be: the sidecar waits for it, grows in
// nothing, does next to nothing, and takes up its work afterwards.
func TestOutage(t *testing.T) {
	for _, o := range []struct {
		of    *fault
		kafka int
		seen  func(*relay.Status) bool // in the status meanwhile
	}{
		{of: appAbsent, seen: func(s *relay.Status) bool { return !s.App.Up }},
		{of: consulCut, seen: func(s *relay.Status) bool { return !s.Store.Up }},
		{of: kafkaCut, kafka: 1, seen: func(s *relay.Status) bool { return !s.Kafka.Up }},
		{of: allAbsent, kafka: 1, seen: func(s *relay.Status) bool { return !s.Kafka.Up }},
	} {
		t.Run(o.of.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, settings{
				kafkaNodes: o.kafka, rate: 50,
				command: fmt.Sprintf("go test ./test/chaos -run '^TestOutage$' -timeout 0 -chaos.outage=%s", *outage),
			})
			w.start()
			w.goesOn(200)
			w.outlasts(o.of, o.seen)
			w.goesOn(200)
			v := w.finish()
			require.Less(t, v.Growth[0].CPU, bounds.IdleCPU, "CPU seconds per second during the outage")
		})
	}
}

// outlasts keeps a fault on for the time of an outage.
func (w *world) outlasts(f *fault, seen func(*relay.Status) bool) {
	w.t.Helper()
	long := *f
	long.bound = 2 * recovery // there is a backlog
	begin := time.Now()
	down := w.inject(&long, 0)
	w.sidecars[0].waitStatus("what is away", seen)
	time.Sleep(time.Until(begin.Add(*outage)))
	w.steady(w.sidecars[0], oracle.Nanos(begin.Add(*outage/6).UnixNano()))
	down.heal()
}

// allAbsent is an outage of everything around a sidecar that runs.
var allAbsent = &fault{
	name: "everything absent", on: "app+kafka+consul", whole: true, needs: needs{kafka: 1}, bound: recovery,
	inject: func(w *world, _ int) func() {
		var back []func()
		for i, s := range w.sidecars {
			s.door.Cut()
			w.apps[i].kill()
			back = append(back, func() { w.healDoor(s.door) }, w.apps[i].begin)
		}
		for _, p := range w.network {
			p.Cut()
			back = append(back, p.Heal)
		}
		return func() {
			for _, heal := range back {
				heal()
			}
		}
	},
}
