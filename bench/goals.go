package main

import (
	"fmt"
	"runtime"
	"strings"
)

// goal is a limit that a figure of a case, or its ratio to that of another case in the same round, is not to exceed.
type goal struct {
	text       string
	of         string
	what       figure
	base       string // "" = the figure itself is compared
	baseFigure figure
	limit      float64
}

// quietMillis: a machine on which even the bare consumer's 99th percentile is later than that is a noisy one.
const quietMillis = 3

func goals(r results) []goal {
	const mib = 1 << 20
	cpu := func(text, of string, limit float64) goal {
		return goal{text, of, sidecarCPU, "bare", consumerCPU, limit}
	}
	json := 3.0
	if runtime.GOARCH == "amd64" { // the escape by SIMD
		json = 1.75
	}
	added := 1.0
	if bare := r.series("latency", bareP99); bare != nil && bare.median() > quietMillis {
		added = 5
	}
	return append([]goal{
		cpu("CPU of the sidecar for each record, columns", "consul/columns", 1.5),
		cpu("CPU of the sidecar for each record, json", "consul/json", json),
		cpu("CPU of the sidecar for each record, json with batch.value: json", "consul/raw", 2.5),
		{"added latency, 99th percentile, ms", "latency", addedP99, "", "", added},
		{"1,000 records a second, an app of 1 ms: share of a core", "small-batches", sidecarCore, "", "", 0.03},
		{"the same, records that may wait for 100 ms: share of a core", "small-batches/wait-100ms", sidecarCore, "", "", 0.03},
		{"CPU for each record at 1,000 partitions against 10, at the same rate", "rate/1000-partitions", sidecarCPU, "rate/10-partitions", sidecarCPU, 1.2},
		{"1,000 dirty partitions: Consul transactions a second", "rate/1000-partitions", transactions, "", "", 16},
		{"idle with 1,000 partitions: share of a core", "idle/1000-partitions", sidecarCore, "", "", 0.01},
		{"idle with 1,000 partitions: resident bytes", "idle/1000-partitions", sidecarHeld, "", "", 64 * mib},
		{"app away: largest resident size above memory.max_bytes", "app-down", overBudget, "", "", 64 * mib},
		{"app busy, the budget full: largest resident size above memory.max_bytes", "app-busy", overBudget, "", "", 64 * mib},
	}, sdkGoals()...)
}

// sdkGoals are about the app's own process, behind columns.
func sdkGoals() []goal {
	all := []goal{{
		"Java app, parsing: CPU in the second half against KafkaConsumer", "java/json/columns", consumerHalf,
		"kafka-consumer/json", consumerHalf, 0.8,
	}}
	for _, mode := range []struct {
		name, text string
		limit      float64
	}{{"json", "standard json", 0.95}, {"orjson", "orjson", 0.85}, {"none", "no parsing", 0.5}} {
		of, base := "python/"+mode.name+"/columns", "confluent/"+mode.name
		all = append(all,
			goal{"Python app, " + mode.text + ": CPU against confluent-kafka", of, consumerCPU, base, consumerCPU, mode.limit},
			goal{"Python app, " + mode.text + ": memory against confluent-kafka", of, consumerPeak, base, consumerPeak, 0.5})
	}
	return all
}

// values are the figures that are compared, round by round; nil = not measured.
func (g goal) values(r results) series {
	s := r.series(g.of, g.what)
	if g.base == "" {
		return s
	}
	return s.over(r.series(g.base, g.baseFigure))
}

type verdict string

const (
	met      verdict = "met"
	noise    verdict = "within the noise"
	missed   verdict = "missed"
	unjudged verdict = "not measured"
)

// judge: a goal is met when the median of the rounds meets it, and missed when more than three rounds in four exceed it: a
// machine that is busy with something else now and then does not spoil so many.
func judge(values series, limit float64) verdict {
	if len(values) == 0 {
		return unjudged
	}
	above := 0
	for _, v := range values {
		if v > limit {
			above++
		}
	}
	switch {
	case values.median() <= limit:
		return met
	case 4*above > 3*len(values):
		return missed
	default:
		return noise
	}
}

// goalTable is what was measured against each goal.
func goalTable(r results) string {
	var b strings.Builder
	b.WriteString("| goal | at most | measured (min, median, max) | |\n|---|---|---|---|\n")
	for _, g := range goals(r) {
		values := g.values(r)
		scale, unit := unitOf(g.limit)
		fmt.Fprintf(&b, "| %s | %.4g%s | %s | %s |\n", g.text, g.limit*scale, unit, cell(values, scale), judge(values, g.limit))
	}
	return b.String()
}

// unitOf prints bytes as MiB and shares of a core as per cent.
func unitOf(limit float64) (scale float64, unit string) {
	switch {
	case limit >= 1<<20:
		return 1.0 / (1 << 20), " MiB"
	case limit < 0.1:
		return 100, " %"
	}
	return 1, ""
}

// missedGoals names them.
func missedGoals(r results) []string {
	var names []string
	for _, g := range goals(r) {
		if values := g.values(r); judge(values, g.limit) == missed {
			scale, unit := unitOf(g.limit)
			names = append(names, fmt.Sprintf("%s: %s, the goal is %.4g%s", g.text, cell(values, scale), g.limit*scale, unit))
		}
	}
	return names
}
