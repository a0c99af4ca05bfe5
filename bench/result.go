package main

// figure names what is measured. CPU is in seconds per million records, which is microseconds per record, unless its name says
// otherwise.
type figure string

const (
	sidecarCPU    figure = "sidecar cpu"      // over its whole life
	sidecarSteady figure = "sidecar steady"   // in the second half of the records
	sidecarPeak   figure = "sidecar peak"     // bytes, largest resident size
	consumerCPU   figure = "consumer cpu"     // of the app, or of the consumer without a sidecar
	consumerHalf  figure = "consumer steady"  // in the second half of the records
	consumerPeak  figure = "consumer peak"    // bytes
	rate          figure = "records a second" // from the first record to the last
	sidecarCore   figure = "sidecar core"     // share of a core
	bareCore      figure = "bare core"        // share of a core of the bare consumer of the same records
	sidecarHeld   figure = "sidecar resident" // bytes, at the end
	overBudget    figure = "over the budget"  // bytes of the largest resident size above memory.max_bytes
	bareP50       figure = "bare p50"         // milliseconds from the acknowledgement of the producer
	bareP99       figure = "bare p99"
	sidecarP50    figure = "sidecar p50"
	sidecarP99    figure = "sidecar p99"
	addedP50      figure = "added p50" // milliseconds, the difference
	addedP99      figure = "added p99"
	transactions  figure = "transactions a second"
)

// result is what one run of a case has measured.
type result map[figure]float64

// results are those of all rounds, by case.
type results map[string][]result

// series is one figure of a case, round by round; nil = it was not measured.
func (r results) series(of string, what figure) series {
	var s series
	for _, run := range r[of] {
		if value, measured := run[what]; measured {
			s = append(s, value)
		}
	}
	return s
}
