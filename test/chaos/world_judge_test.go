package chaos

import (
	"context"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// finish settles the world and requires that every invariant held.
func (w *world) finish() *oracle.Verdict {
	w.t.Helper()
	w.settle()
	w.standStill()
	v := w.judge()
	require.True(w.t, v.OK(), "an invariant was violated; see the report")
	return v
}

// judge collects the logs of all that happened so far, has the oracle judge it and prints its report.
func (w *world) judge() *oracle.Verdict {
	w.t.Helper()
	w.look()
	ended := nanos()
	w.readContents(0)
	w.writeEvents()
	w.writeFrame(w.frame(ended))
	run, err := oracle.Read(w.dir)
	require.NoError(w.t, err)
	v := oracle.Judge(run)
	var report strings.Builder
	require.NoError(w.t, oracle.Report(&report, run.Frame, v))
	w.t.Logf("\n%s", &report)
	return v
}

func (w *world) frame(ended oracle.Nanos) *oracle.Frame {
	return &oracle.Frame{
		Command: w.command, Seed: w.seed, Group: w.group, Began: w.began, Ended: ended,
		Start: w.settings.start, Isolation: "read_committed", DeadLetter: w.deadLetter, DataLoss: w.dataLoss, Recreated: w.recreated,
		AppTimeout: oracle.Nanos(w.appTimeout), CommitEvery: oracle.Nanos(w.commitEvery), StoreWithin: oracle.Nanos(storeWithin), Slack: oracle.Nanos(slack),
		Topics: w.topics, Bounds: w.bounds, IdleFrom: w.idle[0], IdleUntil: w.idle[1], Steady: w.stretches,
	}
}

// look waits until each sidecar that runs was looked at once more.
func (w *world) look() {
	w.t.Helper()
	for _, s := range w.sidecars {
		subject, ok := s.subject()
		if !ok {
			continue
		}
		testenv.Eventually(w.t, soon, "a look at "+subject.proc, func() error {
			sample, err := subject.look(context.Background())
			if err == nil {
				w.samples.add(sample)
			}
			return err
		})
	}
}

// writeEvents reads the events anew from the sidecars' logs.
func (w *world) writeEvents() {
	w.t.Helper()
	var all []oracle.Event
	for _, s := range w.sidecars {
		all = append(all, events(s.proc.Log(), s.lifeAt)...)
	}
	replace(w, oracle.EventLog, all)
}
