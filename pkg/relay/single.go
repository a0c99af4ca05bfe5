package relay

import (
	"context"
	"errors"
	"fmt"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// ErrNoDeadLetters: dead_letter.policy is not topic, so there is nowhere to write to.
var ErrNoDeadLetters = errors.New("dead_letter.policy is not topic")

// Record reads one record from Kafka and returns the body the app would get with it alone, of the configured format, attempt 1 and no fence. The error is a
// *record.NoRecordError when there is none.
func (e *Engine) Record(ctx context.Context, p record.TopicPartition, offset int64) ([]byte, error) {
	r, err := e.deps.Cluster.Record(ctx, p, offset)
	if err != nil {
		return nil, err
	}
	b := record.Batch{Group: e.cfg.Group, Attempt: 1, Parts: []record.Part{{
		Range: record.Range{TopicPartition: p, From: offset, Until: offset + 1}, Records: []record.Record{r},
	}}}
	return e.deps.App.Encode(nil, &b), nil
}

// DeadLetter writes one record to the dead-letter topic on an operator's word, and returns when the brokers have it. It moves no offset.
func (e *Engine) DeadLetter(ctx context.Context, p record.TopicPartition, offset int64, why string) error {
	if e.cfg.DeadLetterPolicy != "topic" {
		return ErrNoDeadLetters
	}
	r, err := e.deps.Cluster.Record(ctx, p, offset)
	if err != nil {
		return err
	}
	letter := e.cfg.letter(p, r, verdict{offset: offset, status: "skipped", reason: why, attempts: 1})
	if _, err := e.deps.DeadLetters.Produce(ctx, []record.DeadLetter{letter}); err != nil {
		return fmt.Errorf("produce to %s: %w", letter.Topic, err)
	}
	return nil
}
