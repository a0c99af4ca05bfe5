package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDemo plays the demo. Every check it makes itself holds, and it leaves no folder behind.
func TestDemo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	code := execute(t.Context(), []string{"demo"}, nil, &out, io.Discard)
	t.Log(out.String())
	require.Equal(t, exitOK, code)

	require.Regexp(t, `All \d+ checks hold: \d+ records produced, 0 lost, \d+ repeated, in \d+ s\.\n$`, out.String())
	require.Equal(t, 3, strings.Count(out.String(), "produced    acknowledged    lost    repeated"), "every act ends with its figures")
	require.NotContains(t, out.String(), "FAIL")
	require.NotContains(t, out.String(), "\x1b", "no colour where there is no terminal")
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}

// TestDemoLoss takes the offsets away between the crash and the restart, as a checkpoint folder does
// that does not survive: the demo has to notice the loss and to fail.
func TestDemoLoss(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var out bytes.Buffer
	err := runDemo(t.Context(), demoOptions{out: &out, logs: io.Discard, meddle: func(s *demoStage) {
		require.NoError(t, os.Remove(s.store.path))
	}})
	require.ErrorIs(t, err, errDemoFailed)
	var exit *exitError
	require.ErrorAs(t, demoExit(err), &exit)
	require.Equal(t, exitFailed, exit.code)
	require.Contains(t, out.String(), "FAIL  nothing is lost: 100 of 100 records never reached the app")
	require.Regexp(t, regexp.MustCompile(`\d+ of \d+ checks failed\.\n$`), out.String())
}

// TestDemoInterrupted: Ctrl-C in the middle ends everything, and is no success.
func TestDemoInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, interrupt := context.WithCancel(t.Context())
	err := runDemo(ctx, demoOptions{out: io.Discard, logs: io.Discard, meddle: func(*demoStage) { interrupt() }})
	require.ErrorContains(t, err, "interrupted")
	left, err := os.ReadDir(os.TempDir())
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestDemoCount(t *testing.T) {
	at := func(offset int64) demoPlace { return demoPlace{0, offset} }
	written := map[demoPlace]string{at(0): "a", at(1): "b", at(2): "c", {1, 0}: "d"}
	acked := func(offset int64, value string) demoDelivery { return demoDelivery{at(offset), value, true} }

	f := demoCount(written, []int64{1}, []demoDelivery{acked(0, "a"), acked(1, "b"), acked(0, "a"), acked(1, "b"), acked(2, "c"), {demoPlace{1, 0}, "d", true}}, 1)
	require.Equal(t, demoFigures{produced: 3, acknowledged: 3, repeated: 2}, f)

	f = demoCount(written, []int64{1}, []demoDelivery{acked(2, "c"), {demoPlace{1, 0}, "other", true}}, 0)
	require.Equal(t, 2, f.lost, "one was not delivered, one had another content")
	require.Equal(t, &demoPlace{0, 1}, f.gap)

	f = demoCount(written, []int64{1}, []demoDelivery{{at(1), "b", false}}, 0)
	require.Equal(t, 3, f.lost, "a delivery without an answer is no acknowledgement")
}
