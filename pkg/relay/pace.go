package relay

import "time"

// paceStretch is how much of a second's records may go at once: short enough to look steady, long enough that batches do not become tiny.
const paceStretch = 100 * time.Millisecond

// pace keeps deliveries to batch.max_rate. What is delivered is charged when it is sent, so that batches sent at the same moment in several lanes,
// and what is tried again, make the next one wait longer.
type pace struct {
	rate  float64 // records per second; 0 = no bound
	have  float64 // records that may go now; below 0 after more went
	at    time.Time
	armed bool
	holds bool // records stand ready and wait for it
}

// most is how many records may have gathered.
func (p *pace) most() float64 { return max(1, p.rate*paceStretch.Seconds()) }

// allows is how many records may go now. It waits until half of what may gather is there.
func (p *pace) allows() int {
	p.gather()
	if p.have < p.least() {
		return 0
	}
	return int(p.have)
}

func (p *pace) least() float64 { return max(1, p.most()/2) }

func (p *pace) gather() {
	now := time.Now()
	if p.at.IsZero() {
		p.have = p.most()
	} else {
		p.have = min(p.most(), p.have+p.rate*now.Sub(p.at).Seconds())
	}
	p.at = now
}

// sent charges records.
func (p *pace) sent(records int) {
	if p.rate > 0 {
		p.have -= float64(records)
	}
}

// mayTake is how many records a fresh batch may hold; 0 = it has to wait, and the loop is woken when it need not.
func (e *Engine) mayTake() int {
	p := &e.pace
	if p.rate <= 0 {
		return e.cfg.MaxRecords
	}
	n := min(p.allows(), e.cfg.MaxRecords)
	p.holds = n == 0 && len(e.ready) > 0
	if p.holds && !p.armed {
		p.armed = true
		wait := time.Duration((p.least() - p.have) / p.rate * float64(time.Second))
		e.after(wait+time.Millisecond, func() { p.armed = false })
	}
	return n
}
