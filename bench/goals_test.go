package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		values series
		want   verdict
	}{
		"none":                        {nil, unjudged},
		"at the limit":                {series{1.5}, met},
		"above":                       {series{1.6}, missed},
		"median below, one above":     {series{1.2, 1.4, 9}, met},
		"median above, one below":     {series{1.4, 1.6, 1.7}, noise},
		"all above":                   {series{1.6, 1.6, 1.7}, missed},
		"three quarters are not more": {series{1.4, 1.6, 1.6, 1.6}, noise},
		"eight of nine":               {series{1.4, 2, 2, 2, 2, 2, 2, 2, 2}, missed},
	} {
		require.Equal(t, c.want, judge(c.values, 1.5), name)
	}
}

func TestMissedGoalIsNamedWithItsRatio(t *testing.T) {
	r := results{
		"bare":           {{consumerCPU: 1}, {consumerCPU: 2}},
		"consul/columns": {{sidecarCPU: 1.6}, {sidecarCPU: 3.6}},
		"consul/raw":     {{sidecarCPU: 1.6}, {sidecarCPU: 3.6}},
	}
	require.Equal(t, []string{"CPU of the sidecar for each record, columns: 1.60 / 1.70 / 1.80, the goal is 1.5"}, missedGoals(r))
}

func TestLatencyGoalIsThatOfANoisyMachineWhenTheBareConsumerIsLate(t *testing.T) {
	added := func(bare float64) float64 {
		for _, g := range goals(results{"latency": {{bareP99: bare}}}) {
			if g.what == addedP99 {
				return g.limit
			}
		}
		return 0
	}
	require.InDelta(t, 1, added(quietMillis), 0)
	require.InDelta(t, 5, added(quietMillis+1), 0)
}

func TestGoalsAreAboutCasesThatExist(t *testing.T) {
	all := map[string]bool{"": true}
	for _, c := range allCases(options{records: 1000}) {
		require.False(t, all[c.name], "%s is there twice", c.name)
		require.True(t, all[c.base], "the base of %s stands before it", c.name)
		require.Contains(t, columnsOf, c.table)
		all[c.name] = true
	}
	for _, g := range goals(nil) {
		require.True(t, all[g.of] && all[g.base], g.text)
	}
}
