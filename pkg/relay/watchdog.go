package relay

import (
	"errors"
	"time"
)

// loopStall is how long the loop may not turn before /livez fails. Source: the contract.
const loopStall = time.Minute

// errStalled and errIdleLane are what Live reports.
var (
	errStalled  = errors.New("the loop that owns the scheduling state has not turned for a minute")
	errIdleLane = errors.New("a batch has stood ready with a free lane for longer than watchdog.after")
)

// watchdog notices a batch that stands ready and is not sent.
type watchdog struct {
	since time.Time // since when; zero = none does
	fired bool
}

// checkWatchdog runs in the loop with each heartbeat.
func (e *Engine) checkWatchdog() {
	w := &e.watchdog
	if !e.standsReady() {
		*w = watchdog{}
		e.idle.Store(false)
		return
	}
	if w.since.IsZero() {
		w.since = time.Now()
	}
	if !w.fired && time.Since(w.since) > e.cfg.WatchdogAfter {
		w.fired = true
		e.idle.Store(true)
		e.log.Error().Err(errIdleLane).Msg("watchdog")
		e.tell(EventWatchdog, errIdleLane.Error())
	}
}

// standsReady: there is a free lane, nothing forbids delivery, and yet a partition has records to deliver.
func (e *Engine) standsReady() bool {
	if !e.mayDeliver() || !e.store.up || e.pace.holds || !e.freeLane() {
		return false
	}
	for _, p := range e.partitions {
		if p.deliverable() && p.sending == nil && p.queue.has(p.acked) && e.enough() {
			return true
		}
	}
	return false
}

func (e *Engine) freeLane() bool {
	for _, l := range e.lanes {
		if l.sending == nil && l.coming == nil {
			return true
		}
	}
	return false
}

// Live is nil while the process works, whatever it waits for; for /livez.
func (e *Engine) Live() error {
	if time.Since(time.Unix(e.beat.Load(), 0)) > loopStall {
		select {
		case <-e.done:
		default:
			return errStalled
		}
	}
	if e.idle.Load() {
		return errIdleLane
	}
	return nil
}
