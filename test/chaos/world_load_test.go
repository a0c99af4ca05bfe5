package chaos

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// load produces steadily to all partitions and logs what the brokers acknowledged.
type load struct {
	w      *world
	lines  *journal
	client *kgo.Client
	id     string
	cancel context.CancelFunc
	done   chan struct{}
	n      int
}

func (w *world) startLoad() {
	w.load = &load{w: w, lines: w.newJournal(oracle.ProducerLog), id: w.TopicID(w.topic)}
	w.load.client = w.Client(kgo.SeedBrokers(w.seeds), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	w.load.resume()
	w.t.Cleanup(w.load.pause)
}

func (l *load) resume() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.done = cancel, make(chan struct{})
	go func() {
		defer close(l.done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				l.client.Flush(context.Background())
				return
			case <-tick.C:
			}
			for range max(1, l.w.rate/50) {
				l.n++
				r := &kgo.Record{Topic: l.w.topic, Partition: int32(l.n) % l.w.partitions, Key: nil, Value: fmt.Appendf(nil, "v-%d\xff", l.n),
					Timestamp: time.UnixMilli(time.Now().UnixMilli()),
					Headers:   []kgo.RecordHeader{{Key: "a", Value: nil}, {Key: "a", Value: []byte("x")}}}
				sent := nanos()
				l.client.Produce(context.Background(), r, func(r *kgo.Record, err error) {
					if err == nil {
						l.lines.add(oracle.Produced{Topic: r.Topic, TopicID: l.id, Partition: r.Partition, Sent: sent, Acked: nanos(),
							Records: oracle.Records{Offsets: []int64{r.Offset}, Digests: oracle.Digests{digestOf(r)}}})
					}
				})
			}
		}
	}()
}

func (l *load) pause() {
	if l.cancel != nil {
		l.cancel()
		<-l.done
		l.cancel = nil
	}
}

func (l *load) flush() {}
