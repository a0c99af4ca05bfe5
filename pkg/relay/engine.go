package relay

import (
	"context"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/prometheus/client_golang/prometheus"
)

// Deps are the outside systems the engine works with.
type Deps struct {
	Store       Store
	Cluster     Cluster
	Group       Group // nil without a group
	Reader      Reader
	App         App
	DeadLetters DeadLetters           // nil unless the policy is topic
	Metrics     prometheus.Registerer // never nil
}

// Engine is the relay.
type Engine struct{}

func New(cfg Config, deps Deps) *Engine                                 { panic("being written") }
func (e *Engine) Run(ctx context.Context) error                         { panic("being written") }
func (e *Engine) Feed(ctx context.Context, chunks []record.Chunk) error { panic("being written") }
func (e *Engine) Drain(ctx context.Context) error                       { panic("being written") }
func (e *Engine) Status(ctx context.Context) (Status, error)            { panic("being written") }
func (e *Engine) Live() error                                           { panic("being written") }
func (e *Engine) Abort()                                                { panic("being written") }
