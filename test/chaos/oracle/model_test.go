package oracle

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// model plays sidecars that keep every rule, under kills, freezes, rebalances, seeks, lost answers and lost records, and writes
// the logs of it. Whatever it does, the oracle must find nothing.
type model struct {
	*scene
	*rand.Rand
	parts    map[int32]*owned
	lives    map[string]int // of sidecars and apps
	baseline map[int32]int64
}

// owned is a partition under the claim that stands.
type owned struct {
	sidecar string // s1, s2
	next    int64  // everything below was settled under the claim
}

// newModel has two sidecars, "s1/1" and "s2/1" in their first lives; each delivers to an app of its own, "a1/1" and "a2/1".
func newModel(t *testing.T, seed uint64) *model {
	m := &model{
		scene: newScene(t, 0), Rand: rand.New(rand.NewPCG(seed, 7)), parts: map[int32]*owned{},
		lives: map[string]int{"s1": 1, "s2": 1, "a1": 1, "a2": 1}, baseline: map[int32]int64{},
	}
	m.run.Seed, m.run.DeadLetter, m.run.DataLoss, m.run.Writes, m.index = seed, "topic", "earliest", nil, 0
	m.partitions = 1 + m.Int32N(3)
	for p := range m.partitions {
		m.baseline[p] = 0
	}
	m.document("s1/1", m.partitions, m.baseline)
	for p := range m.partitions {
		m.takeOver(p, m.sidecar())
	}
	return m
}

func (m *model) sidecar() string { return []string{"s1", "s2"}[m.IntN(2)] }

func (m *model) life(name string) string { return fmt.Sprintf("%s/%d", name, m.lives[name]) }

func (m *model) appOf(sidecar string) string { return m.life("a" + sidecar[1:]) }

func (m *model) takeOver(p int32, sidecar string) {
	m.claim(m.life(sidecar), p)
	m.parts[p] = &owned{sidecar, m.stored[p].offset}
}

func (m *model) any() int32 { return m.Int32N(m.partitions) }

func (m *model) play(steps int) *Run {
	moves := []func(){
		m.grow, m.grow, m.work, m.work, m.work, m.work, m.save, m.save, m.quietTime,
		m.kill, m.rebalance, m.freeze, m.killApp, m.freezeApp, m.storeFault, m.seek, m.retention, m.addPartition, m.block, m.calm,
	}
	for range steps {
		moves[m.IntN(len(moves))]()
	}
	m.quietTime()
	for p := range m.partitions {
		m.app = m.appOf(m.parts[p].sidecar)
		for m.parts[p].next < m.end[p] {
			m.give(p, m.end[p]).ack()
			m.parts[p].next = m.end[p]
		}
		m.saveOne(p)
	}
	m.quietTime()
	m.finish()
	m.count()
	return m.run
}

// count puts into each sample what its process had said by then, as counters do. How long a heal takes is not played.
func (m *model) count() {
	for i := range m.run.Samples {
		s := &m.run.Samples[i]
		for _, e := range m.run.Events {
			switch {
			case e.Proc != s.Proc || e.Time > s.Time:
			case e.What == Lost:
				s.LostTotal += e.Count
			case e.What == DeadLettered:
				s.LettersTotal++
			}
		}
	}
	for i := range m.run.Faults {
		m.run.Faults[i].Bound = 0
	}
}

func (m *model) quietTime() { m.wait(40 * sec) }

func (m *model) grow() { m.produce(m.any(), 1+m.Int64N(8)) }

// give sends what begins at the position, up to a bound, and leaves the answer to the caller.
func (m *model) give(p int32, until int64) sent {
	return m.deliver(p, m.parts[p].next, until)
}

// work delivers a batch of one owner's partitions with any outcome.
func (m *model) work() {
	owner := m.sidecar()
	var parts []Part
	for p := range m.partitions {
		if o := m.parts[p]; o.sidecar == owner && o.next < m.end[p] && m.IntN(4) > 0 {
			parts = append(parts, m.part(p, o.next, o.next+1+m.Int64N(m.end[p]-o.next)))
		}
	}
	if parts == nil {
		return
	}
	m.app = m.appOf(owner)
	d := m.send(parts...)
	m.wait(Nanos(m.IntN(2000)) * ms)
	switch m.IntN(8) {
	case 0:
		d.answer(500)
	case 1:
		d.answer(503)
	case 2:
		d.answer(200).Broken = "garbage"
	case 3:
		m.timeOut(d)
	case 4:
		m.partly(d, parts)
	default:
		d.ack()
		for _, part := range parts {
			m.parts[part.Partition].next = part.Until
		}
	}
}

// calm delivers two batches of one partition in a row, far from every fault.
func (m *model) calm() { m.calmOne(m.any()) }

func (m *model) calmOne(p int32) {
	m.produce(p, 2)
	m.quietTime()
	m.app = m.appOf(m.parts[p].sidecar)
	for m.parts[p].next < m.end[p] {
		until := min(m.parts[p].next+1+m.Int64N(4), m.end[p])
		m.give(p, until).ack()
		m.parts[p].next = until
	}
	m.saveOne(p)
	m.quietTime()
}

// timeOut: the app answers, or not, when the sidecar has gone.
func (m *model) timeOut(d sent) {
	m.wait(15 * sec)
	d.gone()
	if m.IntN(2) == 0 {
		d.ack()
	}
}

// partly answers with a retry or a rejection in each partition.
func (m *model) partly(d sent, parts []Part) {
	var failures []Failure
	for _, part := range parts {
		at := part.From + m.Int64N(part.Until-part.From)
		if m.IntN(2) == 0 {
			failures = append(failures, retry(part.Partition, at))
		} else {
			failures = append(failures, reject(part.Partition, at))
		}
	}
	d.answer(200, failures...)
	for i, f := range failures {
		o := m.parts[f.Partition]
		if f.Action == "retry" {
			o.next = f.Offset
			continue
		}
		m.deadLetter(f.Partition, f.Offset)
		o.next = parts[i].Until
	}
}

func (m *model) deadLetter(p int32, offset int64) {
	m.letter(p, offset)
	m.event(Event{What: DeadLettered, Proc: m.life(m.parts[p].sidecar), Partition: p, Offset: offset})
}

func (m *model) save() { m.saveOne(m.any()) }

func (m *model) saveOne(p int32) {
	if m.parts[p].next > m.stored[p].offset {
		m.commit(p, m.parts[p].next)
	}
}

// saveSome is a commit that came before whatever comes next, or did not.
func (m *model) saveSome(sidecar string) {
	for p := range m.partitions {
		if m.parts[p].sidecar == sidecar && m.IntN(2) == 0 {
			m.saveOne(p)
		}
	}
}

// fresh commits what is acknowledged: nothing may be older than a commit interval when a fault begins.
func (m *model) fresh() {
	for p := range m.partitions {
		m.saveOne(p)
	}
	m.work()
}

func (m *model) kill() {
	m.fresh()
	victim := m.sidecar()
	m.saveSome(victim)
	heal := m.fault("sidecar killed", "sidecar")
	m.mark(m.life(victim), Killed)
	m.lives[victim]++
	heal()
	m.moveAll(victim)
}

func (m *model) moveAll(from string) {
	for p := range m.partitions {
		if m.parts[p].sidecar == from {
			m.takeOver(p, m.sidecar())
		}
	}
}

// rebalance hands partitions over with everything committed; one of them may stop as well.
func (m *model) rebalance() {
	from := m.sidecar()
	if m.IntN(2) == 0 {
		m.mark(m.life(from), Terminated)
		defer func() { m.mark(m.life(from), Exited); m.lives[from]++ }()
	}
	for p := range m.partitions {
		if m.parts[p].sidecar == from {
			m.saveOne(p)
			m.takeOver(p, map[string]string{"s1": "s2", "s2": "s1"}[from])
		}
	}
}

// freeze replaces a sidecar that stands still with a request in flight; when it wakes up it sends another before it learns of it.
func (m *model) freeze() {
	p := m.any()
	o := m.parts[p]
	m.fresh()
	if o.next == m.end[p] {
		m.produce(p, 2)
	}
	frozen, other := o.sidecar, map[string]string{"s1": "s2", "s2": "s1"}[o.sidecar]
	m.app = m.appOf(frozen)
	d := m.give(p, m.end[p])
	late := m.part(p, o.next, m.end[p])
	heal := m.fault("sidecar frozen", "sidecar")
	m.mark(m.life(frozen), Frozen)
	m.moveAllTo(frozen, other)
	m.app = m.appOf(other)
	e := m.give(p, m.end[p])
	d.ack()
	e.ack()
	m.parts[p].next = m.end[p]
	m.mark(m.life(frozen), Thawed)
	heal()
	m.app = m.appOf(frozen)
	m.send(late).answer(503)
}

func (m *model) moveAllTo(from, to string) {
	for p := range m.partitions {
		if m.parts[p].sidecar == from {
			m.takeOver(p, to)
		}
	}
}

// killApp kills an app in a request, or between its answer and the sidecar's reading of it.
func (m *model) killApp() {
	p := m.any()
	o := m.parts[p]
	if o.next == m.end[p] {
		return
	}
	m.app = m.appOf(o.sidecar)
	d := m.give(p, m.end[p])
	if m.IntN(2) == 0 {
		d.ack()
	}
	heal := m.fault("app killed", "app")
	m.mark(m.app, Killed)
	m.lives["a"+o.sidecar[1:]]++
	heal()
}

// freezeApp: the request times out while the app stands still, and comes twice when it wakes up.
func (m *model) freezeApp() {
	p := m.any()
	o := m.parts[p]
	if o.next == m.end[p] {
		return
	}
	m.app = m.appOf(o.sidecar)
	heal := m.fault("app frozen", "app")
	m.mark(m.app, Frozen)
	m.wait(20 * sec)
	m.mark(m.app, Thawed)
	heal()
	d, e := m.give(p, m.end[p]), m.give(p, m.end[p])
	d.gone()
	d.answer(200)
	e.ack()
	o.next = m.end[p]
	m.wait(2 * sec)
}

// storeFault loses the answer of a commit that was applied; the watch sees it. A rebalance follows.
func (m *model) storeFault() {
	p := m.any()
	o := m.parts[p]
	m.fresh()
	heal := m.fault("answer lost", "consul")
	if o.next > m.stored[p].offset {
		w := m.commit(p, o.next)
		m.lose(w)
	}
	m.work()
	heal()
	if m.IntN(2) == 0 {
		m.moveAll(o.sidecar) // without what was acknowledged last
		return
	}
	m.claim(m.life(o.sidecar), p)
	m.lose(&m.run.Writes[len(m.run.Writes)-1])
	o.next = m.stored[p].offset
	m.calmOne(p)
}

// lose makes the outcome of the last write unknown; the watch sees it, or it is overwritten before anybody looks.
func (m *model) lose(w *Write) {
	seen := *w
	w.Index = 0
	if m.IntN(2) == 0 {
		seen.Writer, seen.Seen, seen.Done = "", true, m.tick()
		m.run.Writes = append(m.run.Writes, seen)
	}
}

func (m *model) seek() {
	p := m.any()
	low := m.start[p]
	m.operator(p, low+m.Int64N(m.end[p]-low+1))
	m.takeOver(p, m.parts[p].sidecar)
}

// retention deletes records above the stored offset, and the policy says so at the next claim.
func (m *model) retention() {
	p := m.any()
	at := m.stored[p].offset
	if at >= m.end[p] || m.parts[p].next > at {
		return
	}
	to := at + 1 + m.Int64N(m.end[p]-at)
	m.start[p] = to
	proc := m.life(m.parts[p].sidecar)
	m.claimAt(proc, p, to)
	m.event(Event{What: Lost, Proc: proc, Partition: p, Offset: at, Until: to, Count: to - at, Reason: "offset_out_of_range"})
	m.parts[p].next = to
}

func (m *model) addPartition() {
	if m.partitions == 5 {
		return
	}
	p := m.partitions
	m.partitions++
	m.produce(p, 3)
	m.document(m.life("s1"), m.partitions, m.baseline)
	m.takeOver(p, m.sidecar())
}

// block shows a blocked partition in every place.
func (m *model) block() {
	p := m.any()
	proc := m.life(m.parts[p].sidecar)
	m.event(Event{What: Blocked, Proc: proc, Partition: p, Reason: "app_failing"})
	m.wait(3 * sec)
	b := []Block{{Place{"orders", p}, "app_failing"}}
	m.run.Samples = append(m.run.Samples, Sample{Proc: proc, Time: m.tick(), Blocked: b, MetricBlocked: b})
	m.wait(3 * sec)
	m.event(Event{What: Unblocked, Proc: proc, Partition: p})
}
