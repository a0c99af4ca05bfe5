package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCPUTimeOfAProcessWhoseNameHoldsBrackets(t *testing.T) {
	used, err := parseStat("4711 (a) b) 9) S 1 4711 4711 0 -1 4194560 7 0 0 0 150 25 0 0 20 0 9 0 100 1 1")
	require.NoError(t, err)
	require.Equal(t, 1750*time.Millisecond, used)
}

func TestStatThatIsCutIsAnError(t *testing.T) {
	for _, stat := range []string{"", "4711 (a", "4711 (a) S 1 2 3", "4711 (a) S 1 4711 4711 0 -1 4194560 7 0 0 0 x 25 0 0"} {
		_, err := parseStat(stat)
		require.Error(t, err, stat)
	}
}

func TestSizeInStatus(t *testing.T) {
	status := "Name:\tVmRSS:\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n"
	peak, err := parseStatus(status, "VmHWM")
	require.NoError(t, err)
	require.EqualValues(t, 2<<20, peak)
	resident, err := parseStatus(status, "VmRSS")
	require.NoError(t, err)
	require.EqualValues(t, 1<<20, resident)
	_, err = parseStatus(status, "VmSwap")
	require.Error(t, err)
}

func TestUsageOfThisProcess(t *testing.T) {
	u, err := usageOf(os.Getpid())
	require.NoError(t, err)
	require.Positive(t, u.resident)
	require.GreaterOrEqual(t, u.peak, u.resident)
}
