package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const (
	// deliverWithin is how long one letter is tried.
	deliverWithin = 30 * time.Second

	// letterMaxBytes is the client's own limit: so high that the brokers' (max.message.bytes of the
	// topic) decides. It leaves room for the request around it below the client's limit of 100 MiB.
	letterMaxBytes = 96 << 20
)

// Producer writes to dead-letter topics. It is safe for concurrent use.
type Producer struct {
	client *kgo.Client
}

// NewProducer makes the client; brokers are called only by Produce. Close it.
func NewProducer(cfg Config) (*Producer, error) {
	opts, err := commonOptions(cfg, "producer")
	if err != nil {
		return nil, err
	}
	opts = append(
		opts,
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerLinger(0),
		kgo.ProducerBatchMaxBytes(letterMaxBytes),
		kgo.RecordDeliveryTimeout(deliverWithin),
		// An idempotent record that was sent once can't be given up at its deadline. A repeated dead
		// letter is allowed: readers de-duplicate by its headers.
		kgo.DisableIdempotentWrite(),
	)
	if opts, err = checked(opts); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("start the producer: %w", err)
	}
	return &Producer{client: client}, nil
}

// Produce writes the letters in order with acks=all and returns how many from the front are durable.
// Each is a batch of its own and is awaited before the next is sent: letters are rare, a batch of them
// could be larger than the broker takes, and none may become durable behind one that failed.
func (p *Producer) Produce(ctx context.Context, letters []record.DeadLetter) (int, error) {
	for i := range letters {
		if err := p.client.ProduceSync(ctx, letterRecord(&letters[i])).FirstErr(); err != nil {
			if errors.Is(err, kerr.UnknownTopicID) {
				// The topic was recreated. The client keeps to the id it saw first until it forgets the
				// topic, so that the next try reaches the new one.
				p.client.PurgeTopicsFromProducing(letters[i].Topic)
			}
			return i, fmt.Errorf("write a dead letter to %s: %w", letters[i].Topic, err)
		}
	}
	return len(letters), nil
}

func letterRecord(l *record.DeadLetter) *kgo.Record {
	r := &kgo.Record{Topic: l.Topic, Key: l.Key, Value: l.Value}
	if len(l.Headers) > 0 {
		r.Headers = make([]kgo.RecordHeader, len(l.Headers))
		for i, h := range l.Headers {
			r.Headers[i] = kgo.RecordHeader{Key: h.Name, Value: h.Value}
		}
	}
	return r
}

// Close gives up what is not written yet and ends the connections.
func (p *Producer) Close() { p.client.Close() }
