package deliver

import (
	"context"
	"fmt"
	"net"
	"time"
)

// readyTimeout is how long one probe may take.
const readyTimeout = 2 * time.Second

// Ready makes one probe: nil when ready_url answers 2xx or, without one, when the app's port or
// socket accepts a connection. The error says in words what is not as it should be.
func (a *App) Ready(ctx context.Context) error {
	deadline := time.Now().Add(readyTimeout)
	if a.ready.path == "" {
		d := net.Dialer{Deadline: deadline}
		conn, err := d.DialContext(ctx, a.target.network, a.target.address)
		if err != nil {
			return fmt.Errorf("connect to %s: %w", a.target.shown, err)
		}
		return conn.Close()
	}
	// A lane of its own: a probe must not touch the connection of a request.
	l := newLane(&a.ready)
	defer l.drop()
	h := &l.req.Header
	h.SetMethod("GET")
	h.SetRequestURI(a.ready.path)
	h.SetConnectionClose()
	if auth := a.authorization(&a.ready); auth != "" {
		h.Set("Authorization", auth)
	}
	answer, err := l.exchange(ctx, deadline)
	if err != nil {
		return fmt.Errorf("GET %s: %s", a.ready.shown, words(err, readyTimeout))
	}
	if answer.status < 200 || answer.status > 299 {
		return fmt.Errorf("GET %s answered %d", a.ready.shown, answer.status)
	}
	return nil
}
