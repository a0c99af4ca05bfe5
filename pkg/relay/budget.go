package relay

import (
	"context"
	"sync"
)

// budget is the memory budget: bytes charged from fetch to ack. Feed charges and waits, the loop
// gives back; mu guards used.
type budget struct {
	mu   sync.Mutex
	used int64
	max  int64         // set before use
	room chan struct{} // capacity 1: something was given back
}

func (b *budget) charge(n int64) {
	b.mu.Lock()
	b.used += n
	b.mu.Unlock()
}

func (b *budget) giveBack(n int64) {
	b.mu.Lock()
	b.used -= n
	b.mu.Unlock()
	select {
	case b.room <- struct{}{}:
	default:
	}
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// wait returns when less than max is used, or with ctx's error.
func (b *budget) wait(ctx context.Context, done <-chan struct{}) error {
	for b.inUse() >= b.max {
		select {
		case <-b.room:
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			return errEnded
		}
	}
	return nil
}
