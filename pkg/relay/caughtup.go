package relay

import (
	"context"
	"slices"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// catchUp is the end of a run that is to end: where the logs ended when it began. A partition whose stored offset has come so far is
// taken out; when none is left the process drains. Partitions of other replicas count too, so that whoever ends last has not left
// anything undone.
type catchUp struct {
	targets map[record.TopicPartition]int64 // nil = run on, or not known yet
	asking  bool
}

// aimAtEnds asks where the logs end, once, and then looks every second how far the group has come.
func (e *Engine) aimAtEnds(ctx context.Context, view record.ClusterView) bool {
	var parts []record.TopicPartition
	for _, name := range e.cfg.Topics {
		parts = append(parts, allOf(name, view.Topics[name].Partitions)...)
	}
	for n := 1; ; n++ {
		within, cancel := context.WithTimeout(ctx, 10*time.Second)
		ends, err := e.deps.Cluster.Offsets(within, record.OffsetQuery{At: record.AtLatest}, parts)
		cancel()
		if err == nil {
			e.post(func() {
				e.log.Info().Int("partitions", len(ends)).Msg("running until the records that are there now are done")
				e.catchUp.targets = ends
				e.checkTargets()
			})
			return true
		}
		e.post(func() { e.setReason(reasonKafka, "ask for the ends of the logs: "+err.Error()) })
		if !pause(ctx, jitter(e.cfg.RetryMin, maxProbeWait, n)) {
			return false
		}
	}
}

// checkTargets takes out what is done and ends the run when nothing is left.
func (e *Engine) checkTargets() {
	if e.life.drain.started {
		return
	}
	var elsewhere []record.TopicPartition
	for tp, target := range e.catchUp.targets {
		switch p := e.partitions[tp]; {
		case p == nil:
			elsewhere = append(elsewhere, tp)
		case p.claim != nil && p.claim.entry.Offset >= target:
			delete(e.catchUp.targets, tp)
		}
	}
	if len(e.catchUp.targets) == 0 {
		e.log.Info().Msg("caught up")
		e.life.exit = true
		e.drain()
		return
	}
	wait := time.Second
	if len(elsewhere) > 0 && !e.catchUp.asking && e.life.joined {
		e.askTargets(elsewhere)
		wait = min(e.cfg.WatchInterval, 5*time.Second)
	}
	e.after(wait, e.checkTargets)
}

// askTargets reads how far other replicas have come.
func (e *Engine) askTargets(parts []record.TopicPartition) {
	e.catchUp.asking = true
	e.async(func(ctx context.Context) func() {
		var found []record.Entry
		for chunk := range slices.Chunk(parts, record.MaxWrites) {
			within, cancel := context.WithTimeout(ctx, e.cfg.StoreTimeout)
			entries, err := e.deps.Store.Entries(within, chunk)
			cancel()
			if err != nil {
				break
			}
			found = append(found, entries...)
		}
		return func() {
			e.catchUp.asking = false
			for i := range found {
				en := &found[i]
				t := e.topics[en.Topic]
				if target, ok := e.catchUp.targets[en.TopicPartition]; ok && en.Index != 0 && en.Offset >= target && !otherID(en.TopicID, t.doc.TopicID) {
					delete(e.catchUp.targets, en.TopicPartition)
				}
			}
		}
	})
}
