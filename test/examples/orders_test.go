package examples

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// totals is what every app shows.
type totals struct {
	Customers map[string]int64 `json:"customers"` // cents of the orders that stand
	Tags      map[string]int   `json:"tags"`      // orders that stand, by each header "tag"
}

// scenario is what is produced and what must come of it.
type scenario struct {
	records  []*kgo.Record
	totals   totals
	rejected []*kgo.Record // of records
}

func bytesOf(text string) []byte { return []byte(text) }

// orderScenario has good orders, a changed one, a cancelled one, bytes that are not UTF-8, repeated headers, and records
// that are no orders.
func orderScenario(topic string) scenario {
	var s scenario
	put := func(partition int32, key, value []byte, headers ...kgo.RecordHeader) *kgo.Record {
		r := &kgo.Record{Topic: topic, Partition: partition, Key: key, Value: value, Headers: headers}
		s.records = append(s.records, r)
		return r
	}
	reject := func(partition int32, key, value []byte) { s.rejected = append(s.rejected, put(partition, key, value)) }
	tag := func(value []byte) kgo.RecordHeader { return kgo.RecordHeader{Key: "tag", Value: value} }

	put(0, bytesOf("o1"), bytesOf(`{"customer":"ada","cents":1250}`), tag(bytesOf("gift")), tag(bytesOf("express")))
	put(0, bytesOf("o2"), bytesOf(`{"customer":"bob","cents":300,"note":"a field nobody knows"}`), tag(bytesOf("gift")))
	put(0, bytesOf("o1"), bytesOf(`{"customer":"ada","cents":1000}`), tag(bytesOf("express"))) // changed
	put(1, bytesOf("o3"), bytesOf(`{"customer":"ada","cents":50}`), tag(bytesOf("gift")))
	put(1, bytesOf("o4"), bytesOf(`{"customer":"zoë \"z\" ☃","cents":700}`), tag(nil), kgo.RecordHeader{Key: "\xfe", Value: bytesOf("\xff")})
	put(1, bytesOf("o3"), nil) // cancelled
	put(1, bytesOf("never seen"), nil)
	put(2, bytesOf("\xff\x00"), bytesOf(`{"customer":"cleo","cents":5}`))

	reject(0, bytesOf("r1"), bytesOf("not JSON"))
	reject(0, bytesOf("r2"), bytesOf("\xff\xfe\x00"))
	reject(1, bytesOf("r3"), bytesOf(`{"customer":"ada"}`))
	reject(1, bytesOf("r4"), bytesOf(`{"customer":7,"cents":1}`))
	reject(1, bytesOf("r5"), bytesOf(`{"customer":"ada","cents":"1"}`))
	reject(2, bytesOf("r6"), bytesOf(`"text"`))
	reject(2, bytesOf("r7"), bytesOf(""))
	reject(2, bytesOf("r8"), bytesOf("null"))
	reject(2, nil, bytesOf(`{"customer":"ada","cents":1}`)) // no key: which order?

	const many = 900 // several batches
	for i := range many {
		put(int32(i%3), fmt.Appendf(nil, "m%d", i), bytesOf(`{"customer":"dan","cents":2}`))
	}
	s.totals = totals{
		Customers: map[string]int64{"ada": 1000, "bob": 300, `zoë "z" ☃`: 700, "cleo": 5, "dan": 2 * many},
		Tags:      map[string]int{"gift": 1, "express": 1},
	}
	return s
}

// checkOrders produces the scenario and waits until the app shows the totals, all of it is committed, and the
// dead-letter topic holds what is no order.
func (e *example) checkOrders() {
	e.t.Helper()
	s := orderScenario(e.topic)
	e.kafka.ProduceRecords(s.records...)
	e.waitCommitted()
	require.Equal(e.t, s.totals, e.totals())
	wanted := map[string]bool{}
	for _, r := range s.rejected {
		wanted[fmt.Sprintf("%d/%d", r.Partition, r.Offset)] = true
	}
	require.Equal(e.t, wanted, e.deadLetters())
}

// totals is what the app shows: by the command of its README, or else by GET /totals.
func (e *example) totals() totals {
	e.t.Helper()
	var output string
	if len(e.blocks["sh totals"]) > 0 {
		output = e.run(e.only("sh totals"), e.appEnv...)
	} else {
		status, body, err := get(e.url + "/totals")
		require.NoError(e.t, err)
		require.Equal(e.t, 200, status, body)
		output = body
	}
	var shown totals
	require.NoError(e.t, json.Unmarshal([]byte(output), &shown), output)
	return shown
}

// waitCommitted waits until the store stands at the end of every partition.
func (e *example) waitCommitted() {
	e.t.Helper()
	for partition, end := range e.kafka.EndOffsets(e.topic) {
		e.waitStored(partition, end)
	}
}

// waitStored waits until the store has the offset of a partition.
func (e *example) waitStored(partition int32, offset int64) {
	e.t.Helper()
	key := fmt.Sprintf("kafka-sidecar/%s/%s/%d", e.group, e.topic, partition)
	e.eventually(fmt.Sprintf("offset %d of partition %d in the store", offset, partition), func() error {
		var stored struct{ Offset int64 }
		raw, ok := e.consul.Get(key)
		if !ok {
			return errors.New("the key is not there")
		}
		if err := json.Unmarshal(raw, &stored); err != nil {
			return err
		}
		if stored.Offset != offset {
			return fmt.Errorf("the store has %d", stored.Offset)
		}
		return nil
	})
}

// deadLetters are the places that the records of the dead-letter topic come from. Each must carry a reason. All that is
// committed is in the topic already, because an offset moves only after its dead letter is written.
func (e *example) deadLetters() map[string]bool {
	e.t.Helper()
	dead := e.topic + ".dead"
	left := e.kafka.EndOffsets(dead)[0]
	found := map[string]bool{}
	cl := e.kafka.Client(kgo.ConsumeTopics(dead), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		require.NoError(e.t, fetches.Err(), "read the dead-letter topic")
		fetches.EachRecord(func(r *kgo.Record) {
			left--
			origin := map[string]string{}
			for _, h := range r.Headers {
				origin[h.Key] = string(h.Value)
			}
			require.NotEmpty(e.t, origin["sidecar-reason"], "the reason of %v", origin)
			found[origin["sidecar-partition"]+"/"+origin["sidecar-offset"]] = true
		})
	}
	return found
}
