package chaos

import "testing"

// What needs three brokers is one scenario, because they take long to start: no claim is lost when partitions get other leaders,
// the group survives another coordinator, and the death of a broker is no outage.
func TestKafkaClusterChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{kafkaNodes: 3, sidecars: 2})
	w.start()
	w.sidecars[0].waitHeld(2)
	w.sidecars[1].waitHeld(2)
	w.goesOn(200)
	epochs := w.epochs()
	for i := range w.kafka.Nodes {
		w.inject(leadersMoved, i).heal()
		w.goesOn(100)
	}
	w.requireKept(epochs)
	for i := range w.kafka.Nodes {
		w.inject(coordinatorMoved, i).heal()
		w.goesOn(100)
	}
	f := w.inject(brokerKilled, int(w.Leader(w.topic, 0))-1)
	w.goesOn(200)
	f.heal()
	w.goesOn(200)
	w.finish()
}
