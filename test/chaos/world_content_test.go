package chaos

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// readWithin is the deadline of reading a topic to its end.
const readWithin = 2 * time.Minute

// topicReader is a plain consumer without a group that reads a topic to its end, again and again: each time only what is new.
type topicReader struct {
	topic  string
	level  kgo.IsolationLevel
	client *kgo.Client     // nil = has read nothing; it reads ahead from its first moment
	next   map[int32]int64 // offset to be read next
}

// reader reads past the proxies. With committed it sees what a read_committed consumer sees.
func (w *world) reader(topic string, committed bool) *topicReader {
	level := kgo.ReadUncommitted()
	if committed {
		level = kgo.ReadCommitted()
	}
	return &topicReader{topic: topic, level: level, next: map[int32]int64{}}
}

func (r *topicReader) connect(w *world) {
	w.t.Helper()
	r.client = w.brokers.Client(kgo.ConsumeTopics(r.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(r.level), kgo.KeepControlRecords(), kgo.MetadataMinAge(50*time.Millisecond), kgo.MetadataMaxAge(time.Second))
}

func (r *topicReader) close() {
	if r.client != nil {
		r.client.Close()
	}
}

// readTo hands all data records from where it stands, or from the log starts, up to the ends to take, in the order of each partition.
func (r *topicReader) readTo(w *world, starts, ends map[int32]int64, take func(*kgo.Record)) {
	w.t.Helper()
	if r.client == nil {
		r.connect(w)
	}
	for partition, start := range starts {
		r.next[partition] = max(r.next[partition], start)
	}
	ctx, cancel := context.WithTimeout(context.Background(), readWithin)
	defer cancel()
	for behind(r.next, ends) {
		fetches := r.client.PollFetches(ctx)
		require.NoError(w.t, ctx.Err(), "reading a topic to its end: at %v of %v", r.next, ends)
		fetches.EachRecord(func(rec *kgo.Record) {
			r.next[rec.Partition] = rec.Offset + 1
			if !rec.Attrs.IsControl() && rec.Offset >= starts[rec.Partition] { // the client may hold what was deleted since
				take(rec)
			}
		})
	}
}

func behind(next, ends map[int32]int64) bool {
	for partition, end := range ends {
		if next[partition] < end {
			return true
		}
	}
	return false
}

func note(rs *oracle.Records, r *kgo.Record) {
	rs.Offsets = append(rs.Offsets, r.Offset)
	rs.Digests = append(rs.Digests, digestOf(r))
}

// noteAborted notes a record that is not among those noted before.
func noteAborted(c *oracle.Content, r *kgo.Record) {
	if _, ok := slices.BinarySearch(c.Offsets, r.Offset); !ok {
		note(&c.Aborted, r)
	}
}

func digestOf(r *kgo.Record) oracle.Digest {
	return oracle.DigestOf(r.Timestamp.UnixMilli(), r.Key, r.Value, headersOf(r.Headers))
}

func headersOf(all []kgo.RecordHeader) []oracle.Header {
	var headers []oracle.Header
	for _, h := range all {
		headers = append(headers, oracle.Header{Name: []byte(h.Key), Value: h.Value})
	}
	return headers
}

// readLetter is a record of a dead-letter topic as the oracle wants it.
func (w *world) readLetter(r *kgo.Record) oracle.Letter {
	own := map[string]string{} // the last of a name counts
	first := len(r.Headers)
	for i, h := range r.Headers {
		own[h.Key] = string(h.Value)
		if h.Key == "sidecar-topic" {
			first = i
		}
	}
	number := func(name string) int64 {
		n, err := strconv.ParseInt(own[name], 10, 64)
		require.NoError(w.t, err, "header %s of the dead letter at offset %d", name, r.Offset)
		return n
	}
	return oracle.Letter{
		Topic: own["sidecar-topic"], Partition: int32(number("sidecar-partition")), Offset: number("sidecar-offset"),
		Time: oracle.Nanos(r.Timestamp.UnixNano()), Digest: oracle.DigestOf(number("sidecar-timestamp"), r.Key, r.Value, headersOf(r.Headers[:first])),
	}
}

// openTopic begins to read the topic's present incarnation.
func (w *world) openTopic() {
	w.committed, w.uncommitted = w.reader(w.topic, true), w.reader(w.topic, false)
}

// recreateTopic deletes the topic, of which everything was noted before, and makes it anew. The producer must be paused.
func (w *world) recreateTopic(partitions int32) {
	w.t.Helper()
	w.readContents(nanos())
	w.RecreateTopic(w.topic, partitions, w.topicConfigs...)
	require.NoError(w.t, w.load.Recreated(w.TopicID(w.topic), partitions))
	w.openTopic()
}

// readContents notes what the topics hold beyond what was noted before. deleted is when the topic is deleted, right after
// this; 0 = it is not. A compacted topic is read anew: what vanished since the last time may have vanished before anybody read it.
func (w *world) readContents(deleted oracle.Nanos) {
	w.t.Helper()
	if w.topics[0].Compacted {
		w.contents.clear()
		w.committed.close()
		w.uncommitted.close()
		w.openTopic()
	}
	starts, ends := w.startOffsets(w.topic), w.EndOffsets(w.topic)
	id := w.TopicID(w.topic)
	found := map[int32]*oracle.Content{}
	for partition, end := range ends {
		found[partition] = &oracle.Content{Topic: w.topic, TopicID: id, Partition: partition, Start: starts[partition], End: end, Deleted: deleted}
	}
	w.committed.readTo(w, starts, ends, func(r *kgo.Record) { note(&found[r.Partition].Records, r) })
	w.uncommitted.readTo(w, starts, ends, func(r *kgo.Record) { noteAborted(found[r.Partition], r) })
	for _, partition := range slices.Sorted(maps.Keys(found)) {
		w.contents.add(found[partition])
	}
	if w.deadLetters != nil {
		w.deadLetters.readTo(w, nil, w.EndOffsets(w.letters), func(r *kgo.Record) { w.buried.add(w.readLetter(r)) })
	}
}

func (w *world) startOffsets(topic string) map[int32]int64 {
	w.t.Helper()
	starts := map[int32]int64{}
	testenv.Eventually(w.t, soon, "the log starts of "+topic, func() error {
		listed, err := w.admin.ListStartOffsets(context.Background(), topic)
		if err != nil {
			return err
		}
		listed.Each(func(o kadm.ListedOffset) { starts[o.Partition] = o.Offset })
		return listed.Error()
	})
	return starts
}
