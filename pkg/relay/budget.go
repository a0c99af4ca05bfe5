package relay

import (
	"context"
	"sync"
	"sync/atomic"
)

// aheadBytes is how far is read ahead beside what the lanes hold: some fetches, so that the next one is
// here before the last is delivered. More would only be cold in the processor's caches by the time it is encoded.
const aheadBytes = 16 << 20

// budget is the memory budget: bytes charged from fetch to ack. Feed charges and waits, the loop
// gives back; mu guards used.
type budget struct {
	mu     sync.Mutex
	used   int64
	max    int64         // set before use
	ahead  int64         // at most max; set before use: above it reading goes on only for a lane that starves
	starve atomic.Bool   // set by the loop: a lane could take more than there is
	room   chan struct{} // capacity 1: something was given back, or a lane starves
}

// readAhead is how many bytes may wait while no lane starves.
func (c *Config) readAhead() int64 {
	return min(aheadBytes+4*int64(c.Lanes)*int64(c.MaxBytes), c.MemoryMaxBytes)
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
	b.signal()
}

// starves says whether a lane could take more than there is.
func (b *budget) starves(yes bool) {
	if b.starve.Load() == yes {
		return
	}
	b.starve.Store(yes)
	if yes {
		b.signal()
	}
}

func (b *budget) signal() {
	select {
	case b.room <- struct{}{}:
	default: // there is a sign already
	}
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// full: nothing more may be read now.
func (b *budget) full() bool {
	used := b.inUse()
	return used >= b.max || used >= b.ahead && !b.starve.Load()
}

// wait returns when it is not full, or with ctx's error.
func (b *budget) wait(ctx context.Context, done <-chan struct{}) error {
	for b.full() {
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
