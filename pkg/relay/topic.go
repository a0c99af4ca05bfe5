package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// topic is a configured topic: what the store has of it and what the brokers say.
type topic struct {
	name  string
	doc   record.Topic
	view  record.TopicView
	in    string // id of the cluster the view is of
	other int    // refreshes in a row that showed another topic id
	alarm string // reason the topic as a whole can't be used; "" = none
	why   string
	busy  bool // its document is being written
	stuck bool // it could not be written, which is said

	absent []int32 // partitions that the assignment lists and the topic does not have
}

// trouble says in words why the topic is not read, or not wholly; "" = it is.
func (t *topic) trouble() string {
	if t.alarm == "" && len(t.absent) > 0 {
		return fmt.Sprintf("the assignment lists partitions %v, which the topic does not have", t.absent)
	}
	return t.why
}

// recreatedAfter is how many refreshes in a row must show another topic id before it is believed:
// brokers disagree for a moment after a topic was deleted. Source: the contract.
const recreatedAfter = 3

// blocks is the reason why partitions of the topic can't be claimed.
func (t *topic) blocks() (reason, detail string) {
	switch t.alarm {
	case reasonClusterMismatch, reasonRecreated, reasonBadKey:
		return t.alarm, t.why
	}
	return "", ""
}

// otherID: both ids are known and differ. A zero id (old brokers) switches the check off.
func otherID(stored, seen string) bool { return stored != "" && seen != "" && stored != seen }

// otherLog says why the topic that the brokers show is not the one a document is of; "" = it is.
func otherLog(doc record.Topic, view record.TopicView, clusterID string) (reason, detail string) {
	switch {
	case otherID(doc.ClusterID, clusterID):
		return reasonClusterMismatch, fmt.Sprintf("the stored offsets belong to cluster %s, the brokers are of cluster %s", doc.ClusterID, clusterID)
	case otherID(doc.TopicID, view.ID):
		return reasonRecreated, fmt.Sprintf("the topic was recreated: its id was %s and is %s; offsets of the former log mean nothing in this one", doc.TopicID, view.ID)
	}
	return "", ""
}

// baseline is the topic's document: the one in the store, or, at first start, the start policy
// resolved for every partition and written by one compare-and-set. Who loses the race uses the
// winner's. Nothing is written before every partition is resolved.
func (e *Engine) baseline(ctx context.Context, name string, cluster record.ClusterView) (record.Topic, error) {
	doc, err := e.deps.Store.Topic(ctx, name)
	if err != nil || doc.Index != 0 {
		return doc, err
	}
	view := cluster.Topics[name]
	doc = record.Topic{
		Name:       name,
		TopicID:    view.ID,
		ClusterID:  cluster.ClusterID,
		Partitions: view.Partitions,
		Baseline:   map[int32]int64{},
		Start:      e.cfg.Start.String(),
		Revision:   1,
		CreatedAt:  time.Now().UTC(),
	}
	if !view.Missing { // else everything produced to it later is read
		if doc.Baseline, err = e.resolveStart(ctx, name, view); err != nil {
			return doc, err
		}
	}
	doc, err = e.writeTopic(ctx, doc)
	var stale *record.StaleError
	if errors.As(err, &stale) {
		return e.deps.Store.Topic(ctx, name)
	}
	if err != nil {
		return doc, err
	}
	e.log.Info().Str("topic", name).Int32("partitions", doc.Partitions).Str("start", doc.Start).Interface("baseline", doc.Baseline).Msg("first start: baseline written")
	return doc, nil
}

// resolveStart resolves the start policy for every partition of a topic.
func (e *Engine) resolveStart(ctx context.Context, name string, view record.TopicView) (map[int32]int64, error) {
	if view.Err != nil {
		return nil, fmt.Errorf("topic %s: %w", name, view.Err)
	}
	if len(view.Leaderless) > 0 {
		return nil, fmt.Errorf("topic %s: partitions %v have no leader; the baseline waits for them", name, view.Leaderless)
	}
	parts := allOf(name, view.Partitions)
	start := e.cfg.Start
	switch start.Policy {
	case "earliest":
		return e.offsets(ctx, record.OffsetQuery{At: record.AtStart}, parts)
	case "time":
		return e.offsets(ctx, record.OffsetQuery{At: record.AtTime, Time: start.Time}, parts)
	case "committed":
		return e.startCommitted(ctx, parts)
	case "map":
		if given, ok := start.Map[name]; ok {
			return e.startMap(ctx, name, view, given)
		}
		e.log.Warn().Str("topic", name).Msg("topic is not in the start map; it starts at latest")
	}
	return e.offsets(ctx, record.OffsetQuery{At: record.AtLatest}, parts)
}

func allOf(name string, n int32) []record.TopicPartition {
	parts := make([]record.TopicPartition, n)
	for i := range parts {
		parts[i] = record.TopicPartition{Topic: name, Partition: int32(i)}
	}
	return parts
}

func (e *Engine) offsets(ctx context.Context, q record.OffsetQuery, parts []record.TopicPartition) (map[int32]int64, error) {
	found, err := e.deps.Cluster.Offsets(ctx, q, parts)
	if err != nil {
		return nil, err
	}
	out := make(map[int32]int64, len(found))
	for tp, o := range found {
		out[tp.Partition] = o
	}
	return out, nil
}

// startCommitted takes the Kafka group's commits, and start.fallback where there is none.
func (e *Engine) startCommitted(ctx context.Context, parts []record.TopicPartition) (map[int32]int64, error) {
	committed, err := e.offsets(ctx, record.OffsetQuery{At: record.AtCommitted}, parts)
	if err != nil {
		return nil, err
	}
	at := record.AtLatest
	if e.cfg.Start.Fallback == "earliest" {
		at = record.AtStart
	}
	fallback, err := e.offsets(ctx, record.OffsetQuery{At: at}, parts)
	if err != nil {
		return nil, err
	}
	for _, tp := range parts {
		if o, ok := committed[tp.Partition]; !ok || o < 0 {
			e.log.Warn().Str("topic", tp.Topic).Int32("partition", tp.Partition).Str("fallback", e.cfg.Start.Fallback).
				Msg("the Kafka group has no committed offset; start.fallback is used")
			committed[tp.Partition] = fallback[tp.Partition]
		}
	}
	return committed, nil
}

// startMap takes the offsets of a Spark-style map, never clamped: what lies outside the log, or names
// a partition that does not exist, is refused with the bounds.
func (e *Engine) startMap(ctx context.Context, name string, view record.TopicView, given map[int32]int64) (map[int32]int64, error) {
	parts := allOf(name, view.Partitions)
	earliest, err := e.offsets(ctx, record.OffsetQuery{At: record.AtStart}, parts)
	if err != nil {
		return nil, err
	}
	latest, err := e.offsets(ctx, record.OffsetQuery{At: record.AtLatest}, parts)
	if err != nil {
		return nil, err
	}
	var refused []string
	for _, n := range slices.Sorted(maps.Keys(given)) {
		o := given[n]
		switch {
		case n < 0 || n >= view.Partitions:
			refused = append(refused, fmt.Sprintf("%s/%d: there is no such partition (the topic has %d)", name, n, view.Partitions))
		case o >= 0 && (o < earliest[n] || o > latest[n]):
			refused = append(refused, fmt.Sprintf("%s/%d: offset %d is outside the log (%d to %d)", name, n, o, earliest[n], latest[n]))
		}
	}
	if len(refused) > 0 {
		return nil, &StartError{"start: " + strings.Join(refused, "; ")}
	}
	out := earliest
	for n := range view.Partitions {
		o, ok := given[n]
		switch {
		case !ok:
			e.log.Warn().Str("topic", name).Int32("partition", n).Int64("offset", out[n]).Msg("partition is not in the start map; it starts at the log start")
		case o == -1:
			out[n] = latest[n]
		case o >= 0:
			out[n] = o
		}
	}
	return out, nil
}
