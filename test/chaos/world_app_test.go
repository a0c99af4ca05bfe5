package chaos

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/app"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// application is the app of one sidecar over all its lives. Its methods leave marks for the oracle.
type application struct {
	*app.App
	w *world
}

// startApps starts an app for each sidecar to come.
func (w *world) startApps() {
	w.t.Helper()
	w.makeApps()
	for _, a := range w.apps {
		a.begin()
	}
}

// makeApps reserves their addresses; none is there yet.
func (w *world) makeApps() {
	w.t.Helper()
	for i := range w.settings.sidecars {
		w.apps = append(w.apps, &application{app.New(w.t, fmt.Sprintf("a%d", i+1), w.dir), w})
	}
}

// begin starts the next process; nothing happens when one runs.
func (a *application) begin() {
	a.w.t.Helper()
	if a.Running() {
		return
	}
	before := nanos()
	a.w.marks.add(oracle.Mark{Proc: a.Start(), What: oracle.Started, Time: before})
}

// kill is kill -9; it notes the end of a process that has killed itself.
func (a *application) kill() {
	a.w.t.Helper()
	if a.Running() {
		a.w.mark(a.Proc(), oracle.Killed, 0)
		a.Kill()
	}
	require.NoError(a.w.t, a.Muddled())
	a.w.mark(a.Proc(), oracle.Exited, -1)
}

// freeze is SIGSTOP.
func (a *application) freeze() {
	a.w.t.Helper()
	a.w.mark(a.Proc(), oracle.Frozen, 0)
	a.Pause()
}

// thaw is SIGCONT.
func (a *application) thaw() {
	a.w.t.Helper()
	a.w.mark(a.Proc(), oracle.Thawed, 0)
	a.Resume()
}
