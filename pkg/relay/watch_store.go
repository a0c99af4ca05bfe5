package relay

import (
	"context"
	"errors"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// watchStore reads the topics' documents, again after each watch interval: whether the store answers is known also while nothing is
// committed, and a document that somebody has mended is taken.
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
	if t.alarm == reasonBadKey && !t.busy {
		e.takeDoc(t, doc)
	}
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
