package control

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

func TestSeekTargets(t *testing.T) {
	for name, x := range map[string]struct {
		to                Target
		want              int64 // of partition 0, which stands at 50
		skipped, repeated int64
	}{
		"earliest": {Earliest(), 10, 0, 40},
		"latest":   {Latest(), 90, 40, 0},
		"offset":   {Offset(50), 50, 0, 0},
		"end":      {Offset(100), 100, 50, 0},
		"back":     {Shift(-40), 10, 0, 40},
		"on":       {Shift(50), 100, 50, 0},
		"time":     {At(time.Unix(77, 0)), 77, 27, 0},
		"each":     {Each(map[int32]int64{0: 60, 1: 1}), 60, 10, 0},
		"each end": {Each(map[int32]int64{0: -1}), 90, 40, 0},
		"each log": {Each(map[int32]int64{0: -2}), 10, 0, 40},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t).runs()
			plan, err := s.Seek(t.Context(), "orders", []int32{0}, x.to, false)
			require.NoError(t, err)
			require.Equal(t, []Step{{Partition: 0, From: 50, To: x.want, LogStart: 10, LogEnd: 100}}, plan.Steps)
			assert.Equal(t, x.skipped, plan.Steps[0].Skipped())
			assert.Equal(t, x.repeated, plan.Steps[0].Repeated())
			assert.Equal(t, int64(50), s.entry(0).Offset, "a plan changes nothing")

			require.NoError(t, s.Apply(t.Context(), plan))
			e := s.entry(0)
			assert.Equal(t, x.want, e.Offset)
			assert.Equal(t, int64(8), e.Epoch)
			assert.Regexp(t, `^operator/ann@host/[0-9a-f]{16}$`, e.Owner)
			if x.want == 50 {
				assert.Equal(t, int32(3), e.LeaderEpoch)
			} else {
				assert.Equal(t, int32(-1), e.LeaderEpoch, "it is of no record that was consumed")
			}
			assert.Equal(t, int64(2), s.doc().Revision)
			assert.Equal(t, int64(50), s.entry(1).Offset)
		})
	}
}

func TestSeekOfAPartitionWithoutAKey(t *testing.T) {
	s := newScene(t).runs()
	plan, err := s.Seek(t.Context(), "orders", nil, Shift(5), false)
	require.NoError(t, err)
	require.Equal(t, int64(20), plan.Steps[2].From, "the baseline")
	require.Equal(t, []int64{15, 0}, []int64{plan.Skipped(), plan.Repeated()})
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, int64(25), s.entry(2).Offset)
	require.Equal(t, "id-1", s.entry(2).TopicID)
}

func TestSeekRefuses(t *testing.T) {
	for name, x := range map[string]struct {
		topic string
		parts []int32
		to    Target
		code  string
		says  string
	}{
		"below the log":     {"orders", []int32{0}, Offset(9), OutOfRange, "offset 9 of orders/0 is outside the log, which starts at 10 and ends at 100"},
		"above the log":     {"orders", []int32{1}, Offset(101), OutOfRange, "offset 101 of orders/1"},
		"shifted below":     {"orders", nil, Shift(-41), OutOfRange, "offset 9 of orders/0"},
		"shifted beyond":    {"orders", nil, Shift(math.MaxInt64), OutOfRange, "is no offset"},
		"negative":          {"orders", nil, Offset(-7), OutOfRange, "offset -7"},
		"no such partition": {"orders", []int32{3}, Earliest(), UnknownPartition, "there is no partition orders/3; the topic has 3"},
		"negative number":   {"orders", []int32{-1}, Earliest(), UnknownPartition, "orders/-1"},
		"none":              {"orders", []int32{}, Earliest(), BadRequest, "no partition"},
		"no such topic":     {"order", nil, Earliest(), UnknownTopic, "no offsets of topic order "},
		"nowhere":           {"orders", nil, Target{}, BadRequest, "where to go"},
		"one is not given":  {"orders", nil, Each(map[int32]int64{0: 50, 2: 50}), BadRequest, "no offset is given for orders/1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t).runs()
			_, err := s.Seek(t.Context(), x.topic, x.parts, x.to, false)
			s.refuses(err, x.code, x.says)
		})
	}
}

func TestSeekByForce(t *testing.T) {
	s := newScene(t).runs()
	s.store.Put("orders/1", "{")
	_, err := s.Seek(t.Context(), "orders", []int32{1}, Offset(5), false)
	s.refuses(err, Unreadable, "orders/1")
	plan, err := s.Seek(t.Context(), "orders", []int32{0, 1}, Offset(5), true)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, int64(5), s.entry(0).Offset)
	require.Equal(t, int64(5), s.entry(1).Offset)
	_, err = s.Seek(t.Context(), "orders", []int32{0}, Offset(-1), true)
	s.refuses(err, OutOfRange, "below 0")
}

// Offsets of another log are replaced as a whole, by a new baseline: the keys are of the other one.
func TestSeekOfAnotherLog(t *testing.T) {
	for name, change := range map[string]func(c *cluster){
		"recreated":       func(c *cluster) { c.id, c.partitions = "id-2", 2 },
		"another cluster": func(c *cluster) { c.cluster, c.partitions = "c-2", 2 },
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t).runs()
			change(s.cluster)
			_, err := s.Seek(t.Context(), "orders", []int32{0}, Earliest(), false)
			s.refuses(err, Recreated, "another log")
			_, err = s.Seek(t.Context(), "orders", nil, Shift(1), false)
			s.refuses(err, Recreated, "another log")
			_, err = s.Pause(t.Context(), "orders", nil)
			s.refuses(err, Recreated, "another log")
			_, err = s.Skip(t.Context(), record.TopicPartition{Topic: "orders"}, 50)
			s.refuses(err, Recreated, "another log")

			plan, err := s.Seek(t.Context(), "orders", nil, Earliest(), false)
			require.NoError(t, err)
			require.Len(t, plan.Notes, 1)
			require.NoError(t, s.Apply(t.Context(), plan))
			doc := s.doc()
			require.Equal(t, map[int32]int64{0: 10, 1: 10}, doc.Baseline)
			require.Equal(t, []any{s.cluster.id, s.cluster.cluster, int32(2), int64(2)}, []any{doc.TopicID, doc.ClusterID, doc.Partitions, doc.Revision})
		})
	}
}

func TestSkip(t *testing.T) {
	s := newScene(t).runs()
	p := record.TopicPartition{Topic: "orders", Partition: 1}
	_, err := s.Skip(t.Context(), p, 51)
	s.refuses(err, NotBlocked, "the next record to deliver is 50")
	plan, err := s.Skip(t.Context(), p, 50)
	require.NoError(t, err)
	require.NoError(t, s.Apply(t.Context(), plan))
	require.Equal(t, int64(51), s.entry(1).Offset)

	s.cluster.end = 51
	_, err = s.Skip(t.Context(), p, 51)
	s.refuses(err, OutOfRange, "the log ends at 51")
}

// The owner delivered the record meanwhile: skipping would pass over the next one.
func TestSkipOfARecordThatWasDelivered(t *testing.T) {
	s := newScene(t).runs()
	plan, err := s.Skip(t.Context(), record.TopicPartition{Topic: "orders"}, 50)
	require.NoError(t, err)
	s.commits(51)
	s.refuses(s.Apply(t.Context(), plan), Changed, "orders/0 stands at offset 51 by now")
	require.Equal(t, int64(51), s.entry(0).Offset)
}
