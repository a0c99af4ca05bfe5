package relay_test

import (
	"context"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Records of 64 KiB: the budget has room for 2,000 of them, and 260 are read ahead.
const (
	aheadSize  = 64 << 10
	aheadBytes = 16<<20 + 4*aheadSize
	aheadPoll  = 50 * (aheadSize + 300)
)

// While an app is slow no more is read ahead than the lanes can use soon.
func TestReadsAhead(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxBytes = aheadSize
		r.kafka.produce("orders/0", 500, aheadSize)
		r.app.answers(hang)
		r.run()
		if used := r.status().Memory.Used; used < aheadBytes || used > aheadBytes+aheadPoll {
			r.Errorf("%d bytes are read ahead", used)
		}
		r.app.says(ack())
		r.group.lose("orders/0") // ends the request that hangs
		r.group.assign("orders/0")
		r.pass(time.Minute)
		r.wantCommitted("orders/0", 500)
	})
}

// A rate that is slower than Kafka is no reason to read more.
func TestReadsAheadOfARate(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxBytes, r.cfg.MaxRate = aheadSize, 20
		r.kafka.produce("orders/0", 500, aheadSize)
		r.run()
		for range 5 {
			r.pass(time.Second)
			if used := r.status().Memory.Used; used > aheadBytes+aheadPoll {
				r.Errorf("%d bytes are read ahead", used)
			}
		}
		r.pass(time.Minute)
		r.wantCommitted("orders/0", 500)
	})
}

// A partition that waits holds more than is read ahead: the others are read all the same.
func TestReadsPastWhatWaits(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxBytes = aheadSize
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 500, aheadSize)
		busy := status(record.Busy, "429")
		busy.RetryAfter = 9 * time.Second // it keeps its records up to 10
		r.app.answers(func(_ context.Context, a attempt) record.Outcome {
			if a.parts[0].TopicPartition == tp("orders/0") {
				return busy
			}
			return ack()
		})
		r.run()
		if used := r.status().Memory.Used; used < aheadBytes+aheadPoll {
			r.Errorf("%d bytes are used: the partition that waits holds too little for this test", used)
		}
		r.kafka.produce("orders/1", 30)
		r.pass(3 * time.Second)
		r.wantCommitted("orders/1", 30)
		r.app.says(ack())
		r.pass(time.Minute)
		r.wantCommitted("orders/0", 500)
	})
}
