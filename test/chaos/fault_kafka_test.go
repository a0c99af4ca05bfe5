package chaos

import "time"

var kafkaFaults = []*fault{kafkaReset, kafkaCut, kafkaSlow, kafkaHalfOpen, brokerKilled, brokerFrozen, leadersMoved, coordinatorMoved, partitionAdded}

// Connections end with a reset, again and again.
var kafkaReset = &fault{
	name: "Kafka connections reset", on: "kafka", needs: needs{kafka: 1}, lasts: span(100*time.Millisecond, 2*time.Second), weight: 8, bound: recovery,
	inject: func(w *world, i int) func() {
		w.network[i].Reset(0)
		return w.network[i].Heal
	},
}

// Connections are closed and refused.
var kafkaCut = &fault{
	name: "Kafka cut off", on: "kafka", needs: needs{kafka: 1}, lasts: span(100*time.Millisecond, 3*time.Second), weight: 8, bound: recovery,
	inject: func(w *world, i int) func() {
		w.network[i].Cut()
		return w.network[i].Heal
	},
}

var kafkaSlow = &fault{
	name: "Kafka far away", on: "kafka", needs: needs{kafka: 1}, lasts: span(500*time.Millisecond, 3*time.Second), weight: 8, bound: recovery,
	inject: func(w *world, i int) func() {
		w.network[i].Latency(150*time.Millisecond, 100*time.Millisecond)
		return w.network[i].Heal
	},
}

// Nothing passes, and nothing says so.
var kafkaHalfOpen = &fault{
	name: "Kafka's packets dropped", on: "kafka", needs: needs{kafka: 1}, lasts: span(500*time.Millisecond, 4*time.Second), weight: 3, bound: recovery,
	inject: func(w *world, i int) func() {
		w.network[i].HalfOpen()
		return w.network[i].Heal
	},
}

var brokerKilled = &fault{
	name: "broker killed", on: "kafka", needs: needs{kafka: 1}, lasts: span(0, time.Second), weight: 1, bound: 2 * recovery,
	inject: func(w *world, i int) func() {
		w.kafka.Nodes[i].Kill()
		return w.kafka.Nodes[i].Start
	},
}

var brokerFrozen = &fault{
	name: "broker frozen", on: "kafka", needs: needs{kafka: 1}, lasts: span(500*time.Millisecond, 4*time.Second), weight: 2, bound: recovery,
	inject: func(w *world, i int) func() {
		w.kafka.Nodes[i].Pause()
		return w.kafka.Nodes[i].Resume
	},
}

// maxPartitions is how many a topic gets at most.
const maxPartitions = 24

// The topic gets a partition more, and records come into it at once.
var partitionAdded = &fault{
	name: "partition added", on: "kafka", whole: true, needs: needs{kafka: 1}, weight: 3, bound: recovery,
	inject: func(w *world, _ int) func() {
		w.addPartitions(min(w.partitions+1, maxPartitions))
		return nil
	},
}

// One broker becomes the leader of all partitions.
var leadersMoved = &fault{
	name: "leaders moved", on: "kafka", needs: needs{kafka: 3}, weight: 4, bound: recovery,
	inject: func(w *world, i int) func() {
		for partition := range w.partitions {
			w.MoveLeader(w.topic, partition, w.kafka.Nodes[i].ID)
		}
		return nil
	},
}

// One broker becomes the coordinator of the group.
var coordinatorMoved = &fault{
	name: "coordinator moved", on: "kafka", needs: needs{kafka: 3}, weight: 4, bound: recovery,
	inject: func(w *world, i int) func() {
		w.MoveCoordinator(w.group, w.kafka.Nodes[i].ID)
		return nil
	},
}
