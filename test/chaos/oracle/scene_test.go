package oracle

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	ms  Nanos = 1e6
	sec Nanos = 1e9
)

// scene writes the logs of a run by hand. Time goes on by 10 ms with each thing that happens. One sidecar "s/1" and one app "a/1"
// are there from the beginning, a topic "orders" with the id "id-1", and its document; everything else is said.
type scene struct {
	t    *testing.T
	run  *Run
	now  Nanos
	apps map[string]int // place in run.Apps

	index      uint64
	end        map[int32]int64   // of the logs
	start      map[int32]int64   // log starts at the end of the run, 0 unless said
	missing    map[int32][]int64 // not found by the reader at the end
	stored     map[int32]entry
	epoch      int64
	app        string // who receives
	requests   map[string]int
	topicID    string
	partitions int32
	lost       int64 // counted by the metrics at the end
}

// entry is a partition's key.
type entry struct {
	writer, owner string
	offset, epoch int64
	topicID       string
}

// newScene has partitions 0 to n-1 in its baseline, all from offset 0.
func newScene(t *testing.T, n int32) *scene {
	s := &scene{
		t: t, now: 1000 * sec, apps: map[string]int{}, end: map[int32]int64{}, start: map[int32]int64{}, missing: map[int32][]int64{},
		stored: map[int32]entry{}, epoch: 100, app: "a/1", requests: map[string]int{}, topicID: "id-1", partitions: n,
		run: &Run{Frame: Frame{
			Group: "g", Began: 1000 * sec, Start: "earliest", Isolation: "read_committed", DeadLetter: "block", DataLoss: "block", Recreated: "block",
			AppTimeout: 15 * sec, CommitEvery: sec, StoreWithin: 5 * sec, Slack: sec, Topics: []Topic{{Name: "orders"}},
		}},
	}
	baseline := map[int32]int64{}
	for p := range n {
		baseline[p] = 0
	}
	s.document("s/1", n, baseline)
	return s
}

func (s *scene) tick() Nanos {
	s.now += 10 * ms
	return s.now
}

func (s *scene) wait(d Nanos) { s.now += d }

// content of the record at an offset.
func (s *scene) digest(p int32, offset int64) Digest {
	return DigestOf(offset, nil, fmt.Appendf(nil, "%s/%d/%d", s.topicID, p, offset), nil)
}

func (s *scene) records(p int32, from, until int64) Records {
	var rs Records
	for o := from; o < until; o++ {
		rs.Offsets = append(rs.Offsets, o)
		rs.Digests = append(rs.Digests, s.digest(p, o))
	}
	return rs
}

// produce appends n records to a partition, acknowledged.
func (s *scene) produce(p int32, n int64) {
	from := s.end[p]
	s.end[p] += n
	sent := s.tick()
	s.run.Produced = append(s.run.Produced, Produced{Topic: "orders", TopicID: s.topicID, Partition: p, Sent: sent, Acked: s.tick(), Records: s.records(p, from, s.end[p])})
}

// store writes a value as that process and gives the line to be bent.
func (s *scene) store(writer, key, format string, args ...any) *Write {
	s.index++
	sent := s.tick()
	s.run.Writes = append(s.run.Writes, Write{
		Key: "kafka-sidecar/g/orders/" + key, Index: s.index, Value: fmt.Sprintf(format, args...), Writer: writer, Sent: sent, Done: s.tick(),
	})
	return &s.run.Writes[len(s.run.Writes)-1]
}

func (s *scene) document(writer string, partitions int32, baseline map[int32]int64) *Write {
	text := ""
	for _, p := range sortedKeys(baseline) {
		text += fmt.Sprintf(`,"%d":%d`, p, baseline[p])
	}
	return s.store(writer, "_topic", `{"v":1,"topicId":%q,"partitions":%d,"baseline":{%s}}`, s.topicID, partitions, text[min(1, len(text)):])
}

// put writes a partition's key.
func (s *scene) put(p int32, e entry) *Write {
	s.stored[p] = e
	return s.store(e.writer, fmt.Sprint(p), `{"v":1,"offset":%d,"topicId":%q,"owner":%q,"epoch":%d}`, e.offset, e.topicID, e.owner, e.epoch)
}

// claim takes a partition at its stored offset, 0 if there is none.
func (s *scene) claim(proc string, p int32) *Write { return s.claimAt(proc, p, s.stored[p].offset) }

func (s *scene) claimAt(proc string, p int32, offset int64) *Write {
	s.epoch++
	return s.put(p, entry{proc, fmt.Sprintf("%s-%d", proc, s.epoch), offset, s.epoch, s.topicID})
}

// commit stores an offset under the claim that stands.
func (s *scene) commit(p int32, offset int64) *Write {
	e := s.stored[p]
	e.offset = offset
	return s.put(p, e)
}

// operator writes an offset as an operator.
func (s *scene) operator(p int32, offset int64) *Write {
	s.epoch++
	return s.put(p, entry{Operator, "operator/x", offset, s.epoch, s.topicID})
}

func (s *scene) mark(proc, what string) {
	s.run.Marks = append(s.run.Marks, Mark{Proc: proc, What: what, Time: s.tick()})
}

func (s *scene) event(e Event) {
	e.Time, e.Topic = s.tick(), "orders"
	if e.Proc == "" {
		e.Proc = "s/1"
	}
	s.run.Events = append(s.run.Events, e)
}

func (s *scene) letter(p int32, offset int64) {
	s.run.Letters = append(s.run.Letters, Letter{"orders", p, offset, s.tick() / ms * ms, s.digest(p, offset)})
}

// fault begins one, and its end is returned.
func (s *scene) fault(name, on string) (heal func()) {
	i := len(s.run.Faults)
	s.run.Faults = append(s.run.Faults, Fault{Name: name, On: on, From: s.tick(), Until: never, Bound: 30 * sec})
	return func() { s.run.Faults[i].Until = s.tick() }
}

// sent is a request that was received and is handled.
type sent struct {
	s   *scene
	app int
	n   int
}

func (s *scene) log(app string) *[]AppLine {
	if _, ok := s.apps[app]; !ok {
		s.apps[app] = len(s.run.Apps)
		s.run.Apps = append(s.run.Apps, []AppLine{{What: Up, Time: s.tick(), Proc: app}})
	}
	return &s.run.Apps[s.apps[app]]
}

// part is a partition's share of a request under the claim that stands.
func (s *scene) part(p int32, from, until int64) Part {
	return Part{Topic: "orders", Partition: p, From: from, Until: until, Fence: s.stored[p].epoch, Records: s.records(p, from, until)}
}

func (s *scene) send(parts ...Part) sent {
	log := s.log(s.app)
	s.requests[s.app]++
	n := s.requests[s.app]
	*log = append(*log, AppLine{What: Ask, Time: s.tick(), N: n, Batch: batchID("g", parts), Attempt: 1, Parts: parts})
	return sent{s, s.apps[s.app], n}
}

func (s *scene) deliver(p int32, from, until int64) sent { return s.send(s.part(p, from, until)) }

// ask is the line of the request, to be bent.
func (d sent) ask() *AppLine {
	for i := range d.s.run.Apps[d.app] {
		if l := &d.s.run.Apps[d.app][i]; l.What == Ask && l.N == d.n {
			return l
		}
	}
	panic("no such request")
}

func (d sent) answer(status int, failures ...Failure) *AppLine {
	log := &d.s.run.Apps[d.app]
	*log = append(*log, AppLine{What: Answer, Time: d.s.tick(), N: d.n, Status: status, Failures: failures})
	return &(*log)[len(*log)-1]
}

func (d sent) ack() { d.answer(200) }

func (d sent) gone() {
	log := &d.s.run.Apps[d.app]
	*log = append(*log, AppLine{What: Gone, Time: d.s.tick(), N: d.n})
}

// take delivers a range, has it acknowledged, and stores it.
func (s *scene) take(p int32, from, until int64) {
	s.deliver(p, from, until).ack()
	s.commit(p, until)
}

// retry and reject are failures of a record.
func retry(p int32, offset int64) Failure  { return Failure{"orders", p, offset, "retry"} }
func reject(p int32, offset int64) Failure { return Failure{"orders", p, offset, "reject"} }

// finish has the topic read by the plain reader, and the sidecars looked at for the last time.
func (s *scene) finish() *Run {
	for p := range s.partitions {
		all := s.records(p, s.start[p], s.end[p])
		var found Records
		for i, o := range all.Offsets {
			if _, gone := indexOf(s.missing[p], o); !gone {
				found.Offsets = append(found.Offsets, o)
				found.Digests = append(found.Digests, all.Digests[i])
			}
		}
		s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: s.topicID, Partition: p, Start: s.start[p], End: s.end[p], Records: found})
	}
	held := map[string][]Place{}
	for _, p := range sortedKeys(s.stored) {
		held[s.stored[p].writer] = append(held[s.stored[p].writer], Place{"orders", p})
	}
	for _, proc := range sortedKeys(held) {
		s.run.Samples = append(s.run.Samples, Sample{Proc: proc, Time: s.tick(), Held: held[proc], LostTotal: s.lost})
	}
	s.run.Ended = s.tick()
	return s.run
}

// judged is the verdict on a run that a reader would take.
func judged(t *testing.T, r *Run) *Verdict {
	t.Helper()
	require.NoError(t, r.check())
	return Judge(r)
}

// good says that nothing is wrong.
func good(t *testing.T, r *Run) {
	t.Helper()
	v := judged(t, r)
	require.Empty(t, v.Contradictions)
	for _, x := range v.Violations {
		t.Error(x)
	}
}

// broken says that these invariants are violated and no other.
func broken(t *testing.T, r *Run, invariants ...int) *Verdict {
	t.Helper()
	v := judged(t, r)
	require.Empty(t, v.Contradictions)
	var found []int
	for n, count := range v.Count {
		if count > 0 {
			found = append(found, n)
		}
	}
	for _, x := range v.Violations {
		t.Log(x)
	}
	require.Equal(t, invariants, found)
	return v
}

// replaced is text with its only old replaced.
func replaced(text, old, now string) string {
	if strings.Count(text, old) != 1 {
		panic(fmt.Sprintf("%q is not once in %q", old, text))
	}
	return strings.Replace(text, old, now, 1)
}
