package main

import (
	"net"
	"os"
	"path/filepath"
)

const (
	pythonTable = "Apps in Python: behind the sidecar, and on confluent-kafka"
	javaTable   = "Apps in Java: behind the sidecar, and on KafkaConsumer"
)

// sdkCases: an app's own process behind the sidecar, against the same handler on a Kafka client of its language.
func sdkCases(o options) []benchCase {
	t := topic{name: "orders-1KiB", partitions: 12, size: 1 << 10, records: o.records}
	columns := settings{"batch.format", "columns"}
	asJSON := settings{"batch.format", "json"}
	embed := settings{"batch.value", "json"}
	var all []benchCase
	for _, mode := range []string{"json", "orjson", "none"} {
		// As apps are written: who has only the standard library calls record.json(), who imports orjson calls that.
		how := "bytes"
		if mode == "json" {
			how = "objects"
		}
		base := "confluent/" + mode
		all = append(all,
			benchCase{name: base, table: pythonTable, runner: drain{t, onConfluent(mode), nil}},
			benchCase{name: "python/" + mode + "/columns", table: pythonTable, base: base, runner: drain{t, pythonApp(how, mode), columns}},
			benchCase{name: "python/" + mode + "/json", table: pythonTable, base: base, runner: drain{t, pythonApp(how, mode), asJSON}},
		)
		if mode != "none" { // values arrive parsed
			all = append(all, benchCase{name: "python/" + mode + "/raw", table: pythonTable, base: base, runner: drain{t, pythonApp("objects", mode), embed}})
		}
	}
	for _, mode := range []string{"json", "none"} {
		base := "kafka-consumer/" + mode
		all = append(all,
			benchCase{name: base, table: javaTable, runner: drain{t, onKafkaConsumer(mode), nil}},
			benchCase{name: "java/" + mode + "/columns", table: javaTable, base: base, runner: drain{t, javaApp(mode), columns}},
			benchCase{name: "java/" + mode + "/json", table: javaTable, base: base, runner: drain{t, javaApp(mode), asJSON}},
		)
	}
	return all
}

func pythonApp(how, mode string) program {
	return func(_ *world, t target) []string {
		return []string{os.Getenv("BENCH_PYTHON"), script("behind_sidecar.py"), portOf(t.listen), t.expect(), how, mode}
	}
}

func onConfluent(mode string) program {
	return func(w *world, t target) []string {
		return []string{os.Getenv("BENCH_PYTHON"), script("on_confluent.py"), w.kafka.Addr(), t.topic.name, t.group, t.expect(), mode}
	}
}

func javaApp(mode string) program {
	return func(_ *world, t target) []string {
		return []string{"java", "-Xmx256m", "-cp", os.Getenv("BENCH_JAVA"), "BehindSidecar", portOf(t.listen), t.expect(), mode}
	}
}

func onKafkaConsumer(mode string) program {
	return func(w *world, t target) []string {
		return []string{"java", "-Xmx256m", "-cp", os.Getenv("BENCH_JAVA"), "OnKafkaConsumer", w.kafka.Addr(), t.topic.name, t.group, t.expect(), mode}
	}
}

// script is the path of a program in Python. The command runs in the folder of the module.
func script(name string) string {
	path, err := filepath.Abs(filepath.Join("bench", "apps", "python", name))
	if err != nil {
		return name
	}
	return path
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr) // made by testenv
	return port
}
