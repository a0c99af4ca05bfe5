package main

import (
	"context"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// connectKafka makes the Kafka side of the engine: the reader and the cluster always, the membership
// in group mode, the producer for dead letters in a topic. No broker is called yet.
func (s *sidecar) connectKafka(c *configuration, deps *relay.Deps) error {
	config := c.fetch
	config.Log = s.log
	reader, err := fetch.NewReader(config)
	if err != nil {
		return describe("kafka", err)
	}
	s.reader, deps.Reader = reader, reader
	cluster, err := fetch.NewCluster(config)
	if err != nil {
		return describe("kafka", err)
	}
	s.closing = append(s.closing, cluster.Close)
	deps.Cluster = cluster
	if c.relay.Assignment.Mode == "group" {
		group, err := fetch.NewMembership(config)
		if err != nil {
			return describe("kafka", err)
		}
		deps.Group = group
	}
	if c.relay.DeadLetterPolicy == "topic" {
		producer, err := fetch.NewProducer(config)
		if err != nil {
			return describe("kafka", err)
		}
		s.closing = append(s.closing, producer.Close)
		deps.DeadLetters = producer
	}
	return nil
}

// newKafkaCheck makes what `sidecar check` asks of Kafka, and what ends its connections.
func newKafkaCheck(c *configuration) (look func(context.Context) []record.Finding, shut func(), err error) {
	config := c.fetch
	config.Log = nothing()
	if c.relay.Assignment.Mode != "group" {
		config.Group = "" // no right on it is needed
	}
	cluster, err := fetch.NewCluster(config)
	if err != nil {
		return nil, nil, describe("kafka", err)
	}
	look = func(ctx context.Context) []record.Finding { return cluster.Check(ctx, c.relay.DeadLetterTopics()) }
	return look, cluster.Close, nil
}
