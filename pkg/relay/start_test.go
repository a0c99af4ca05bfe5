package relay_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// The baseline is written before the first delivery; a crash before the first ack resumes from it,
// not from a newer latest.
func TestFirstStartResumesFromBaseline(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start.Policy = "latest"
		r.kafka.produce("orders/0", 5)
		r.app.setReady(false)
		r.run()
		r.wantReasons("app_down")
		r.crash()
		r.kafka.produce("orders/0", 3)
		r.app.setReady(true)
		r.run()
		r.wantSent("1 orders/0[5,8)")
		r.wantCommitted("orders/0", 8)
	})
}

// Restart goes on exactly at the stored offset; what is not committed comes again with the same content.
func TestRestartGoesOnAtStoredOffset(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 4)
		r.start()
		r.pass(100 * time.Millisecond)
		r.crash() // before the first commit
		r.start()
		r.pass(2 * time.Second)
		r.endWell()
		r.kafka.produce("orders/0", 2)
		r.run()
		r.wantSent("1 orders/0[0,4)", "1 orders/0[0,4)", "1 orders/0[4,6)")
	})
}

// A partition added while running starts at its log start, whatever the start policy, without a restart.
func TestPartitionAddedWhileRunning(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start.Policy = "latest"
		r.run()
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/1", 5)
		r.kafka.trim("orders/1", 3)
		r.pass(12 * time.Second)
		r.wantSent("1 orders/1[3,5)")
		r.wantCommitted("orders/1", 5)
		_, rejoins := r.group.history()
		if got := r.stored("orders/_topic")["partitions"]; got != 2.0 || rejoins != 1 {
			r.Errorf("tracked %v partitions, rejoined %d times", got, rejoins)
		}
	})
}

// The same while the sidecar was down: not in the baseline means log start, not latest.
func TestPartitionAddedWhileDown(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start.Policy = "latest"
		r.run()
		r.endWell()
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/1", 2)
		r.run()
		r.wantSent("1 orders/1[0,2)")
		r.wantCommitted("orders/1", 2)
	})
}

// Without a group added partitions are assigned too.
func TestPartitionAddedWithoutGroup(t *testing.T) {
	scenario(t, func(r *rig) {
		r.group, r.cfg.Assignment.Mode = nil, "all"
		r.run()
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/1", 2)
		r.pass(12 * time.Second)
		r.wantSent("1 orders/1[0,2)")
	})
}

// A fixed list is read and nothing else.
func TestAssignmentList(t *testing.T) {
	scenario(t, func(r *rig) {
		r.group, r.cfg.Assignment = nil, relay.Assignment{Mode: "list", Partitions: []int32{1}}
		r.kafka.topic("orders", "id-1", 3)
		for _, p := range []string{"orders/0", "orders/1", "orders/2"} {
			r.kafka.produce(p, 1)
		}
		r.run()
		r.wantSent("1 orders/1[0,1)")
	})
}

// Partitions that are listed and do not exist are named once per topic, and read when they are added.
func TestAssignmentListOfAbsentPartitions(t *testing.T) {
	scenario(t, func(r *rig) {
		r.group, r.cfg.Assignment = nil, relay.Assignment{Mode: "list", Partitions: []int32{1, 3, 9}}
		r.kafka.topic("orders", "id-1", 3)
		r.run()
		warnings := func() int { return strings.Count(r.logs.String(), "partitions that the topic does not have") }
		if !strings.Contains(r.logs.String(), `"topic":"orders","absent":[3,9],"partitions":3`) || warnings() != 1 {
			r.Errorf("%d warnings", warnings())
		}
		if got := r.status().Topics[0].Error; got != "the assignment lists partitions [3 9], which the topic does not have" {
			r.Errorf("the topic's error is %q", got)
		}
		r.pass(time.Minute)
		if warnings() != 1 {
			r.Errorf("%d warnings after a minute", warnings())
		}
		r.kafka.topic("orders", "id-1", 10)
		r.kafka.produce("orders/9", 1)
		r.pass(12 * time.Second)
		r.wantSent("1 orders/9[0,1)")
		if got := r.status().Topics[0].Error; got != "" || warnings() != 1 {
			r.Errorf("%d warnings, the topic's error is %q", warnings(), got)
		}
	})
}

// A start without any topic says which are missing, in /readyz, in the status and once in the log; after a
// restart again. With one topic there the process is ready.
func TestMissingTopicIsShown(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Topics = []string{"refunds"}
		r.group.manual = true // none of the topics exists: the client does not join
		for range 2 {
			r.logs.reset()
			r.start()
			r.pass(time.Minute)
			r.wantReasons("kafka")
			const why = "the topic does not exist; create it or correct kafka.topics; everything produced to it is read"
			if got := r.status().Reasons[0].Detail; got != "waiting for the group's first assignment; topic refunds: "+why {
				r.Errorf("the detail is %q", got)
			}
			if got := r.status().Topics[0].Error; got != why {
				r.Errorf("the topic's error is %q", got)
			}
			if n := strings.Count(r.logs.String(), "the topic does not exist"); n != 1 {
				r.Errorf("%d warnings", n)
			}
			r.endWell()
		}
		r.cfg.Topics, r.group.manual = []string{"orders", "refunds"}, false
		r.run()
		r.wantReasons()
	})
}

// A topic missing at start is recorded empty, and everything produced to it later is read.
func TestMissingTopicIsReadFromItsStart(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start.Policy = "latest"
		r.cfg.Topics = []string{"refunds"}
		r.run()
		if doc := r.stored("refunds/_topic"); doc["partitions"] != 0.0 || len(doc["baseline"].(map[string]any)) != 0 {
			r.Errorf("recorded as %v", doc)
		}
		r.kafka.topic("refunds", "id-7", 1)
		r.kafka.produce("refunds/0", 3)
		r.group.assign("refunds/0") // the group sees the topic before the watcher does
		r.pass(12 * time.Second)
		r.wantSent("1 refunds/0[0,3)")
		if key := r.stored("refunds/0"); key["topicId"] != "id-7" {
			r.Errorf("the key does not say which log its offset is of: %v", key)
		}
		if doc := r.stored("refunds/_topic"); doc["topicId"] != "id-7" || doc["partitions"] != 1.0 {
			r.Errorf("now %v", doc)
		}
	})
}

// A start map is carried out as it says: an offset, -1 latest, -2 earliest, absent = log start.
func TestStartMap(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start = relay.Start{Policy: "map", Map: map[string]map[int32]int64{"orders": {0: 2, 1: -1, 2: -2}}}
		r.kafka.topic("orders", "id-1", 4)
		for _, p := range []string{"orders/0", "orders/1", "orders/2", "orders/3"} {
			r.kafka.produce(p, 4)
			r.kafka.trim(p, 1)
		}
		r.run()
		r.wantSent("1 orders/0[2,4) orders/2[1,4) orders/3[1,4)")
	})
}

// A map that names an offset outside the log or a partition that does not exist is refused with the
// bounds; nothing is written.
func TestStartMapRefused(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start = relay.Start{Policy: "map", Map: map[string]map[int32]int64{"orders": {0: 9, 5: 0}}}
		r.kafka.produce("orders/0", 4)
		r.start()
		err := r.wait()
		var refused *relay.StartError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "offset 9 is outside the log (0 to 4)") ||
			!strings.Contains(err.Error(), "orders/5: there is no such partition") {
			r.Errorf("Run returned %v", err)
		}
		if names := r.store.Names(); len(names) != 0 {
			r.Errorf("written: %v", names)
		}
	})
}

// committed takes the Kafka group's commits, and the fallback where there is none.
func TestStartCommitted(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start = relay.Start{Policy: "committed", Fallback: "earliest"}
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 4)
		r.kafka.produce("orders/1", 4)
		r.kafka.committed[tp("orders/0")] = 3
		r.run()
		r.wantSent("1 orders/0[3,4) orders/1[0,4)")
	})
}

// A time starts at the first record at or after it.
func TestStartTime(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Start = relay.Start{Policy: "time", Time: time.UnixMilli(1002)}
		r.kafka.produce("orders/0", 4)
		r.run()
		r.wantSent("1 orders/0[2,4)")
	})
}

// Nothing is written before every partition is resolved: a partition without leader delays.
func TestBaselineWaitsForLeaders(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.edit(func() { r.kafka.topics["orders"].leaderless = []int32{0} })
		r.run()
		r.wantReasons("baseline")
		if names := r.store.Names(); len(names) != 0 {
			r.Errorf("written: %v", names)
		}
		r.kafka.edit(func() { r.kafka.topics["orders"].leaderless = nil })
		r.pass(6 * time.Second)
		r.wantReasons()
	})
}

// Kafka or the store being away at the start ends nothing; it is said and tried again.
func TestStartWaitsForKafkaAndStore(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.edit(func() { r.kafka.down = errors.New("no broker") })
		r.store.Before(func(context.Context, offsetstest.Op) error { return record.ErrUnavailable })
		r.run()
		r.wantReasons("kafka")
		r.kafka.edit(func() { r.kafka.down = nil })
		r.pass(6 * time.Second)
		r.wantReasons("store")
		r.store.Before(nil)
		r.pass(6 * time.Second)
		r.wantReasons()
	})
}

// Who loses the race for the baseline uses the winner's.
func TestBaselineRaceLost(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.store.Before(func(_ context.Context, op offsetstest.Op) error {
			if len(op.Write) == 1 && op.Write[0].Topic != nil {
				r.store.Put("orders/_topic", `{"v":1,"group":"billing","topic":"orders","topicId":"id-1","clusterId":"cluster-1","partitions":1,"baseline":{"0":3},"start":"latest","revision":1,"createdAt":"2026-01-01T00:00:00Z"}`)
			}
			return nil
		})
		r.run()
		r.wantSent("1 orders/0[3,5)")
	})
}
