package docs

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/alert"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// exposed are the labels of each series of /metrics by its name; those of the target come with every one.
func exposed() map[string][]string {
	reg := &descriptions{}
	relay.New(relay.DefaultConfig(), relay.Deps{Metrics: reg})
	alert.New(alert.DefaultConfig(), nil, reg)
	reg.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	all := map[string][]string{"up": {"job", "instance"}} // Prometheus' own
	for _, m := range reg.metrics {
		name, labels, _ := strings.Cut(strings.TrimSuffix(m, "}"), "{")
		all[name] = append([]string{"job", "instance"}, strings.FieldsFunc(labels, func(r rune) bool { return r == ',' })...)
		if strings.HasSuffix(name, "_seconds") || strings.HasPrefix(name, "sidecar_batch_") { // perhaps a histogram
			all[name+"_bucket"] = append([]string{"le"}, all[name]...)
		}
	}
	return all
}

var (
	selector   = regexp.MustCompile(`\b(up|(?:sidecar|process|go)_\w+)\b(?:\{([^}]*)\})?`)
	matcher    = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	aggregated = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// judgeQuery compares a query with what is exposed; shown are the labels that its result is shown by.
func judgeQuery(t *testing.T, known map[string][]string, query string, shown []string) {
	t.Helper()
	var labels []string
	for _, m := range selector.FindAllStringSubmatch(query, -1) {
		has, ok := known[m[1]]
		require.True(t, ok, "no metric %s: %s", m[1], query)
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			require.Contains(t, has, l[1], "no label of %s: %s", m[1], query)
		}
		labels = append(labels, has...)
	}
	require.NotEmpty(t, labels, "the query has no metric: %s", query)
	for _, by := range aggregated.FindAllStringSubmatch(query, -1) {
		for l := range strings.SplitSeq(by[1], ", ") {
			require.Contains(t, labels, l, query)
		}
	}
	for _, l := range shown {
		require.Contains(t, labels, l, query)
	}
}

var (
	alertRule = regexp.MustCompile(`(?s)- alert: (\w+)\n +expr: ([^\n]*)\n(.*?)\n\n`)
	ruleLabel = regexp.MustCompile(`\$labels\.(\w+)`)
)

// TestRulesAskWhatIsExposed: metrics and labels of the alerting rules are real, and each rule is told of and tested.
func TestRulesAskWhatIsExposed(t *testing.T) {
	known := exposed()
	text := read(t, "deploy/prometheus/alerts.yaml") + "\n"
	rules := alertRule.FindAllStringSubmatch(text, -1)
	require.Len(t, rules, strings.Count(text, "- alert:"), "a rule is alert, expr on one line, the rest, and an empty line")
	page, tests := section(read(t, "docs/alerts.md"), "Prometheus"), read(t, "deploy/prometheus/alerts_test.yaml")
	var names []string
	for _, r := range rules {
		var shown []string
		for _, l := range ruleLabel.FindAllStringSubmatch(r[3], -1) {
			shown = append(shown, l[1])
		}
		judgeQuery(t, known, r[2], shown)
		require.Contains(t, tests, "- alertname: "+r[1]+"\n", "no test sees it fire")
		names = append(names, r[1])
	}
	var documented []string
	for _, row := range rows(page) {
		documented = append(documented, spans(row[0])...)
	}
	require.ElementsMatch(t, names, documented)
}

// panel is what counts here of a panel of Grafana.
type panel struct {
	Title   string
	Targets []struct{ Expr, LegendFormat string }
}

var legend = regexp.MustCompile(`\{\{(\w+)\}\}`)

// TestDashboardAsksWhatIsExposed: metrics and labels of the dashboard are real, and it leaves none of ours out.
func TestDashboardAsksWhatIsExposed(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root(t), "deploy/grafana/dashboard.json"))
	require.NoError(t, err)
	var board struct {
		Panels     []panel
		Templating struct {
			List []struct{ Query any }
		}
	}
	require.NoError(t, json.Unmarshal(raw, &board))
	known := exposed()
	var all strings.Builder
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			var shown []string
			for _, l := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				shown = append(shown, l[1])
			}
			judgeQuery(t, known, target.Expr, shown)
			all.WriteString(target.Expr + "\n")
		}
	}
	for _, v := range board.Templating.List {
		if q, ok := v.Query.(map[string]any); ok {
			call := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(q["query"].(string))
			require.NotNil(t, call, q)
			judgeQuery(t, known, call[1], call[2:])
		}
	}
	for name := range known {
		if strings.HasPrefix(name, "sidecar_") && !strings.HasSuffix(name, "_bucket") {
			require.Regexp(t, `\b`+name+`(_bucket)?\b`, all.String(), "no panel shows it")
		}
	}
}

// TestPageListsTheAlerts compares the table of types with the constants.
func TestPageListsTheAlerts(t *testing.T) {
	var declared []string
	for name, value := range stringConstants(t, filepath.Join(root(t), "pkg/alert/alert.go")) {
		if name[0] >= 'A' && name[0] <= 'Z' {
			declared = append(declared, value)
		}
	}
	var documented []string
	for _, row := range rows(section(read(t, "docs/alerts.md"), "What each means")) {
		documented = append(documented, spans(row[0])...)
	}
	slices.Sort(declared)
	slices.Sort(documented)
	require.NotEmpty(t, declared)
	require.Equal(t, declared, documented)
}
