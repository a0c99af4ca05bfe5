package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCell(t *testing.T) {
	require.Equal(t, "–", cell(nil, 1))
	require.Equal(t, "0.25", cell(series{0.25}, 1))
	require.Equal(t, "1.00 / 20.0 / 300", cell(series{300, 1, 20}, 1))
	require.Equal(t, "-2.00", cell(series{-2}, 1))
}

func TestTableHasALineForEachMeasuredCase(t *testing.T) {
	cases := []benchCase{
		{name: "bare", table: drainTable}, {name: "consul/json", table: drainTable, base: "bare"}, {name: "file/json", table: drainTable},
	}
	r := results{
		"bare":        {{consumerCPU: 1, consumerPeak: 3 << 20, rate: 5000}},
		"consul/json": {{consumerCPU: 0.5, consumerPeak: 1 << 20, rate: 4000, sidecarCPU: 3, sidecarPeak: 2 << 20}},
	}
	require.Equal(t, `### Reading a topic to its end

| case | sidecar, CPU s per million | ratio to bare | consumer or app, CPU s per million | thousand records a second | sidecar, peak MiB | consumer or app, peak MiB |
|---|---|---|---|---|---|---|
| bare | – | – | 1.00 | 5.00 | – | 3.00 |
| consul/json | 3.00 | 3.00 | 0.50 | 4.00 | 2.00 | 1.00 |

`, tables(cases, r))
}
