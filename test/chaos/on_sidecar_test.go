package chaos

import "testing"

func TestSidecarKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{sidecars: 2})
	w.start()
	w.goesOn(200)
	f := w.inject(sidecarKilled, 0)
	w.goesOn(100) // the other one
	f.heal()
	w.goesOn(200)
	w.finish()
}
