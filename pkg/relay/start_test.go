package relay_test

import (
	"testing"
	"time"
)

// The baseline is written before the first delivery; a crash before the first ack resumes from it,
// not from a newer latest.
func TestFirstStartResumesFromBaseline(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start.Policy = "latest"
		r.kafka.produce("orders/0", 5)
		r.app.setReady(false)
		r.run()
		r.wantReasons("app_down")
		r.crash()
		r.kafka.produce("orders/0", 3)
		r.app.setReady(true)
		r.run()
		r.wantSent("1 orders/0[5,8)")
		r.wantCommitted("orders/0", 8)
	})
}

// Restart goes on exactly at the stored offset; what is not committed comes again with the same content.
func TestRestartGoesOnAtStoredOffset(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 4)
		r.start()
		r.pass(100 * time.Millisecond)
		r.crash() // before the first commit
		r.start()
		r.pass(2 * time.Second)
		r.end()
		r.kafka.produce("orders/0", 2)
		r.run()
		r.wantSent("1 orders/0[0,4)", "1 orders/0[0,4)", "1 orders/0[4,6)")
	})
}
