package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/admin"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/alert"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// engine is what running needs of *relay.Engine.
type engine interface {
	admin.Engine
	Run(ctx context.Context) error
	Feed(ctx context.Context, chunks []record.Chunk) error
	Abort()
}

// reader is what running needs of *fetch.Reader.
type reader interface {
	Run(ctx context.Context, feed func(ctx context.Context, chunks []record.Chunk) error) error
}

// sidecar is everything of one running process, put together. Its steps are open, run, close.
type sidecar struct {
	engine  engine
	reader  reader
	server  *admin.Server
	alerts  *alert.Watch // nil = nobody is told
	opening func() error // takes what the store needs for the process's life; nil = nothing
	closing []func()     // gives connections back, last first
	log     zerolog.Logger
}

// open binds the listeners and opens the store: what fails here fails before anything is consumed.
func (s *sidecar) open() error {
	if err := s.server.Listen(); err != nil {
		return err
	}
	if s.opening != nil {
		return s.opening()
	}
	return nil
}

// run relays until ctx ends, then drains; it returns after everything has ended. The reader and the
// listeners stay up until the engine has ended, so that a drain can be watched.
func (s *sidecar) run(ctx context.Context) error {
	ctx, drain := context.WithCancel(ctx)
	defer drain()
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var group errgroup.Group
	group.Go(func() error {
		defer end()
		return s.engine.Run(ctx)
	})
	group.Go(func() error {
		defer drain() // without a reader or a listener there is nothing to stay up for
		return ended(work, "read from Kafka", s.reader.Run(work, s.feed(work)))
	})
	group.Go(func() error {
		defer drain()
		return ended(work, "serve the listeners", s.server.Run(work))
	})
	if s.alerts != nil {
		group.Go(func() error { return s.alerts.Run(work) })
	}
	return group.Wait()
}

// feed hands chunks to the engine. The engine refuses them only when it has ended or ctx has: the
// reader learns it by its context, which is about to end, rather than take it for a failure.
func (s *sidecar) feed(work context.Context) func(context.Context, []record.Chunk) error {
	return func(ctx context.Context, chunks []record.Chunk) error {
		err := s.engine.Feed(ctx, chunks)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-work.Done():
			}
		}
		return err
	}
}

// ended is the error of a part that ended before it was told to.
func ended(work context.Context, what string, err error) error {
	switch {
	case work.Err() != nil:
		return nil
	case err == nil:
		err = errors.New("ended by itself")
	}
	return fmt.Errorf("%s: %w", what, err)
}

// close gives everything back. It may be called twice, without open and after run.
func (s *sidecar) close() {
	if s.server != nil {
		_ = s.server.Close() // always nil
	}
	for i := len(s.closing) - 1; i >= 0; i-- {
		s.closing[i]()
	}
	s.closing = nil
}

// withKind adds to the engine's status what only the wiring knows: the kind of the store.
type withKind struct {
	engine
	kind string
}

func (e withKind) Status(ctx context.Context) (relay.Status, error) {
	s, err := e.engine.Status(ctx)
	s.Store.Kind = e.kind
	return s, err
}
