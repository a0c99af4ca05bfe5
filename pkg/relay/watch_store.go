package relay

import (
	"context"
	"errors"
	"slices"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// watchStore reads the topics' documents, again after each watch interval: whether the store answers is known also while nothing is
// committed, a document that somebody has mended is taken, and a higher revision tells of an operator's write.
func (e *Engine) watchStore() {
	names := make([]string, 0, len(e.topics))
	for name := range e.topics {
		names = append(names, name)
	}
	e.async(func(ctx context.Context) func() {
		docs, err := e.readDocs(ctx, names)
		return func() {
			e.after(e.cfg.WatchInterval, e.watchStore)
			e.noteStoreSeen(err)
			for _, doc := range docs {
				e.noteDoc(e.topics[doc.Name], doc)
			}
		}
	})
}

// readDocs reads the documents that stand in the store and can be decoded. The error is that of a store that does not answer.
func (e *Engine) readDocs(ctx context.Context, names []string) ([]record.Topic, error) {
	var docs []record.Topic
	for _, name := range names {
		within, cancel := context.WithTimeout(ctx, e.cfg.StoreTimeout)
		doc, err := e.deps.Store.Topic(within, name)
		cancel()
		switch {
		case storeRefuses(err):
			return docs, err
		case err == nil && doc.Index != 0:
			docs = append(docs, doc)
		}
	}
	return docs, nil
}

func (e *Engine) noteDoc(t *topic, doc record.Topic) {
	if !t.busy && (t.alarm == reasonBadKey || doc.Revision != t.doc.Revision) {
		e.takeDoc(t, doc)
	}
}

// checkKeysOf looks whether an operator wrote the keys of t's partitions. Those that are claimed are compared as after a commit that was refused.
func (e *Engine) checkKeysOf(t *topic) {
	var apart []*partition
	for _, p := range e.partitions {
		switch {
		case p.topic != t:
		case p.claim != nil && !p.overruled:
			e.commits.doubts = append(e.commits.doubts, doubt{p, p.claim, false})
		case p.claim == nil && p.block.reason == reasonFenced:
			apart = append(apart, p)
		}
	}
	if len(e.commits.doubts) > 0 && e.commits.tries == 0 {
		e.writeNext()
	}
	for chunk := range slices.Chunk(apart, record.MaxWrites) {
		e.checkFenced(chunk)
	}
}

// checkFenced claims partitions that another owner took, where an operator has decided since. It is for sidecars without a group.
func (e *Engine) checkFenced(parts []*partition) {
	ids := make([]record.TopicPartition, len(parts))
	for i, p := range parts {
		ids[i] = p.TopicPartition
	}
	e.async(func(ctx context.Context) func() {
		ctx, cancel := context.WithTimeout(ctx, e.cfg.StoreTimeout)
		defer cancel()
		entries, err := e.deps.Store.Entries(ctx, ids)
		return func() {
			for i := range entries {
				if p := parts[i]; err == nil && !p.gone && p.claim == nil && p.block.reason == reasonFenced && byOperator(entries[i]) {
					e.clearBlock(p)
					e.queueClaim(p)
				}
			}
		}
	})
}

// noteStoreSeen keeps the store's health while nothing waits to be written. What waits tells by itself, and knows better: a store
// that answers may still take no writes.
func (e *Engine) noteStoreSeen(err error) {
	switch {
	case e.awaitsStore():
	case err == nil:
		e.storeWell()
	default:
		if e.store.set(false, err.Error()) {
			e.log.Warn().Err(err).Msg("store is away")
			e.tell(EventStoreDown, err.Error())
		}
	}
}

// awaitsStore says whether a commit or a claim is under way, or due.
func (e *Engine) awaitsStore() bool {
	if len(e.commits.dirty) > 0 || len(e.commits.doubts) > 0 || e.commits.busy {
		return true
	}
	for _, p := range e.partitions {
		if p.claim == nil && p.block.reason == "" {
			return true
		}
	}
	return false
}

// storeRefuses says whether the error is the store's, rather than that of what it holds.
func storeRefuses(err error) bool {
	var denied *record.DeniedError
	return errors.Is(err, record.ErrUnavailable) || errors.Is(err, record.ErrOutcomeUnknown) || errors.As(err, &denied)
}
