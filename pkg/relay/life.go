package relay

import (
	"context"
	"errors"
	"time"
)

// States of the process, as the status names them.
const (
	stateStarting = "starting"
	stateWaiting  = "waiting"
	stateRunning  = "running"
	stateDraining = "draining"
	stateStopped  = "stopped"
)

// life is where the process stands between start and end.
type life struct {
	state   string // "" = starting
	since   time.Time
	reasons map[string]string // why the process is not ready, beside what is derived; reason → detail
	taking  bool              // new attempts may start
	joined  bool              // partitions were assigned once
	inGroup bool              // the group's Run has not ended
	leave   context.CancelFunc

	drain drainState
	exit  bool // the process ends after the drain
	ended bool // the loop ends
	err   error
}

// drainState is how far a drain has come.
type drainState struct {
	started bool
	done    bool
	cut     bool  // the grace is over: requests were cut
	gaveUp  bool  // a partition was revoked meanwhile and let go with acknowledged records uncommitted
	err     error // ErrUncommitted
	waiters []chan error
	timer   *time.Timer
}

func (l *life) stopping() bool { return l.drain.started }

// setReason notes why the process is not ready; an empty detail takes it back. It reports whether it is news.
func (e *Engine) setReason(reason, detail string) bool {
	was, ok := e.life.reasons[reason]
	if detail == "" {
		delete(e.life.reasons, reason)
		return ok
	}
	e.life.reasons[reason] = detail
	return was != detail
}

// Drain stops taking, waits for requests in flight up to the grace, commits, leaves the group and
// returns; the engine stays up and not ready. Calling it again waits for the same drain. The error is
// ErrUncommitted, or ctx's.
func (e *Engine) Drain(ctx context.Context) error {
	w := make(chan error, 1)
	err := e.ask(ctx, func() {
		if e.life.drain.done {
			w <- e.life.drain.err
			return
		}
		e.life.drain.waiters = append(e.life.drain.waiters, w)
		e.drain()
	})
	if errors.Is(err, errEnded) {
		return e.life.drain.err // the loop has ended: nobody writes it any more
	}
	if err != nil {
		return err
	}
	select {
	case err := <-w:
		return err
	case <-e.done:
		return e.life.drain.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain begins the way out. No new attempt, half or retry starts from here on.
func (e *Engine) drain() {
	d := &e.life.drain
	switch {
	case d.done && e.life.exit: // the signal came after a drain request
		e.end(d.err)
		return
	case d.started:
		e.checkDrain()
		return
	}
	d.started = true
	e.life.taking = false
	e.life.state, e.life.since = stateDraining, time.Now()
	e.log.Info().Dur("grace", e.cfg.ShutdownGrace).Msg("draining")
	e.tell(EventDraining, "")
	for _, l := range e.lanes {
		if l.coming != nil && l.coming.encoded {
			e.dissolve(l.coming)
		}
	}
	d.timer = e.after(e.cfg.ShutdownGrace, e.cutDrain)
	e.commits.tries = 0
	e.commitNow() // may finish the drain
	e.checkDrain()
}

// cutDrain: the grace is over. Requests are cut; what was acknowledged gets one more store deadline.
func (e *Engine) cutDrain() {
	d := &e.life.drain
	if d.done {
		return
	}
	if d.cut {
		if e.uncommitted() { // else it is only the group that takes its time
			d.err = ErrUncommitted
			e.log.Error().Int("records", e.commits.pending).Msg(ErrUncommitted.Error())
		}
		e.finishDrain()
		return
	}
	d.cut = true
	for _, l := range e.lanes {
		if l.sending != nil {
			e.log.Warn().Str("batch", l.sending.batch.ID()).Msg("grace is over: request cut, its records will be delivered again")
			l.sending.cancel()
		}
	}
	for _, p := range e.partitions {
		if p.letting {
			p.cutLet()
		}
	}
	d.timer = e.after(e.cfg.StoreTimeout, e.cutDrain)
	e.commits.tries = 0
	e.commitNow()
	e.checkDrain()
}

// checkDrain takes the drain's next step when the one before has ended.
func (e *Engine) checkDrain() {
	d := &e.life.drain
	if !d.started || d.done || e.inFlight() {
		return
	}
	if d.err == nil && (len(e.commits.dirty) > 0 || len(e.commits.doubts) > 0 || e.commits.busy) {
		if !e.commits.busy && e.commits.tries == 0 && e.commits.due == 0 {
			e.commitNow()
		}
		return
	}
	e.finishDrain()
}

// uncommitted: something acknowledged is not in the store.
func (e *Engine) uncommitted() bool {
	for _, p := range e.partitions {
		if p.claim != nil && p.claim.dirty {
			return true
		}
	}
	return false
}

// inFlight: a request or a dead letter is on its way.
func (e *Engine) inFlight() bool {
	for _, l := range e.lanes {
		if l.sending != nil {
			return true
		}
	}
	for _, p := range e.partitions {
		if p.letting {
			return true
		}
	}
	return false
}

// finishDrain leaves the group, then answers who waits, and ends the loop when the process is to end.
func (e *Engine) finishDrain() {
	d := &e.life.drain
	if e.life.inGroup {
		e.life.leave() // the group's end calls checkDrain again
		return
	}
	if e.deps.Group == nil {
		for _, p := range e.partitions {
			e.stopReading(p)
		}
	}
	if d.gaveUp {
		d.err = ErrUncommitted
	}
	d.done = true
	d.timer.Stop()
	e.life.state, e.life.since = stateStopped, time.Now()
	e.log.Info().Msg("drained")
	e.tell(EventDrained, errText(d.err))
	for _, w := range d.waiters {
		w <- d.err
	}
	d.waiters = nil
	if e.life.exit {
		e.end(d.err)
	}
}
