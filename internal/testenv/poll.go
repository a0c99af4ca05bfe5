package testenv

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// pollEvery is how often a condition is looked at.
const pollEvery = 25 * time.Millisecond

// Eventually polls cond until it returns nil and fails the test after within, naming what was waited
// for and cond's last error.
func Eventually(t testing.TB, within time.Duration, what string, cond func() error) {
	t.Helper()
	if err := poll(within, cond); err != nil {
		t.Fatalf("waited %s for %s: %v", within, what, err)
	}
}

// Throughout polls cond for all of the time given and fails the test at its first error: for what must not happen.
func Throughout(t testing.TB, during time.Duration, what string, cond func() error) {
	t.Helper()
	end := time.Now().Add(during)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for time.Now().Before(end) {
		if err := cond(); err != nil {
			t.Fatalf("%s did not hold: %v", what, err)
		}
		<-tick.C
	}
}

func poll(within time.Duration, cond func() error) error {
	end := time.Now().Add(within)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return nil
		}
		if stop := (GiveUpError{}); errors.As(err, &stop) {
			return stop
		}
		if time.Now().After(end) {
			return fmt.Errorf("not in time: %w", err)
		}
		<-tick.C
	}
}

// GiveUpError ends Eventually at once: waiting can't help.
type GiveUpError struct{ error }

// GiveUp makes a GiveUpError of a formatted message.
func GiveUp(format string, args ...any) error { return GiveUpError{fmt.Errorf(format, args...)} }
