package main

import "strconv"

const drainTable = "Reading a topic to its end"

// drainCases: what the sidecar costs for each record, against a bare consumer of the same topic. Names are
// store/format[/what differs].
func drainCases(o options) []benchCase {
	plain := topic{name: "orders-1KiB", partitions: 12, size: 1 << 10, records: o.records}
	lz4 := topic{name: "orders-lz4", partitions: 12, size: 1 << 10, lz4: true, records: o.records}
	small := topic{name: "orders-100B", partitions: 12, size: 100, records: 2 * o.records}
	large := topic{name: "orders-10KiB", partitions: 12, size: 10 << 10, records: o.records / 10}
	wide := topic{name: "orders-1000-partitions", partitions: 1000, size: 1 << 10, records: o.records}

	var (
		columns = settings{"batch.format", "columns"}
		embed   = settings{"batch.value", "json"}
		json    = settings{"batch.format", "json"}
		file    = settings{"offsets.store", "file"}
		fifty   = settings{"batch.max_records", "50"}
		lanes   = settings{"deliver.lanes", "4"}
	)
	bare := func(name string, t topic) benchCase {
		return benchCase{name: name, table: drainTable, runner: drain{t, bareConsumer, nil}}
	}
	side := func(name, base string, t topic, parts ...settings) benchCase {
		set := settings{}
		for _, p := range parts {
			set = append(set, p...)
		}
		return benchCase{name: name, table: drainTable, base: base, runner: drain{t, nullAppOf, set}}
	}
	return []benchCase{
		bare("bare", plain),
		side("consul/columns", "bare", plain, columns),
		side("consul/json", "bare", plain, json),
		side("consul/raw", "bare", plain, embed),
		side("file/columns", "bare", plain, columns, file),
		side("file/json", "bare", plain, json, file),
		side("file/raw", "bare", plain, embed, file),
		side("consul/columns/batch-50", "bare", plain, columns, fifty),
		side("consul/json/batch-50", "bare", plain, json, fifty),
		side("consul/columns/4-lanes", "bare", plain, columns, lanes),
		side("consul/json/4-lanes", "bare", plain, json, lanes),
		bare("bare/lz4", lz4),
		side("consul/columns/lz4", "bare/lz4", lz4, columns),
		side("consul/json/lz4", "bare/lz4", lz4, json),
		bare("bare/100B", small),
		side("consul/columns/100B", "bare/100B", small, columns),
		side("consul/json/100B", "bare/100B", small, json),
		bare("bare/10KiB", large),
		side("consul/columns/10KiB", "bare/10KiB", large, columns),
		side("consul/json/10KiB", "bare/10KiB", large, json),
		bare("bare/1000-partitions", wide),
		side("consul/columns/1000-partitions", "bare/1000-partitions", wide, columns),
		side("consul/json/1000-partitions", "bare/1000-partitions", wide, json),
	}
}

func bareConsumer(w *world, t target) []string {
	return []string{w.self, "bare", "-broker", w.kafka.Addr(), "-topic", t.topic.name, "-expect", t.expect()}
}

func nullAppOf(w *world, t target) []string {
	return []string{w.self, "app", "-listen", t.listen, "-expect", t.expect()}
}

// expect is how many records there are.
func (t target) expect() string { return strconv.FormatInt(t.topic.records, 10) }
