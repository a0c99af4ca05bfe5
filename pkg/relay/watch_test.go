package relay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
)

// recreate deletes the topic and creates it again with two records.
func (r *rig) recreate() {
	r.ledger.off = true
	r.kafka.topic("orders", "id-2", 1)
	r.kafka.produce("orders/0", 2)
}

// A recreated topic blocks at first sight, and for good with policy block; nothing is written.
func TestRecreatedTopicBlocks(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.recreate()
		r.pass(12 * time.Second)
		r.wantState("orders/0", "blocked topic_recreated")
		r.pass(10 * time.Minute)
		r.wantState("orders/0", "blocked topic_recreated")
		r.wantCommitted("orders/0", 5)
		r.wantSent("1 orders/0[0,5)")
	})
}

// A recreated topic is not taken for a loss of data: reading breaks before the watch has seen the other id,
// and the claim that follows must not touch the new log, whatever policy.data_loss says.
func TestRecreatedTopicIsNoDataLoss(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.DataLoss = "earliest"
		r.kafka.produce("orders/0", 5)
		r.run()
		r.recreate()
		r.pass(6 * time.Second)
		r.wantCommitted("orders/0", 5)
		r.pass(time.Minute)
		r.wantState("orders/0", "blocked topic_recreated")
		r.wantCommitted("orders/0", 5)
		r.wantSent("1 orders/0[0,5)")
	})
}

// A topic that is recreated while its growth is being written stays stopped.
func TestRecreatedDuringExtension(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.WatchInterval = 3 * time.Second
		r.kafka.produce("orders/0", 5)
		r.run()
		r.store.Before(func(_ context.Context, op offsetstest.Op) error {
			if len(op.Write) == 1 && op.Write[0].Topic != nil {
				time.Sleep(4 * time.Second)
			}
			return nil
		})
		r.kafka.topic("orders", "id-1", 2)
		r.pass(1500 * time.Millisecond) // the watch has seen the growth
		r.ledger.off = true
		r.kafka.topic("orders", "id-2", 2)
		r.kafka.produce("orders/0", 5)
		r.pass(time.Minute)
		if doc := r.stored("orders/_topic"); doc["partitions"] != 2.0 || doc["topicId"] != "id-1" {
			r.Errorf("the document is %v", doc)
		}
		r.kafka.produce("orders/0", 3)
		r.kafka.produce("orders/1", 3)
		r.pass(time.Minute)
		r.wantState("orders/0", "blocked topic_recreated")
		r.wantState("orders/1", "blocked topic_recreated")
		if n := strings.Count(r.logs.String(), "topic alarm ended"); n != 0 {
			r.Errorf("the alarm ended %d times", n)
		}
		r.wantCommitted("orders/0", 5)
		r.wantCommitted("orders/1", -1)
		r.wantSent("1 orders/0[0,5)")
	})
}

// A document that was unreadable and turns out to be of another topic is not read by for a moment.
func TestMendedDocumentOfAnotherTopic(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.store.Put("orders/_topic", "{")
		r.run()
		r.wantState("orders/0", "blocked bad_key")
		r.store.Put("orders/_topic", `{"v":1,"group":"billing","topic":"orders","topicId":"id-0","clusterId":"cluster-1","partitions":1,"baseline":{"0":3},"start":"latest","revision":2,"createdAt":"2026-01-01T00:00:00Z"}`)
		r.pass(12 * time.Second)
		r.wantState("orders/0", "blocked topic_recreated")
		r.wantCommitted("orders/0", -1)
		r.wantSent()
	})
}

// Growth seen in metadata of the former topic is not written into the document of the new one.
func TestExtensionOfTheFormerTopic(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.TopicRecreated = "earliest"
		r.kafka.produce("orders/0", 5)
		r.run()
		doc, _ := r.store.Get("orders/_topic")
		r.store.Put("orders/_topic", strings.Replace(doc, "id-1", "id-2", 1)) // another replica has seen the new topic
		r.kafka.topic("orders", "id-1", 2)                                    // this broker has not
		r.pass(12 * time.Second)
		if doc := r.stored("orders/_topic"); doc["partitions"] != 1.0 || doc["topicId"] != "id-2" {
			r.Errorf("the document is %v", doc)
		}
		r.wantState("orders/0", "blocked topic_recreated")
		r.recreate()
		r.pass(30 * time.Second)
		r.wantSent("1 orders/0[0,5)", "1 orders/0[0,2)")
		if id := r.stored("orders/0")["topicId"]; id != "id-2" {
			r.Errorf("the key carries %v", id)
		}
	})
}

// The policy is applied when three refreshes in a row have shown the other id.
func TestRecreatedTopicPolicies(t *testing.T) {
	for policy, want := range map[string]string{"earliest": "1 orders/0[0,3)", "latest": "1 orders/0[2,3)"} {
		t.Run(policy, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.cfg.TopicRecreated = policy
				r.kafka.produce("orders/0", 5)
				r.run()
				r.recreate()
				r.pass(25 * time.Second)
				if id := r.stored("orders/_topic")["topicId"]; id != "id-1" {
					r.Errorf("id %v after two refreshes", id)
				}
				r.app.answers(after(time.Hour, ack()))
				r.pass(10 * time.Second)
				r.app.answers(nil)
				if id := r.stored("orders/_topic")["topicId"]; id != "id-2" {
					r.Errorf("id %v after three refreshes", id)
				}
				if policy == "latest" {
					r.kafka.produce("orders/0", 1)
					r.pass(3 * time.Second)
					r.wantSent("1 orders/0[0,5)", want)
					r.wantCommitted("orders/0", 3)
					return
				}
				r.wantSent("1 orders/0[0,5)", "1 orders/0[0,2)")
			})
		})
	}
}

// Another id that shows for a moment only, while brokers disagree, changes nothing.
func TestTopicIDFlickers(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.TopicRecreated = "latest"
		r.kafka.produce("orders/0", 5)
		r.run()
		for range 5 {
			r.kafka.edit(func() { r.kafka.topics["orders"].id = "id-2" })
			r.pass(20 * time.Second)
			r.kafka.edit(func() { r.kafka.topics["orders"].id = "id-1" })
			r.pass(10 * time.Second)
		}
		r.kafka.produce("orders/0", 2)
		r.pass(3 * time.Second)
		r.wantSent("1 orders/0[0,5)", "1 orders/0[5,7)")
		r.wantCommitted("orders/0", 7)
	})
}

// Old brokers have no ids: the check is off.
func TestZeroTopicID(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.kafka.edit(func() { r.kafka.topics["orders"].id = "" })
		r.kafka.produce("orders/0", 1)
		r.pass(time.Minute)
		r.wantState("orders/0", "idle")
		r.wantCommitted("orders/0", 6)
	})
}

// A missing topic, or fewer partitions, is an alarm, never a policy, never a deletion.
func TestMissingTopicIsAnAlarmOnly(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.TopicRecreated, r.cfg.DataLoss = "latest", "latest"
		r.kafka.produce("orders/0", 5)
		r.run()
		r.kafka.edit(func() { r.kafka.topics["orders"].missing = true })
		r.pass(time.Minute)
		r.wantState("orders/0", "idle topic_missing")
		if r.metric("sidecar_partition_blocked", "orders", "0", "topic_missing") != 1 {
			r.Error("no metric")
		}
		r.kafka.edit(func() { r.kafka.topics["orders"].missing = false })
		r.kafka.produce("orders/0", 1)
		r.pass(12 * time.Second)
		r.wantState("orders/0", "idle")
		r.wantCommitted("orders/0", 6)
		if doc := r.stored("orders/_topic"); doc["partitions"] != 1.0 {
			r.Errorf("the document is %v", doc)
		}
	})
}

// Another cluster always blocks, whatever the policies.
func TestClusterMismatch(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.TopicRecreated, r.cfg.DataLoss = "earliest", "earliest"
		r.kafka.produce("orders/0", 5)
		r.run()
		r.endWell()
		r.kafka.edit(func() { r.kafka.clusterID = "cluster-2" })
		r.kafka.produce("orders/0", 5)
		r.run()
		r.pass(10 * time.Minute)
		r.wantState("orders/0", "blocked cluster_mismatch")
		r.wantCommitted("orders/0", 5)
		r.wantSent("1 orders/0[0,5)")
	})
}

// Kafka away later: it shows in the status, what is fetched is delivered, and nothing is lost.
func TestKafkaAwayLater(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.kafka.edit(func() { r.kafka.down = errors.New("no broker") })
		r.pass(time.Minute)
		r.wantReasons()
		if s := r.status(); s.Kafka.Up || s.Kafka.Error != "no broker" || r.metric("sidecar_kafka_up") != 0 {
			r.Errorf("Kafka is shown as %+v", s.Kafka)
		}
		r.kafka.edit(func() { r.kafka.down = nil })
		r.kafka.produce("orders/0", 5)
		r.pass(15 * time.Second)
		r.wantCommitted("orders/0", 10)
		if !r.status().Kafka.Up {
			r.Error("Kafka is shown as down")
		}
	})
}
