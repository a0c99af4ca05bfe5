package main

import (
	"fmt"
	"math"
	"strings"
)

// column is one of a table; of gives its figures for a case, nil where there are none.
type column struct {
	title string
	of    func(r results, c benchCase) series
	scale float64
}

func plain(title string, what figure, scale float64) column {
	return column{title, func(r results, c benchCase) series { return r.series(c.name, what) }, scale}
}

// against is the figure divided by one of the base in the same round.
func against(title string, what, baseFigure figure) column {
	return column{title, func(r results, c benchCase) series {
		if c.base == "" {
			return nil
		}
		return r.series(c.name, what).over(r.series(c.base, baseFigure))
	}, 1}
}

const perMiB = 1.0 / (1 << 20)

// appColumns are about the process of the app or consumer.
var appColumns = []column{
	plain("app, CPU s per million", consumerCPU, 1),
	against("ratio to the client", consumerCPU, consumerCPU),
	plain("app in the second half, CPU s per million", consumerHalf, 1),
	against("ratio to the client", consumerHalf, consumerHalf),
	plain("app, peak MiB", consumerPeak, perMiB),
	against("ratio to the client", consumerPeak, consumerPeak),
	plain("sidecar, CPU s per million", sidecarCPU, 1),
	plain("thousand records a second", rate, 1e-3),
}

// columnsOf are those of each table, by title.
var columnsOf = map[string][]column{
	drainTable: {
		plain("sidecar, CPU s per million", sidecarCPU, 1),
		against("ratio to bare", sidecarCPU, consumerCPU),
		plain("consumer or app, CPU s per million", consumerCPU, 1),
		plain("thousand records a second", rate, 1e-3),
		plain("sidecar, peak MiB", sidecarPeak, perMiB),
		plain("consumer or app, peak MiB", consumerPeak, perMiB),
	},
	pythonTable: appColumns,
	javaTable:   appColumns,
	pacedTable: {
		plain("records a second", rate, 1),
		plain("sidecar, % of a core", sidecarCore, 100),
		plain("bare, % of a core", bareCore, 100),
		plain("sidecar, peak MiB", sidecarPeak, perMiB),
		plain("bare p50, ms", bareP50, 1),
		plain("bare p99, ms", bareP99, 1),
		plain("added p50, ms", addedP50, 1),
		plain("added p99, ms", addedP99, 1),
		plain("Consul transactions a second", transactions, 1),
	},
	backlogTable: {
		plain("sidecar, peak MiB", sidecarPeak, perMiB),
		plain("above memory.max_bytes, MiB", overBudget, perMiB),
		plain("at the end, MiB", sidecarHeld, perMiB),
	},
}

// tables are all of them, in Markdown, with a line for each case that was measured.
func tables(cases []benchCase, r results) string {
	var b strings.Builder
	shown := map[string]bool{}
	for _, c := range cases {
		if shown[c.table] {
			continue
		}
		shown[c.table] = true
		fmt.Fprintf(&b, "### %s\n\n%s\n", c.table, oneTable(c.table, cases, r))
	}
	return b.String()
}

func oneTable(title string, cases []benchCase, r results) string {
	var b strings.Builder
	columns := columnsOf[title]
	b.WriteString("| case |")
	for _, col := range columns {
		fmt.Fprintf(&b, " %s |", col.title)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, c := range cases {
		if c.table != title || len(r[c.name]) == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s |", c.name)
		for _, col := range columns {
			fmt.Fprintf(&b, " %s |", cell(col.of(r, c), col.scale))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// cell is minimum, median and maximum; one number where there is one only.
func cell(s series, scale float64) string {
	switch len(s) {
	case 0:
		return "–"
	case 1:
		return digits(s[0] * scale)
	}
	return digits(s.min()*scale) + " / " + digits(s.median()*scale) + " / " + digits(s.max()*scale)
}

// digits is the number with three digits that mean something.
func digits(n float64) string {
	switch size := math.Abs(n); {
	case size >= 100:
		return fmt.Sprintf("%.0f", n)
	case size >= 10:
		return fmt.Sprintf("%.1f", n)
	default:
		return fmt.Sprintf("%.2f", n)
	}
}
