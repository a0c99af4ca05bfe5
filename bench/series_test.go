package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	require.InDelta(t, 3, series{9, 1, 3}.median(), 0)
	require.InDelta(t, 2.5, series{4, 1, 2, 3}.median(), 0)
	s := series{9, 1, 3}
	s.median()
	require.Equal(t, series{9, 1, 3}, s, "rounds keep their order")
}

func TestRatiosAreOfTheSameRound(t *testing.T) {
	require.Equal(t, series{2, 4}, series{2, 8}.over(series{1, 2}))
	require.Equal(t, series{2}, series{2, 8}.over(series{1}), "a round that one of both has not had")
}

func TestPercentileIsAValueThatOccurred(t *testing.T) {
	hundred := make(series, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	require.InDelta(t, 50, percentile(hundred, 0.5), 0)
	require.InDelta(t, 99, percentile(hundred, 0.99), 0)
	require.InDelta(t, 100, percentile(hundred, 1), 0)
	require.InDelta(t, 7, percentile(series{7}, 0.01), 0)
}
