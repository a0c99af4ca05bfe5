package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPeriods(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT1H": time.Hour, "pt1h": time.Hour, "P1D": 24 * time.Hour, "P1DT2H3M4.5S": 26*time.Hour + 3*time.Minute + 4500*time.Millisecond, "PT90M": 90 * time.Minute,
		"1h": time.Hour, "1h30m": 90 * time.Minute, "500ms": 500 * time.Millisecond,
	} {
		got, err := period(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "P", "PT", "PT0S", "P1Y", "P1M", "P1W", "PT1D", "P1H", "-PT1H", "PT-1H", "1", "0s", "-1h", "P999999D", "PT99999999999H", "x"} {
		_, err := period(text)
		require.Error(t, err, text)
	}
}
