package sdk

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

type place struct {
	partition int32
	offset    int64
}

// complete: every record that was produced was applied, but for those that the app rejects.
func complete(produced []*kgo.Record, log []line) error {
	applied := map[place]bool{}
	for _, l := range records(log, "applied") {
		applied[place{l.Partition, l.Offset}] = true
	}
	missing, first := 0, place{}
	for _, r := range produced {
		at := place{r.Partition, r.Offset}
		if applied[at] || strings.HasPrefix(string(r.Value), "reject:") {
			continue
		}
		if missing == 0 {
			first = at
		}
		missing++
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d records were not applied, the first %+v", missing, len(produced), first)
	}
	return nil
}

// intact: every record that the app was given is one that was produced, byte for byte.
func intact(produced []*kgo.Record, log []line) error {
	at := map[place]*kgo.Record{}
	for _, r := range produced {
		at[place{r.Partition, r.Offset}] = r
	}
	for _, l := range kind(log, "record") {
		want, ok := at[place{l.Partition, l.Offset}]
		if !ok {
			return fmt.Errorf("%s/%d@%d was never produced", l.Topic, l.Partition, l.Offset)
		}
		if err := same(want, l); err != nil {
			return fmt.Errorf("%s/%d@%d: %w", l.Topic, l.Partition, l.Offset, err)
		}
	}
	return nil
}

// same compares content; null and empty differ.
func same(want *kgo.Record, got line) error {
	equal := func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }
	switch {
	case got.Topic != want.Topic:
		return fmt.Errorf("the topic is %s", got.Topic)
	case got.Timestamp != want.Timestamp.UnixMilli():
		return fmt.Errorf("the timestamp is %d instead of %d", got.Timestamp, want.Timestamp.UnixMilli())
	case !equal(got.Key, want.Key):
		return fmt.Errorf("the key is %s instead of %s", shown(got.Key), shown(want.Key))
	case !equal(got.Value, want.Value):
		return fmt.Errorf("the value is %s instead of %s", shown(got.Value), shown(want.Value))
	case len(got.Headers) != len(want.Headers):
		return fmt.Errorf("%d headers instead of %d", len(got.Headers), len(want.Headers))
	}
	for i, h := range want.Headers {
		if name, value := got.Headers[i][0], got.Headers[i][1]; string(name) != h.Key || !equal(value, h.Value) {
			return fmt.Errorf("header %d is %q: %s instead of %q: %s", i, name, shown(value), h.Key, shown(h.Value))
		}
	}
	return nil
}

func shown(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

// inOrder: the records of a partition are applied for the first time in the order of their offsets.
func inOrder(log []line) error {
	seen, highest := map[place]bool{}, map[int32]int64{}
	for _, l := range records(log, "applied") {
		at := place{l.Partition, l.Offset}
		if seen[at] {
			continue
		}
		seen[at] = true
		if before, ok := highest[l.Partition]; ok && before > l.Offset {
			return fmt.Errorf("%d/%d was applied first after %d", l.Partition, l.Offset, before)
		}
		highest[l.Partition] = l.Offset
	}
	return nil
}

// noOverlap: a process never handles two batches with the same partition at once.
func noOverlap(log []line) error {
	handled := map[int32]string{} // the batch in which a partition is handled
	for _, l := range log {
		switch l.Event {
		case "start":
			clear(handled)
		case "begin":
			for _, r := range l.Ranges {
				if other, ok := handled[r.Partition]; ok {
					return fmt.Errorf("batch %s began while %s was handled, both with partition %d", l.Batch, other, r.Partition)
				}
				handled[r.Partition] = l.Batch
			}
		case "end":
			for partition, batch := range handled {
				if batch == l.Batch {
					delete(handled, partition)
				}
			}
		}
	}
	return nil
}

// repeats counts the records that were applied again.
func repeats(log []line) int {
	seen, again := map[place]bool{}, 0
	for _, l := range records(log, "applied") {
		if seen[place{l.Partition, l.Offset}] {
			again++
		}
		seen[place{l.Partition, l.Offset}] = true
	}
	return again
}

func TestOracleFindsWhatIsWrong(t *testing.T) {
	produced := []*kgo.Record{{Topic: "t", Offset: 0, Key: []byte("k")}, {Topic: "t", Offset: 1, Value: []byte("reject:x")}, {Topic: "t", Offset: 2}}
	stamp := produced[0].Timestamp.UnixMilli()
	applied := func(offset int64, key string) line {
		l := line{Event: "record", Outcome: "applied", Topic: "t", Offset: offset, Timestamp: stamp}
		if key != "" {
			l.Key = []byte(key)
		}
		return l
	}
	good := []line{applied(0, "k"), applied(2, ""), applied(0, "k")}
	require.NoError(t, complete(produced, good))
	require.NoError(t, intact(produced, good))
	require.NoError(t, inOrder(good))
	require.Equal(t, 1, repeats(good))
	require.ErrorContains(t, complete(produced, good[1:2]), "1 of 3")
	require.ErrorContains(t, intact(produced, []line{applied(7, "")}), "never produced")
	require.ErrorContains(t, intact(produced, []line{applied(0, "other")}), "the key is")
	require.ErrorContains(t, intact(produced, []line{applied(0, "")}), "the key is")
	require.ErrorContains(t, inOrder([]line{applied(2, ""), applied(0, "k")}), "0/0 was applied first after 2")

	begin := func(batch string) line { return line{Event: "begin", Batch: batch, Ranges: []span{{Partition: 3}}} }
	end := line{Event: "end", Batch: "a"}
	require.NoError(t, noOverlap([]line{begin("a"), end, begin("b"), {Event: "start"}, begin("a")}))
	require.ErrorContains(t, noOverlap([]line{begin("a"), begin("b"), end}), "began while a was handled")
	require.ErrorContains(t, noOverlap([]line{begin("a"), begin("a")}), "began while a was handled")
}
