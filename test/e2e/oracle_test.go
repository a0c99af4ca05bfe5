package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

type place struct {
	topic     string
	partition int32
	offset    int64
}

func placeOf(p testenv.Produced) place { return place{p.Topic, p.Partition, p.Offset} }

// noLoss: every record of the producer's log was acknowledged by the app, with the content that was produced.
func noLoss(produced []testenv.Produced, log []testenv.Delivery) error {
	acked := map[place]testenv.Produced{}
	for i := range log {
		for _, r := range log[i].Acked() {
			acked[placeOf(r)] = r
		}
	}
	missing, first := 0, testenv.Produced{}
	for _, want := range produced {
		got, ok := acked[placeOf(want)]
		if !ok {
			if missing == 0 {
				first = want
			}
			missing++
			continue
		}
		if got != want {
			return fmt.Errorf("produced %+v, the app received %+v", want, got)
		}
	}
	if missing > 0 {
		return fmt.Errorf("%d of %d records are not acknowledged, the first %+v", missing, len(produced), first)
	}
	return nil
}

// visit is one part of one delivery.
type visit struct {
	testenv.AppPart
	start, end time.Time
	taken      bool // answered 2xx: acknowledged, or named in failures
}

// visits are the deliveries of each partition in the order they arrived.
func visits(log []testenv.Delivery) map[int32][]visit {
	byPartition := map[int32][]visit{}
	for _, d := range log {
		taken := !d.End.IsZero() && d.Answer.Status < 300
		for _, p := range d.Batch.Parts {
			byPartition[p.Partition] = append(byPartition[p.Partition], visit{p, d.Start, d.End, taken})
		}
	}
	return byPartition
}

// inOrder: under one fence a partition's records are delivered for the first time in offset order, no
// later record before an earlier one was acknowledged, ranges hold their records and fit together.
func inOrder(log []testenv.Delivery) error {
	for partition, all := range visits(log) {
		byFence := map[int64][]visit{}
		for _, v := range all {
			byFence[v.Fence] = append(byFence[v.Fence], v)
		}
		for fence, seen := range byFence {
			if err := oneOwnership(seen); err != nil {
				return fmt.Errorf("partition %d under fence %d: %w", partition, fence, err)
			}
		}
	}
	return nil
}

func oneOwnership(seen []visit) error {
	taken := seen[0].FromOffset // everything below was taken by the app
	for _, v := range seen {
		if len(v.Records) == 0 {
			return fmt.Errorf("a part without records at %d", v.FromOffset)
		}
		if first, last := v.Records[0].Offset, v.Records[len(v.Records)-1].Offset; first < v.FromOffset || last+1 != v.UntilOffset {
			return fmt.Errorf("range [%d,%d) holds records %d to %d", v.FromOffset, v.UntilOffset, first, last)
		}
		if !slices.IsSortedFunc(v.Records, func(a, b testenv.AppRecord) int { return cmp.Compare(a.Offset, b.Offset) }) {
			return fmt.Errorf("records of [%d,%d) do not ascend", v.FromOffset, v.UntilOffset)
		}
		if v.FromOffset > taken {
			return fmt.Errorf("range [%d,%d) was sent while the app had taken only what is below %d", v.FromOffset, v.UntilOffset, taken)
		}
		if v.taken {
			taken = max(taken, v.UntilOffset)
		}
	}
	return nil
}

// noOverlap: a partition is never in two requests at the same time, whoever owns it.
func noOverlap(log []testenv.Delivery) error {
	for partition, all := range visits(log) {
		for i := 1; i < len(all); i++ {
			if before := all[i-1]; before.end.IsZero() || before.end.After(all[i].start) {
				return fmt.Errorf("partition %d: [%d,%d) under fence %d was sent while [%d,%d) under fence %d was handled", partition,
					all[i].FromOffset, all[i].UntilOffset, all[i].Fence, before.FromOffset, before.UntilOffset, before.Fence)
			}
		}
	}
	return nil
}

// repeats counts the deliveries of records that the app had acknowledged before.
func repeats(log []testenv.Delivery) int {
	acked, again := map[place]bool{}, 0
	for i := range log {
		for _, r := range log[i].Acked() {
			if acked[placeOf(r)] {
				again++
			}
			acked[placeOf(r)] = true
		}
	}
	return again
}

// settle ends the load, waits until the app has acknowledged it and the store has it, and checks what the
// watch saw of the store. It returns what was produced.
func (s *scene) settle(load *testenv.Load, watch *storeWatch) []testenv.Produced {
	s.t.Helper()
	produced, err := load.Stop()
	require.NoError(s.t, err)
	s.waitAcked(produced)
	s.waitCaughtUp()
	watch.check()
	return produced
}

// verify checks what holds whenever nothing was frozen: no loss, order, no overlap.
func (s *scene) verify(produced []testenv.Produced) {
	s.t.Helper()
	log := s.app.Deliveries()
	require.NoError(s.t, noLoss(produced, log))
	require.NoError(s.t, inOrder(log))
	require.NoError(s.t, noOverlap(log))
}

// storeWatch reads all keys of a group again and again and keeps every violation: offsets and epochs never
// go down, nothing is stored that the app has not acknowledged, `_topic` stands before any partition.
type storeWatch struct {
	scene *scene
	stop  chan struct{}
	done  chan struct{}
	once  sync.Once

	first, last map[int32]stored
	err         error
}

// watchStore starts a watch that ends with the test, or with check.
func (s *scene) watchStore() *storeWatch {
	w := &storeWatch{scene: s, stop: make(chan struct{}), done: make(chan struct{}), first: map[int32]stored{}, last: map[int32]stored{}}
	go w.run()
	s.t.Cleanup(w.end)
	return w
}

func (w *storeWatch) run() {
	defer close(w.done)
	tick := time.NewTicker(15 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-tick.C:
		}
		docs, ok := w.read()
		if !ok {
			continue // the store is away, that is the test's business
		}
		if err := w.compare(docs); err != nil && w.err == nil {
			w.err = err
		}
	}
}

// read lists the group's keys in one request, which Consul answers from one state.
func (w *storeWatch) read() (map[int32]stored, bool) {
	keys, ok := w.scene.consul.List("kafka-sidecar/" + w.scene.group + "/")
	if !ok {
		return nil, false
	}
	docs := map[int32]stored{}
	for key, value := range keys {
		number, err := strconv.Atoi(key[strings.LastIndex(key, "/")+1:])
		if err != nil {
			continue
		}
		var doc stored
		if json.Unmarshal(value, &doc) == nil {
			docs[int32(number)] = doc
		}
	}
	if _, topic := keys[w.scene.key("_topic")]; !topic && len(docs) > 0 && w.err == nil {
		w.err = fmt.Errorf("partition keys stand without _topic: %v", slices.Collect(maps.Keys(keys)))
	}
	return docs, true
}

func (w *storeWatch) compare(docs map[int32]stored) error {
	changed := false
	for partition, doc := range docs {
		before, known := w.last[partition]
		if !known {
			w.first[partition] = doc
		}
		if known && (doc.Offset < before.Offset || doc.Epoch < before.Epoch) {
			return fmt.Errorf("partition %d went back from %+v to %+v", partition, before, doc)
		}
		if known && doc.Offset > before.Offset && doc.Epoch != before.Epoch && doc.Owner == before.Owner {
			return fmt.Errorf("partition %d: the same owner in two epochs: %+v, %+v", partition, before, doc)
		}
		changed = changed || doc.Offset != before.Offset
		w.last[partition] = doc
	}
	if !changed {
		return nil
	}
	return w.ackedBelow(docs)
}

// ackedBelow runs after the store was read, so everything stored was acknowledged by now or wrongly stored.
func (w *storeWatch) ackedBelow(docs map[int32]stored) error {
	frontier := map[int32]int64{}
	log := w.scene.app.Deliveries()
	for i := range log {
		for _, r := range log[i].Acked() {
			frontier[r.Partition] = max(frontier[r.Partition], r.Offset+1)
		}
	}
	for partition, doc := range docs {
		if doc.Offset > max(w.first[partition].Offset, frontier[partition]) {
			return fmt.Errorf("partition %d: %d is stored, the app has acknowledged only up to %d", partition, doc.Offset, frontier[partition])
		}
	}
	return nil
}

func (w *storeWatch) end() {
	w.once.Do(func() { close(w.stop) })
	<-w.done
}

// check ends the watch and fails the test when something was seen.
func (w *storeWatch) check() {
	w.scene.t.Helper()
	w.end()
	require.NoError(w.scene.t, w.err)
}

func TestOracleFindsWhatIsWrong(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(ms)) }
	send := func(start, end int, fence, from, until int64) testenv.Delivery {
		part := testenv.AppPart{Topic: "t", FromOffset: from, UntilOffset: until, Fence: fence}
		for o := from; o < until; o++ {
			part.Records = append(part.Records, testenv.AppRecord{Offset: o, Value: []byte("v")})
		}
		return testenv.Delivery{Batch: testenv.AppBatch{Parts: []testenv.AppPart{part}}, Start: at(start), End: at(end)}
	}
	good := []testenv.Delivery{send(1, 2, 7, 0, 2), send(3, 4, 7, 2, 4), send(5, 6, 8, 3, 5)}
	produced := []testenv.Produced{{Topic: "t", Offset: 0, Value: "v"}, {Topic: "t", Offset: 4, Value: "v"}}
	require.NoError(t, noLoss(produced, good))
	require.NoError(t, inOrder(good))
	require.NoError(t, noOverlap(good))
	require.Equal(t, 1, repeats(good))

	require.ErrorContains(t, noLoss(append(produced, testenv.Produced{Topic: "t", Offset: 9}), good), "1 of 3")
	require.ErrorContains(t, noLoss([]testenv.Produced{{Topic: "t", Offset: 0, Value: "other"}}, good), "the app received")
	require.ErrorContains(t, inOrder([]testenv.Delivery{send(1, 2, 7, 0, 2), send(3, 4, 7, 3, 4)}), "only what is below 2")
	require.ErrorContains(t, noOverlap([]testenv.Delivery{send(1, 4, 7, 0, 2), send(3, 5, 8, 0, 2)}), "was sent while")
}

func TestStoreWatchFindsWhatIsWrong(t *testing.T) {
	fresh := func() *storeWatch {
		s := &scene{t: t, app: testenv.App(t)} // has acknowledged nothing
		return &storeWatch{scene: s, first: map[int32]stored{}, last: map[int32]stored{}}
	}
	w := fresh()
	require.NoError(t, w.compare(map[int32]stored{0: {Offset: 5, Epoch: 7, Owner: "a"}}))
	require.NoError(t, w.compare(map[int32]stored{0: {Offset: 5, Epoch: 8, Owner: "b"}}), "a claim")
	require.ErrorContains(t, w.compare(map[int32]stored{0: {Offset: 5, Epoch: 7, Owner: "a"}}), "went back")
	require.ErrorContains(t, w.compare(map[int32]stored{0: {Offset: 4, Epoch: 8, Owner: "b"}}), "went back")
	w = fresh()
	require.NoError(t, w.compare(map[int32]stored{0: {Offset: 5}}))
	require.ErrorContains(t, w.compare(map[int32]stored{0: {Offset: 6}}), "acknowledged only up to 0")
}
