package testenv

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// adminWithin is the deadline of one administrative call.
const adminWithin = 30 * time.Second

// Name makes a name of its own for a topic, group or prefix from the test's name.
func Name(t testing.TB, what string) string {
	clean := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, t.Name())
	return fmt.Sprintf("%s-%s-%06x", what, clean, rand.IntN(1<<24))
}

// brokers is what the methods for topics, records and groups need of a broker or a cluster. They go to the brokers directly,
// past a proxy.
type brokers struct {
	t        testing.TB
	seeds    []string
	replicas int16 // of a new topic
}

// Client makes a client of the brokers that is closed with the test.
func (b *brokers) Client(opts ...kgo.Opt) *kgo.Client {
	b.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.seeds...)}, opts...)...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(cl.Close)
	return cl
}

// Consume reads n records of a topic from its start and fails the test when they are not there within.
func (b *brokers) Consume(topic string, n int, within time.Duration) []*kgo.Record {
	b.t.Helper()
	cl := b.Client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	var records []*kgo.Record
	for len(records) < n {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			b.t.Fatalf("consume %d records of %s, got %d: %v", n, topic, len(records), err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// admin calls fn with a client for one administrative task.
func (b *brokers) admin(what string, fn func(context.Context, *kadm.Client) error) {
	b.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.seeds...))
	if err != nil {
		b.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	if err := fn(ctx, kadm.NewClient(cl)); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// CreateTopic creates a topic and returns when its partitions have leaders; configs are key, value, key, value….
func (b *brokers) CreateTopic(topic string, partitions int32, configs ...string) {
	b.t.Helper()
	b.admin("create topic "+topic, func(ctx context.Context, adm *kadm.Client) error {
		settings := map[string]*string{}
		for i := 0; i+1 < len(configs); i += 2 {
			settings[configs[i]] = &configs[i+1]
		}
		resp, err := adm.CreateTopic(ctx, partitions, b.replicas, settings, topic)
		if err != nil {
			return err
		}
		if resp.Err != nil {
			return resp.Err
		}
		return waitForLeaders(ctx, adm, topic, int(partitions))
	})
}

// AlterTopic sets configurations of a topic: key, value, key, value…
func (b *brokers) AlterTopic(topic string, configs ...string) {
	b.t.Helper()
	b.admin("configure "+topic, func(ctx context.Context, adm *kadm.Client) error {
		var all []kadm.AlterConfig
		for i := 0; i+1 < len(configs); i += 2 {
			all = append(all, kadm.AlterConfig{Op: kadm.SetConfig, Name: configs[i], Value: &configs[i+1]})
		}
		resps, err := adm.AlterTopicConfigs(ctx, all, topic)
		if err != nil {
			return err
		}
		_, err = resps.On(topic, func(r *kadm.AlterConfigsResponse) error { return r.Err })
		return err
	})
}

// AddPartitions raises the number of partitions to total.
func (b *brokers) AddPartitions(topic string, total int) {
	b.t.Helper()
	b.admin("add partitions to "+topic, func(ctx context.Context, adm *kadm.Client) error {
		resp, err := adm.UpdatePartitions(ctx, total, topic)
		if err != nil {
			return err
		}
		if err := resp.Error(); err != nil {
			return err
		}
		return waitForLeaders(ctx, adm, topic, total)
	})
}

func waitForLeaders(ctx context.Context, adm *kadm.Client, topic string, partitions int) error {
	return poll(adminWithin, func() error {
		topics, err := adm.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		led := 0
		for _, p := range topics[topic].Partitions {
			if p.Err == nil && p.Leader >= 0 {
				led++
			}
		}
		if led != partitions {
			return fmt.Errorf("%d of %d partitions have a leader", led, partitions)
		}
		return nil
	})
}

// DeleteTopic deletes a topic.
func (b *brokers) DeleteTopic(topic string) {
	b.t.Helper()
	b.admin("delete topic "+topic, func(ctx context.Context, adm *kadm.Client) error {
		resp, err := adm.DeleteTopic(ctx, topic)
		if err != nil {
			return err
		}
		return resp.Err
	})
}

// RecreateTopic deletes a topic and creates it again under its name, empty and with another id.
func (b *brokers) RecreateTopic(topic string, partitions int32, configs ...string) {
	b.t.Helper()
	b.DeleteTopic(topic)
	Eventually(b.t, adminWithin, "the deletion of "+topic, func() error {
		if id := b.TopicID(topic); id != "" {
			return fmt.Errorf("it is there with id %s", id)
		}
		return nil
	})
	b.CreateTopic(topic, partitions, configs...)
}

// TopicID is the id of the topic's present incarnation, 22 characters as Kafka prints it; "" = there is no such topic.
func (b *brokers) TopicID(topic string) string {
	b.t.Helper()
	var id string
	b.admin("describe "+topic, func(ctx context.Context, adm *kadm.Client) error {
		topics, err := adm.ListTopics(ctx, topic)
		if err != nil {
			return err
		}
		switch found := topics[topic]; {
		case errors.Is(found.Err, kerr.UnknownTopicOrPartition):
		case found.Err != nil:
			return found.Err
		default:
			id = base64.RawURLEncoding.EncodeToString(found.ID[:])
		}
		return nil
	})
	return id
}

// DeleteRecords raises the log start of a partition to before, as retention does.
func (b *brokers) DeleteRecords(topic string, partition int32, before int64) {
	b.t.Helper()
	b.admin("delete records of "+topic, func(ctx context.Context, adm *kadm.Client) error {
		offsets := make(kadm.Offsets)
		offsets.AddOffset(topic, partition, before, -1)
		resp, err := adm.DeleteRecords(ctx, offsets)
		if err != nil {
			return err
		}
		return resp.Error()
	})
}

// EndOffsets are the high watermarks of a topic's partitions. After an election it waits until the new leader knows them.
func (b *brokers) EndOffsets(topic string) map[int32]int64 {
	b.t.Helper()
	ends := map[int32]int64{}
	b.admin("list end offsets of "+topic, func(ctx context.Context, adm *kadm.Client) error {
		return poll(adminWithin, func() error {
			listed, err := adm.ListEndOffsets(ctx, topic)
			if err != nil {
				return err
			}
			listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
			return listed.Error()
		})
	})
	return ends
}

// GroupOffsets are the offsets a consumer group has committed for a topic.
func (b *brokers) GroupOffsets(group, topic string) map[int32]int64 {
	b.t.Helper()
	committed := map[int32]int64{}
	b.admin("fetch offsets of "+group, func(ctx context.Context, adm *kadm.Client) error {
		fetched, err := adm.FetchOffsetsForTopics(ctx, group, topic)
		if err != nil {
			return err
		}
		for partition, o := range fetched[topic] {
			if o.At >= 0 {
				committed[partition] = o.At
			}
		}
		return nil
	})
	return committed
}
