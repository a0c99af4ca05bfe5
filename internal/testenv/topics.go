package testenv

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
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

// Client makes a client of the broker that is closed with the test.
func (k *KafkaServer) Client(opts ...kgo.Opt) *kgo.Client {
	k.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(k.addr)}, opts...)...)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(cl.Close)
	return cl
}

// admin calls fn with a client for one administrative task.
func (k *KafkaServer) admin(what string, fn func(context.Context, *kadm.Client) error) {
	k.t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(k.addr))
	if err != nil {
		k.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), adminWithin)
	defer cancel()
	if err := fn(ctx, kadm.NewClient(cl)); err != nil {
		k.t.Fatalf("%s: %v", what, err)
	}
}

// CreateTopic creates a topic and returns when its partitions have leaders; configs are key, value, key, value….
func (k *KafkaServer) CreateTopic(topic string, partitions int32, configs ...string) {
	k.t.Helper()
	k.admin("create topic "+topic, func(ctx context.Context, adm *kadm.Client) error {
		settings := map[string]*string{}
		for i := 0; i+1 < len(configs); i += 2 {
			settings[configs[i]] = &configs[i+1]
		}
		resp, err := adm.CreateTopic(ctx, partitions, 1, settings, topic)
		if err != nil {
			return err
		}
		if resp.Err != nil {
			return resp.Err
		}
		return waitForLeaders(ctx, adm, topic, int(partitions))
	})
}

// AddPartitions raises the number of partitions to total.
func (k *KafkaServer) AddPartitions(topic string, total int) {
	k.t.Helper()
	k.admin("add partitions to "+topic, func(ctx context.Context, adm *kadm.Client) error {
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
func (k *KafkaServer) DeleteTopic(topic string) {
	k.t.Helper()
	k.admin("delete topic "+topic, func(ctx context.Context, adm *kadm.Client) error {
		resp, err := adm.DeleteTopic(ctx, topic)
		if err != nil {
			return err
		}
		return resp.Err
	})
}

// DeleteRecords raises the log start of a partition to before, as retention does.
func (k *KafkaServer) DeleteRecords(topic string, partition int32, before int64) {
	k.t.Helper()
	k.admin("delete records of "+topic, func(ctx context.Context, adm *kadm.Client) error {
		offsets := make(kadm.Offsets)
		offsets.AddOffset(topic, partition, before, -1)
		resp, err := adm.DeleteRecords(ctx, offsets)
		if err != nil {
			return err
		}
		return resp.Error()
	})
}

// EndOffsets are the high watermarks of a topic's partitions.
func (k *KafkaServer) EndOffsets(topic string) map[int32]int64 {
	k.t.Helper()
	ends := map[int32]int64{}
	k.admin("list end offsets of "+topic, func(ctx context.Context, adm *kadm.Client) error {
		listed, err := adm.ListEndOffsets(ctx, topic)
		if err != nil {
			return err
		}
		listed.Each(func(o kadm.ListedOffset) { ends[o.Partition] = o.Offset })
		return listed.Error()
	})
	return ends
}

// GroupOffsets are the offsets a consumer group has committed for a topic.
func (k *KafkaServer) GroupOffsets(group, topic string) map[int32]int64 {
	k.t.Helper()
	committed := map[int32]int64{}
	k.admin("fetch offsets of "+group, func(ctx context.Context, adm *kadm.Client) error {
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
