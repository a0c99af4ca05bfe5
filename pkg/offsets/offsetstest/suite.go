package offsetstest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Suite is what every store must do. open gives an empty store for the test it is called with.
func Suite(t *testing.T, open func(t *testing.T) Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(*testing.T, Store)
	}{
		{"absent keys have index 0", absent},
		{"a topic comes back as it was written", topicRoundTrip},
		{"a topic without partitions keeps its empty baseline", emptyBaseline},
		{"an entry comes back as it was written", entryRoundTrip},
		{"entries come back in the order asked", order},
		{"a new version is higher and the next write goes on from it", chain},
		{"an identical value keeps its version", identical},
		{"a stale write changes nothing and names all stale writes", staleNamesAll},
		{"creating needs an absent key", createTwice},
		{"updating needs a key that is there", updateAbsent},
		{"64 writes and reads fit in one call and 65 do not", limits},
		{"impossible writes are refused", invalidWrites},
		{"impossible reads are refused", invalidReads},
		{"nothing to do is no error", nothing},
		{"of concurrent writers one wins each version", concurrent},
		{"a cancelled call did nothing", cancelled},
		{"deleting needs the version that was read", deleting},
		{"the operators' log comes back in order", auditLog},
		{"a group's topics are listed with what is there of them", listing},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

func part(n int32) record.TopicPartition { return record.TopicPartition{Topic: "orders", Partition: n} }

func entry(n int32, offset int64) record.Entry {
	return record.Entry{
		TopicPartition: part(n), Offset: offset, LeaderEpoch: 7, TopicID: "nF3yUVZ0RWiW3a0gZ0-abA",
		Owner: "pod-7f4/9c1e04a2b7d01f33", Epoch: 1764000041,
		CommittedAt: time.Date(2025, 11, 24, 10, 0, 41, 123456789, time.UTC),
	}
}

func topic(name string) record.Topic {
	return record.Topic{
		Name: name, TopicID: "nF3yUVZ0RWiW3a0gZ0-abA", ClusterID: "c1", Partitions: 2,
		Baseline: map[int32]int64{0: 1200, 1: 977}, Start: "latest", Revision: 1,
		CreatedAt: time.Date(2025, 11, 24, 10, 0, 0, 0, time.UTC),
	}
}

func write(t *testing.T, s Store, entries ...record.Entry) []uint64 {
	t.Helper()
	writes := make([]record.Write, len(entries))
	for i := range entries {
		writes[i].Entry = &entries[i]
	}
	indexes, err := s.Write(t.Context(), writes)
	require.NoError(t, err)
	require.Len(t, indexes, len(entries))
	return indexes
}

func read(t *testing.T, s Store, n int32) record.Entry {
	t.Helper()
	entries, err := s.Entries(t.Context(), []record.TopicPartition{part(n)})
	require.NoError(t, err)
	require.Len(t, entries, 1)
	return entries[0]
}

func absent(t *testing.T, s Store) {
	got, err := s.Topic(t.Context(), "orders")
	require.NoError(t, err)
	assert.Equal(t, record.Topic{Name: "orders"}, got)
	assert.Equal(t, record.Entry{TopicPartition: part(3)}, read(t, s, 3))
}

func topicRoundTrip(t *testing.T, s Store) {
	want := topic("orders")
	indexes, err := s.Write(t.Context(), []record.Write{{Topic: &want}})
	require.NoError(t, err)
	require.Len(t, indexes, 1)
	want.Index = indexes[0]
	assert.NotZero(t, want.Index)
	got, err := s.Topic(t.Context(), "orders")
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func emptyBaseline(t *testing.T, s Store) {
	want := record.Topic{Name: "orders", Start: "latest"}
	_, err := s.Write(t.Context(), []record.Write{{Topic: &want}})
	require.NoError(t, err)
	got, err := s.Topic(t.Context(), "orders")
	require.NoError(t, err)
	assert.NotNil(t, got.Baseline)
	assert.Empty(t, got.Baseline)
	assert.Zero(t, got.Partitions)
}

func entryRoundTrip(t *testing.T, s Store) {
	plain, paused, unknown := entry(0, 1204), entry(1, 0), entry(2, 1<<53+1)
	paused.Paused, paused.PausedBy, paused.PausedAt, paused.Owner = true, "ann@host", plain.CommittedAt, "operator/ann@host/0f"
	unknown.LeaderEpoch, unknown.TopicID = -1, ""
	unknown.CommittedAt = unknown.CommittedAt.In(time.FixedZone("east", 3600))
	for i, index := range write(t, s, plain, paused, unknown) {
		want := []record.Entry{plain, paused, unknown}[i]
		want.Index, want.CommittedAt = index, want.CommittedAt.UTC()
		assert.Equal(t, want, read(t, s, int32(i)))
	}
}

func order(t *testing.T, s Store) {
	write(t, s, entry(0, 10), entry(2, 12))
	got, err := s.Entries(t.Context(), []record.TopicPartition{part(2), part(1), part(0), part(2)})
	require.NoError(t, err)
	require.Len(t, got, 4)
	assert.Equal(t, []int64{12, 0, 10, 12}, []int64{got[0].Offset, got[1].Offset, got[2].Offset, got[3].Offset})
	assert.Equal(t, part(1), got[1].TopicPartition)
	assert.Zero(t, got[1].Index)
}

func chain(t *testing.T, s Store) {
	e := entry(0, 1)
	for offset := int64(1); offset <= 5; offset++ {
		e.Offset = offset
		index := write(t, s, e)[0]
		assert.Greater(t, index, e.Index)
		e.Index = index
	}
	assert.Equal(t, e, read(t, s, 0))
}

func identical(t *testing.T, s Store) {
	e := entry(0, 1)
	e.Index = write(t, s, e)[0]
	assert.Equal(t, e.Index, write(t, s, e)[0])
}

func staleNamesAll(t *testing.T, s Store) {
	write(t, s, entry(0, 10), entry(1, 11), entry(2, 12))
	good := read(t, s, 1)
	good.Offset = 99
	stale0, stale2 := read(t, s, 0), read(t, s, 2)
	stale0.Offset, stale2.Offset = 98, 97
	stale0.Index += 1000
	stale2.Index--
	fresh := entry(3, 1)
	_, err := s.Write(t.Context(), []record.Write{{Entry: &stale0}, {Entry: &good}, {Entry: &fresh}, {Entry: &stale2}})
	var stale *record.StaleError
	require.ErrorAs(t, err, &stale)
	assert.Equal(t, []int{0, 3}, stale.Stale)
	assert.Equal(t, int64(11), read(t, s, 1).Offset)
	assert.Zero(t, read(t, s, 3).Index)
}

func createTwice(t *testing.T, s Store) {
	mine, theirs := topic("orders"), topic("orders")
	theirs.Start = "earliest"
	_, err := s.Write(t.Context(), []record.Write{{Topic: &mine}})
	require.NoError(t, err)
	_, err = s.Write(t.Context(), []record.Write{{Topic: &theirs}})
	var stale *record.StaleError
	require.ErrorAs(t, err, &stale)
	assert.Equal(t, []int{0}, stale.Stale)
	got, err := s.Topic(t.Context(), "orders")
	require.NoError(t, err)
	assert.Equal(t, "latest", got.Start)
}

func updateAbsent(t *testing.T, s Store) {
	e := entry(0, 1)
	e.Index = 5
	_, err := s.Write(t.Context(), []record.Write{{Entry: &e}})
	var stale *record.StaleError
	require.ErrorAs(t, err, &stale)
	assert.Zero(t, read(t, s, 0).Index)
}

func limits(t *testing.T, s Store) {
	entries := make([]record.Entry, record.MaxWrites)
	parts := make([]record.TopicPartition, record.MaxWrites)
	for i := range entries {
		entries[i], parts[i] = entry(int32(i), int64(i)), part(int32(i))
	}
	indexes := write(t, s, entries...)
	got, err := s.Entries(t.Context(), parts)
	require.NoError(t, err)
	for i := range got {
		assert.Equal(t, int64(i), got[i].Offset)
		assert.Equal(t, indexes[i], got[i].Index)
	}

	var invalid *record.InvalidError
	writes := make([]record.Write, record.MaxWrites+1)
	for i := range writes {
		e := entry(int32(100+i), 1)
		writes[i].Entry = &e
	}
	_, err = s.Write(t.Context(), writes)
	require.ErrorAs(t, err, &invalid)
	assert.Zero(t, read(t, s, 100).Index)
	_, err = s.Entries(t.Context(), append(parts, part(64)))
	require.ErrorAs(t, err, &invalid)
}

func invalidWrites(t *testing.T, s Store) {
	negative, partition, badTopic, twice := entry(0, -1), entry(-1, 1), entry(0, 1), entry(0, 1)
	badTopic.Topic = "a/b"
	good, noTopic := topic("orders"), topic("")
	for name, writes := range map[string][]record.Write{
		"neither":            {{}},
		"both":               {{Topic: &good, Entry: &twice}},
		"negative offset":    {{Entry: &negative}},
		"negative partition": {{Entry: &partition}},
		"slash in the topic": {{Entry: &badTopic}},
		"no topic name":      {{Topic: &noTopic}},
		"same key twice":     {{Entry: &twice}, {Entry: &twice}},
	} {
		_, err := s.Write(t.Context(), writes)
		var invalid *record.InvalidError
		assert.ErrorAs(t, err, &invalid, name)
	}
	assert.Zero(t, read(t, s, 0).Index)
}

func invalidReads(t *testing.T, s Store) {
	var invalid *record.InvalidError
	for _, name := range []string{"", ".", "..", "a/b", "a b"} {
		_, err := s.Topic(t.Context(), name)
		assert.ErrorAs(t, err, &invalid, name)
		_, err = s.Entries(t.Context(), []record.TopicPartition{{Topic: name}})
		assert.ErrorAs(t, err, &invalid, name)
	}
}

func nothing(t *testing.T, s Store) {
	entries, err := s.Entries(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, entries)
	indexes, err := s.Write(t.Context(), nil)
	require.NoError(t, err)
	assert.Empty(t, indexes)
}

func concurrent(t *testing.T, s Store) {
	const writers = 8
	first := entry(0, 1)
	first.Index = write(t, s, first)[0]
	var wg sync.WaitGroup
	results := make([]error, writers)
	for i := range writers {
		wg.Go(func() {
			e := first
			e.Offset, e.Owner = int64(10+i), fmt.Sprintf("pod/%016x", i)
			_, results[i] = s.Write(t.Context(), []record.Write{{Entry: &e}})
		})
	}
	wg.Wait()
	winner := -1
	for i, err := range results {
		if err == nil {
			assert.Equal(t, -1, winner, "two writers won the same version")
			winner = i
			continue
		}
		var stale *record.StaleError
		assert.ErrorAs(t, err, &stale)
	}
	require.NotEqual(t, -1, winner)
	assert.Equal(t, int64(10+winner), read(t, s, 0).Offset)
}

func cancelled(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	e := entry(0, 1)
	_, err := s.Write(ctx, []record.Write{{Entry: &e}})
	require.ErrorIs(t, err, record.ErrUnavailable)
	_, err = s.Topic(ctx, "orders")
	require.ErrorIs(t, err, record.ErrUnavailable)
	_, err = s.Entries(ctx, []record.TopicPartition{part(0)})
	require.ErrorIs(t, err, record.ErrUnavailable)
	assert.Zero(t, read(t, s, 0).Index)
}

// deleting: with other writes in one transaction, all or none, and a key that was deleted is absent.
func deleting(t *testing.T, s Store) {
	first, second := entry(0, 10), entry(1, 20)
	indexes := write(t, s, first, second)
	first.Index, second.Index = indexes[0], indexes[1]

	stale := second
	stale.Index--
	second.Offset = 21
	_, err := s.Write(t.Context(), []record.Write{{Entry: &stale, Delete: true}, {Entry: &first, Delete: true}})
	var found *record.StaleError
	require.ErrorAs(t, err, &found)
	assert.Equal(t, []int{0}, found.Stale)
	assert.Equal(t, int64(10), read(t, s, 0).Offset, "nothing was deleted")

	third := entry(2, 30)
	indexes, err = s.Write(t.Context(), []record.Write{{Entry: &third}, {Entry: &first, Delete: true}, {Entry: &second}})
	require.NoError(t, err)
	require.Len(t, indexes, 3)
	assert.Zero(t, indexes[1])
	assert.Equal(t, record.Entry{TopicPartition: part(0)}, read(t, s, 0))
	assert.Equal(t, indexes[0], read(t, s, 2).Index)
	assert.Equal(t, indexes[2], read(t, s, 1).Index)
	assert.Equal(t, int64(21), read(t, s, 1).Offset)

	first.Index = 0
	assert.Greater(t, write(t, s, first)[0], indexes[0], "a version is never given out again")
}

func auditLog(t *testing.T, s Store) {
	lines, err := s.Audits(t.Context())
	require.NoError(t, err)
	assert.Empty(t, lines)

	at := time.Date(2025, 11, 24, 10, 0, 41, 120000000, time.UTC)
	var want []record.Audit
	for i := range 3 {
		e := entry(int32(i), 10)
		a := record.Audit{
			Time: at.Add(time.Duration(i) * time.Second), Nonce: fmt.Sprintf("%016x", 9-i), Who: "ann@host", What: "seek", Topic: "orders", Revision: int64(i),
			Changes: []record.Change{
				{Partition: 0, After: &record.Standing{Offset: 1<<53 + 1}},
				{Partition: 1, Before: &record.Standing{Offset: 5, Paused: true}},
			},
		}
		indexes, err := s.Write(t.Context(), []record.Write{{Entry: &e}, {Audit: &a}})
		require.NoError(t, err)
		a.Index = indexes[1]
		want = append(want, a)
	}
	lines, err = s.Audits(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want, lines)

	_, err = s.Write(t.Context(), []record.Write{{Audit: &want[0], Delete: true}})
	require.NoError(t, err)
	lines, err = s.Audits(t.Context())
	require.NoError(t, err)
	assert.Equal(t, want[1:], lines)
}

// lister is a Store that lists the topics of its group.
type lister interface {
	Tracked(ctx context.Context) ([]record.Tracked, error)
}

func listing(t *testing.T, s Store) {
	all, ok := s.(lister)
	require.True(t, ok)
	none, err := all.Tracked(t.Context())
	require.NoError(t, err)
	require.Empty(t, none)

	orders, line := topic("orders"), record.Audit{Time: time.Now(), Nonce: "0123456789abcdef", Who: "ann@host", What: "seek", Topic: "orders"}
	alone := entry(0, 5)
	alone.Topic = "_audit" // a legal name
	_, err = s.Write(t.Context(), []record.Write{{Topic: &orders}, {Audit: &line}, {Entry: &alone}})
	require.NoError(t, err)
	write(t, s, entry(10, 1200), entry(2, 977))
	topics, err := all.Tracked(t.Context())
	require.NoError(t, err)
	require.Len(t, topics, 2)
	require.Equal(t, []any{"_audit", uint64(0), int64(5)}, []any{topics[0].Name, topics[0].Index, topics[0].Entries[0].Offset})
	doc, err := s.Topic(t.Context(), "orders")
	require.NoError(t, err)
	require.Equal(t, doc, topics[1].Topic)
	require.Equal(t, []record.Entry{read(t, s, 2), read(t, s, 10)}, topics[1].Entries)
}
