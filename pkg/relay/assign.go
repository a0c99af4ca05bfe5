package relay

import (
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// leaving is a partition's way out: nothing new starts, what is in flight ends or is cut, what was
// acknowledged is committed, and then it is gone.
type leaving struct {
	done    chan struct{}
	cut     *time.Timer // cuts what is in flight
	giveUp  *time.Timer // gives the commit up
	lost    bool        // it is somebody else's already
	waiting bool        // in flight work has ended, the commit is awaited
}

// onAssigned, onRevoked and onProblem are called by the group's goroutine.
func (e *Engine) onAssigned(parts []record.TopicPartition) {
	e.post(func() {
		if !e.life.joined {
			e.life.joined = true
			e.log.Info().Str("group", e.cfg.Group).Msg("joined the group")
		}
		if len(parts) > 0 {
			e.log.Info().Int("partitions", len(parts)).Msg("assigned")
		}
		e.assign(parts)
	})
}

func (e *Engine) onProblem(reason, detail string) {
	e.post(func() {
		if reason == "" {
			e.setReason(reasonInstanceID, "")
			e.setReason(reasonKafka, "")
			return
		}
		if e.setReason(reason, detail) {
			e.log.Warn().Str("reason", reason).Str("detail", detail).Msg("the group can't be joined or kept; trying on")
		}
	})
}

// onRevoked blocks until the partitions are let go.
func (e *Engine) onRevoked(parts []record.TopicPartition, lost bool) {
	var waits []chan struct{}
	handed := make(chan struct{})
	if !e.post(func() { waits = e.revoke(parts, lost); close(handed) }) {
		return
	}
	select {
	case <-handed:
	case <-e.done:
		return
	}
	for _, w := range waits {
		select {
		case <-w:
		case <-e.done:
			return
		}
	}
}

// assign begins with partitions: each is claimed, then read.
func (e *Engine) assign(parts []record.TopicPartition) {
	var assigned []*partition
	for _, tp := range parts {
		if e.topics[tp.Topic] == nil || e.partitions[tp] != nil {
			continue
		}
		p := e.newPartition(tp)
		e.partitions[tp] = p
		assigned = append(assigned, p)
	}
	e.queueClaim(assigned...)
}

// assignByConfig assigns all or the listed partitions of every topic, as far as they exist.
func (e *Engine) assignByConfig() {
	for _, t := range e.topics {
		exist := max(t.doc.Partitions, t.view.Partitions)
		parts := allOf(t.name, exist)
		if listed := e.cfg.Assignment.Partitions; e.cfg.Assignment.Mode == "list" {
			parts = slices.DeleteFunc(parts, func(tp record.TopicPartition) bool { return !slices.Contains(listed, tp.Partition) })
			e.noteAbsent(t, exist)
		}
		e.assign(parts)
	}
}

// noteAbsent says once which listed partitions a topic does not have; they are assigned when they are added.
func (e *Engine) noteAbsent(t *topic, exist int32) {
	if exist == 0 { // the topic as a whole is missing, which is said
		return
	}
	var absent []int32
	for _, n := range e.cfg.Assignment.Partitions {
		if n >= exist {
			absent = append(absent, n)
		}
	}
	if slices.Equal(absent, t.absent) {
		return
	}
	t.absent = absent
	if len(absent) > 0 {
		e.log.Warn().Str("topic", t.name).Ints32("absent", absent).Int32("partitions", exist).
			Msg("the assignment lists partitions that the topic does not have; they are read when they are added")
	}
}

// revoke starts to let partitions go and returns what to wait for.
func (e *Engine) revoke(parts []record.TopicPartition, lost bool) []chan struct{} {
	if len(parts) > 0 {
		e.log.Info().Int("partitions", len(parts)).Bool("lost", lost).Msg("revoked")
	}
	for _, tp := range parts {
		if e.partitions[tp] != nil {
			e.tellAt(tp, EventRevoked, "", "")
		}
	}
	var waits []chan struct{}
	var going []*partition
	for _, tp := range parts {
		p := e.partitions[tp]
		if p == nil {
			continue
		}
		if p.leaving == nil {
			p.leaving = &leaving{done: make(chan struct{}), lost: lost}
			going = append(going, p)
		}
		waits = append(waits, p.leaving.done)
	}
	for _, p := range going {
		e.startLeaving(p)
	}
	e.commitNow()
	for _, p := range going {
		e.checkLeaving(p)
	}
	return waits
}

func (e *Engine) startLeaving(p *partition) {
	if p.plan != nil {
		e.dissolvePlan(p.plan)
	}
	if p.coming != nil {
		e.dissolve(p.coming)
	}
	e.cutClaim(p)
	if p.sending == nil && !p.letting {
		return
	}
	wait := e.cfg.DrainTimeout
	if p.leaving.lost {
		wait = 0
	}
	p.leaving.cut = e.after(wait, func() {
		if p.sending != nil {
			p.sending.cancel()
		}
		if p.letting {
			p.cutLet()
		}
	})
}

// checkLeaving takes p's next step out when the one before has ended.
func (e *Engine) checkLeaving(p *partition) {
	l := p.leaving
	if l == nil || p.gone || p.sending != nil || p.lent != nil || p.letting || p.claiming {
		return
	}
	if p.claim != nil && (p.claim.dirty || p.claim.writing) && e.life.drain.err == nil {
		if !l.waiting {
			l.waiting = true
			l.giveUp = e.after(e.cfg.StoreTimeout, func() { e.giveUpCommit(p) })
			e.commitNow()
		}
		return
	}
	e.leave(p)
}

// giveUpCommit lets p go though the store does not have what was acknowledged of it.
func (e *Engine) giveUpCommit(p *partition) {
	if p.gone {
		return
	}
	if p.claim != nil && p.claim.dirty {
		e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Int64("committed", p.claim.entry.Offset).Int64("acked", p.acked).
			Msg("partition let go before the store took what was acknowledged; its next owner delivers that again")
		if e.life.drain.started && !p.leaving.lost {
			e.life.drain.gaveUp = true
		}
	}
	e.leave(p)
}

// leave is the end of an assigned partition.
func (e *Engine) leave(p *partition) {
	if p.gone {
		return
	}
	p.gone = true
	if n := len(p.untold); n > 0 {
		// The next owner may find the moved offset and can't know. It is better told twice than by nobody.
		e.tellLosses(p, p.untold[n-1].losses)
	}
	for _, t := range []*time.Timer{p.leaving.cut, p.leaving.giveUp} {
		if t != nil {
			t.Stop()
		}
	}
	if p.claim != nil {
		e.commits.pending -= p.claim.records
		p.claim = nil
	}
	e.dissolvePlan(p.plan)
	e.stopReading(p)
	if _, reason := p.state(); reason != "" { // what was said of it does not hold here any more
		e.log.Info().Str("topic", p.Topic).Int32("partition", p.Partition).Str("reason", reason).Msg("partition let go")
	}
	delete(e.partitions, p.TopicPartition)
	delete(e.commits.mirror.at, p.TopicPartition)
	close(p.leaving.done)
}

func (e *Engine) checkLeavingAll() {
	for _, p := range e.partitions {
		if p.leaving != nil {
			e.checkLeaving(p)
		}
	}
}
