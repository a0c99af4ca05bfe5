package relay_test

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// group is a Kafka consumer group whose only member is the engine, unless the test takes partitions away.
type group struct {
	kafka  *kafka
	topics []string
	manual bool // partitions are assigned by the test alone

	mu      sync.Mutex
	refuse  error // answer to commits
	commits []map[record.TopicPartition]record.Position
	rejoins int
	note    func(what string)
	calls   chan func(ev record.GroupEvents)
	mine    map[record.TopicPartition]bool
}

// Run implements relay.Group.
func (g *group) Run(ctx context.Context, ev record.GroupEvents) error {
	if !g.manual {
		g.give(ev, g.kafka.partitions(g.topics))
	}
	for {
		select {
		case f := <-g.calls:
			f(ev)
		case <-ctx.Done():
			g.take(ev, slices.Collect(maps.Keys(g.mine)), false)
			return nil
		}
	}
}

func (g *group) give(ev record.GroupEvents, parts []record.TopicPartition) {
	parts = slices.DeleteFunc(parts, func(p record.TopicPartition) bool { return g.mine[p] })
	for _, p := range parts {
		g.mine[p] = true
	}
	ev.Assigned(parts)
}

func (g *group) take(ev record.GroupEvents, parts []record.TopicPartition, lost bool) {
	for _, p := range parts {
		delete(g.mine, p)
	}
	ev.Revoked(parts, lost)
}

// assign, revoke and lose return when the engine's callback has returned.
func (g *group) assign(names ...string) {
	g.do(func(ev record.GroupEvents) { g.give(ev, tps(names)) })
}

func (g *group) revoke(names ...string) {
	g.do(func(ev record.GroupEvents) { g.take(ev, tps(names), false) })
}

func (g *group) lose(names ...string) {
	g.do(func(ev record.GroupEvents) { g.take(ev, tps(names), true) })
}

func (g *group) do(f func(ev record.GroupEvents)) {
	done := make(chan struct{})
	g.calls <- func(ev record.GroupEvents) { f(ev); close(done) }
	<-done
}

func tps(names []string) []record.TopicPartition {
	var out []record.TopicPartition
	for _, n := range names {
		out = append(out, tp(n))
	}
	return out
}

// Commit implements relay.Group.
func (g *group) Commit(ctx context.Context, at map[record.TopicPartition]record.Position) error {
	if err := g.kafka.reach(ctx); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.note != nil {
		g.note("proof")
	}
	if g.refuse != nil {
		return g.refuse
	}
	g.commits = append(g.commits, maps.Clone(at))
	return nil
}

// history lists the commits that were taken, proofs among them, and how often the group was rejoined.
func (g *group) history() (commits []map[record.TopicPartition]record.Position, rejoins int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.commits), g.rejoins
}

// holds is how many partitions are assigned.
func (g *group) holds() int {
	n := 0
	g.do(func(record.GroupEvents) { n = len(g.mine) })
	return n
}

// mirrored is the newest offset committed to the Kafka group.
func (g *group) mirrored(name string) int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, at := range slices.Backward(g.commits) {
		if pos, ok := at[tp(name)]; ok {
			return pos.Offset
		}
	}
	return -1
}

// Rejoin implements relay.Group: what is new is assigned.
func (g *group) Rejoin() {
	g.mu.Lock()
	g.rejoins++
	g.mu.Unlock()
	if g.manual {
		return
	}
	select {
	case g.calls <- func(ev record.GroupEvents) { g.give(ev, g.kafka.partitions(g.topics)) }:
	default:
	}
}

func (g *group) setRefuse(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refuse = err
}
