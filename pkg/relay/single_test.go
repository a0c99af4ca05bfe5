package relay_test

import (
	"context"
	"errors"
	"testing"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

func TestRecordAsTheAppWouldGetIt(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 2)
		r.run()
		body, err := r.engine.Record(context.Background(), tp("orders/0"), 1)
		if err != nil || string(body) != "orders/0@1=orders/0:1\n" {
			r.Errorf("%q, %v", body, err)
		}
		var none *record.NoRecordError
		if _, err := r.engine.Record(context.Background(), tp("orders/0"), 2); !errors.As(err, &none) {
			r.Errorf("past the end: %v", err)
		}
	})
}

func TestDeadLetterByAnOperator(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.DeadLetterPolicy = "topic"
		r.kafka.produce("orders/0", 1)
		r.run()
		if err := r.engine.DeadLetter(context.Background(), tp("orders/0"), 0, "skipped by ann@host"); err != nil {
			r.Fatal(err)
		}
		letters := r.letters.all()
		if len(letters) != 1 || header(letters[0], "sidecar-reason") != "skipped by ann@host" || header(letters[0], "sidecar-status") != "skipped" {
			r.Errorf("the letters are %v", letters)
		}
	})
	scenario(t, func(r *rig) {
		r.run()
		if err := r.engine.DeadLetter(context.Background(), tp("orders/0"), 0, ""); !errors.Is(err, relay.ErrNoDeadLetters) {
			r.Errorf("without a dead-letter topic: %v", err)
		}
	})
}
