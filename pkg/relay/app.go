package relay

import (
	"context"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// busyAfter is how long the app may answer nothing but 429 and 503 before it counts as not ready.
const busyAfter = time.Minute

// maxProbeWait is the longest wait between two probes of an app that is down.
const maxProbeWait = 5 * time.Second

// appState is what the app's answers say about the app as a whole.
type appState struct {
	up      bool
	probing bool
	detail  string    // why it is down
	refused int       // attempts refused since the last answer, each but the first after a probe that succeeded
	setup   string    // why the set-up is wrong; "" = it is not
	code    string    // the status of the answer that said so; its text may differ from answer to answer
	busy    time.Time // since when it has answered nothing but busy; zero = it has not
	waits   int       // busy, set-up or refused in a row: the back-off
}

// noteApp keeps appState true to the newest answer.
func (e *Engine) noteApp(o record.Outcome) {
	a := &e.app
	if o.Kind != record.Cancelled && o.Kind != record.Down {
		e.appAnswered()
	}
	switch o.Kind {
	case record.Cancelled:
	case record.Down:
		e.appDown(o.Detail)
	case record.Busy:
		a.setup = ""
		if a.busy.IsZero() {
			a.busy = time.Now()
		}
	case record.Setup:
		a.busy = time.Time{}
		if a.setup == "" || a.code != o.Status {
			e.log.Warn().Str("reason", reasonAppSetup).Str("detail", o.Detail).
				Msg("the app's answer says the set-up is wrong; no record is blamed, the batch comes again")
		}
		a.setup, a.code = o.Detail, o.Status
	default:
		a.setup, a.busy, a.waits = "", time.Time{}, 0
	}
}

// appDown pauses delivery and probes until the app is there. The group membership stays.
func (e *Engine) appDown(detail string) {
	e.app.refused++
	switch e.app.refused {
	case 1:
		e.log.Warn().Str("detail", detail).Msg("app is down; delivery pauses")
		e.tell(EventAppDown, detail)
	case 2: // and from here on it would be said at every probe
		e.log.Warn().Str("detail", detail).Msg("app refuses requests though its probe succeeds; trying on, and saying so when one is answered")
	}
	e.app.up, e.app.detail = false, detail
	for _, l := range e.lanes {
		if l.coming != nil && l.coming.encoded {
			e.dissolve(l.coming)
		}
	}
	e.probeApp()
}

// probeApp asks until the app is ready, then delivers.
func (e *Engine) probeApp() {
	if e.app.probing {
		return
	}
	e.app.probing = true
	e.app.waits++
	// The probe may succeed though requests are refused (a ready_url at another port): wait before it too.
	wait := jitter(min(e.cfg.RetryMin, maxProbeWait), maxProbeWait, e.app.waits)
	e.go_(func(ctx context.Context) {
		if !pause(ctx, wait) {
			return
		}
		err := e.waitForApp(ctx)
		e.post(func() {
			e.app.probing = false
			if err == nil {
				e.appUp()
			}
		})
	})
}

// appUp: a probe succeeded. It is not news when the requests after such probes were refused.
func (e *Engine) appUp() {
	if !e.app.up && e.app.refused < 2 {
		e.log.Info().Str("url", e.cfg.AppURL).Msg("app is up")
		e.tell(EventAppUp, "")
	}
	e.app.up, e.app.detail = true, ""
}

// appAnswered ends what is said of an app that refuses requests.
func (e *Engine) appAnswered() {
	if e.app.refused >= 2 {
		e.log.Info().Str("url", e.cfg.AppURL).Msg("app is up")
		e.tell(EventAppUp, "")
	}
	e.app.refused = 0
}

// waitForApp probes with back-off until the app is ready or ctx ends.
func (e *Engine) waitForApp(ctx context.Context) error {
	for n := 1; ; n++ {
		err := e.deps.App.Ready(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		e.post(func() {
			e.app.detail = err.Error()
			if e.life.reasons[reasonAppDown] != "" {
				e.setReason(reasonAppDown, err.Error())
			}
		})
		if !pause(ctx, jitter(min(e.cfg.RetryMin, maxProbeWait), maxProbeWait, n)) {
			return ctx.Err()
		}
	}
}
