package oracle

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A kill with a repeat, and another with a lost record.
func TestReport(t *testing.T) {
	s := newScene(t, 1)
	s.run.Seed, s.run.Command = 7, "make chaos SEED=7"
	s.produce(0, 4)
	s.claim("s/1", 0)
	s.deliver(0, 0, 4).ack()
	heal := s.fault("sidecar kill", "sidecar")
	s.mark("s/1", Killed)
	heal()
	s.claim("s/2", 0)
	s.wait(2 * sec)
	s.take(0, 0, 4)
	s.wait(60 * sec)
	heal = s.fault("app hang", "app")
	s.produce(0, 2)
	heal()
	s.take(0, 5, 6)
	r := s.finish()

	lines := strings.Split(report(t, r, judged(t, r)), "\n")
	require.Equal(t, []string{
		"fault         injected  records  lost  out of order  repeated (bound)  fence violations  recovery median  max    standstill median  max",
		"app hang      1         2        1     1             0 (0)             0                 0.0 s            0.0 s  0.0 s              0.0 s",
		"sidecar kill  1         0        0     0             4 (4)             0                 2.1 s            2.1 s  -                  -",
		"",
		"2 faults, 6 records: 1 lost, 1 out of order, 4 repeated, 0 fence violations",
		"",
		"I1   no loss           violations: 1",
		"I2   commit after ack  violations: 1",
		"I3   monotone          ok",
		"I4   order             violations: 1",
		"I5   bounded repeats   ok",
	}, lines[:11])
	require.Contains(t, lines, "seed 7, to run it again: make chaos SEED=7")
	require.Contains(t, lines, "I4 orders/0 offset 4: records from 5 on were delivered under fence 102, while this record was neither acknowledged under it nor dead-lettered")
	require.Contains(t, lines, "    no app ever received the record")
}

func TestSecondsOfWhatNeverRecovered(t *testing.T) {
	require.Equal(t, "-", seconds(nil, last))
	require.Equal(t, "never", seconds([]time.Duration{-1, time.Second}, last))
	require.Equal(t, "1.0 s", seconds([]time.Duration{-1, time.Second}, func(int) int { return 0 }))
}

// Under the first fault partition 0 stands still for 5 s and partition 1 does not; under the second nothing of partition 1 comes.
func TestStandstill(t *testing.T) {
	s := newScene(t, 2)
	s.claim("s/1", 0)
	s.claim("s/1", 1)
	heal := s.fault("first", "app")
	s.produce(0, 2)
	s.produce(1, 1)
	s.take(1, 0, 1)
	s.wait(5 * sec)
	s.take(0, 0, 2)
	heal()
	s.fault("second", "app")()
	s.produce(0, 1)
	s.take(0, 2, 3)
	rows := judged(t, s.finish()).Table.Rows
	require.Equal(t, "first", rows[0].Fault)
	require.Len(t, rows[0].Standstill, 2)
	require.InDelta(t, 5, rows[0].Standstill[0].Seconds(), 0.2)
	require.InDelta(t, 0, rows[0].Standstill[1].Seconds(), 0.2)
	require.Len(t, rows[1].Standstill, 1)
	require.InDelta(t, 0, rows[1].Standstill[0].Seconds(), 0.2)
}
