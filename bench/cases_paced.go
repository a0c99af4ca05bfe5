package main

import "time"

const (
	pacedTable   = "Records that come at a steady rate"
	backlogTable = "The app is away"
)

func pacedCases() []benchCase {
	const budget = 128 << 20
	columns := settings{"batch.format", "columns"}
	wait := settings{"batch.min_records", "100", "batch.max_wait", "100ms"}
	const linger = 5 * time.Millisecond
	away := topic{name: "backlog", partitions: 12, size: 1 << 10, records: 2 << 20}
	line := func(name string, r runner) benchCase { return benchCase{name: name, table: pacedTable, runner: r} }
	return []benchCase{
		line("latency", paced{partitions: 12, perSecond: 1000, latency: true}),
		line("small-batches", paced{partitions: 12, perSecond: 1000, work: time.Millisecond}),
		line("small-batches/wait-100ms", paced{partitions: 12, perSecond: 1000, work: time.Millisecond, latency: true, set: wait}),
		line("rate/10-partitions", paced{partitions: 10, perSecond: 10_000, linger: linger, set: columns}),
		line("rate/1000-partitions", paced{partitions: 1000, perSecond: 10_000, linger: linger, set: columns, countTxns: true}),
		line("idle/1000-partitions", idle{partitions: 1000}),
		{name: "app-down", table: backlogTable, once: true, runner: backlog{away, budget, false}},
		{name: "app-busy", table: backlogTable, once: true, runner: backlog{away, budget, true}},
	}
}
