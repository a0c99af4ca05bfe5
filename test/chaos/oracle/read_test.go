package oracle

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// write puts each value as a line into a log of the folder.
func write[T any](t *testing.T, dir, name string, values ...T) {
	t.Helper()
	var text []byte
	for _, v := range values {
		line, err := Line(v)
		require.NoError(t, err)
		text = append(text, line...)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
}

func appendText(t *testing.T, dir, name, text string) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// save writes a run as the world does.
func save(t *testing.T, r *Run) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, FrameFile, r.Frame)
	write(t, dir, ProducerLog, r.Produced...)
	write(t, dir, ContentLog, r.Content...)
	write(t, dir, StoreLog, r.Writes...)
	write(t, dir, LetterLog, r.Letters...)
	write(t, dir, FaultLog, r.Faults...)
	write(t, dir, MarkLog, r.Marks...)
	write(t, dir, EventLog, r.Events...)
	write(t, dir, SampleLog, r.Samples...)
	for i, log := range r.Apps {
		write(t, dir, "app-"+string(rune('a'+i))+".jsonl", log...)
	}
	return dir
}

func somelogs() *Run {
	two := Records{[]int64{7, 9}, Digests{{1}, {2}}}
	return &Run{
		Frame:    Frame{Group: "g", Ended: 10, StoreWithin: 5, AppTimeout: 15, Topics: []Topic{{Name: "orders"}}},
		Produced: []Produced{{Topic: "orders", TopicID: "x", Sent: 1, Acked: 2, Records: two}},
		Content:  []Content{{Topic: "orders", TopicID: "x", End: 10, Records: two, Aborted: Records{[]int64{8}, Digests{{3}}}}},
		Apps: [][]AppLine{{
			{What: Up, Time: 1, Proc: "a/1"},
			{What: Ask, Time: 2, N: 1, Batch: "b", Attempt: 1, Parts: []Part{{Topic: "orders", From: 7, Until: 10, Fence: 5, Records: two}}},
			{What: Answer, Time: 3, N: 1, Status: 200, Failures: []Failure{{"orders", 0, 9, "retry"}}},
		}},
		Writes:  []Write{{Key: "p/g/orders/0", Index: 3, Value: "{}", Writer: "s/1", Sent: 4, Done: 5}},
		Letters: []Letter{{"orders", 0, 9, 6, Digest{2}}},
		Faults:  []Fault{{Name: "kill", On: "sidecar", From: 1, Until: 2, Bound: 3}},
		Marks:   []Mark{{"s/1", Killed, 9, 0}},
		Events:  []Event{{Proc: "s/1", Time: 1, What: Blocked, Topic: "orders", Reason: "poison"}},
		Samples: []Sample{{Proc: "s/1", Time: 1, Held: []Place{{"orders", 0}}, Blocked: []Block{{Place{"orders", 0}, "poison"}}}},
	}
}

func TestReadGivesWhatWasWritten(t *testing.T) {
	r := somelogs()
	got, err := Read(save(t, r))
	require.NoError(t, err)
	require.Equal(t, r, got)
}

// A process that is killed while it writes leaves a line without its end.
func TestReadLeavesOutATornLastLine(t *testing.T) {
	r := somelogs()
	dir := save(t, r)
	appendText(t, dir, "app-a.jsonl", `{"e":"ans`)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "app-b.jsonl"), []byte(`{"e":"up"`), 0o600))
	got, err := Read(dir)
	require.NoError(t, err)
	require.Equal(t, r, got)
}

func TestReadRefusesWhatIsWrong(t *testing.T) {
	for name, test := range map[string]struct{ file, line, says string }{
		"torn in the middle":   {"app-a.jsonl", "{\"e\":\"ans\n{\"e\":\"gone\",\"t\":5,\"n\":1}\n", "app-a.jsonl:4"},
		"unknown field":        {EventLog, "{\"when\":3}\n", "events.jsonl:2"},
		"two values":           {FaultLog, "{} {}\n", "faults.jsonl:2"},
		"empty line":           {MarkLog, "\n", "marks.jsonl:2"},
		"digests are missing":  {ProducerLog, "{\"k\":\"t\",\"o\":[1],\"d\":\"\"}\n", "1 offsets and 0 digests"},
		"offsets descend":      {ContentLog, "{\"k\":\"t\",\"o\":[2,1],\"d\":\"AAAAAAAAAAAAAAAAAAAAAA\"}\n", "offset 1 stands after 2"},
		"cut digest":           {ProducerLog, "{\"k\":\"t\",\"o\":[1],\"d\":\"AAAA\"}\n", "multiple of 8"},
		"answer to nothing":    {"app-a.jsonl", "{\"e\":\"answer\",\"t\":5,\"n\":7}\n", "of request 7 can't stand here"},
		"answered twice":       {"app-a.jsonl", "{\"e\":\"answer\",\"t\":5,\"n\":1}\n", "of request 1 can't stand here"},
		"a mark nobody knows":  {MarkLog, "{\"proc\":\"s/1\",\"e\":\"hit\",\"t\":1}\n", `"hit" is no mark`},
		"a fault that goes on": {FaultLog, "{\"name\":\"hang\",\"from\":3,\"until\":0}\n", "hang began at 3 and was not healed"},
		"an event out of list": {EventLog, "{\"proc\":\"s/1\",\"e\":\"odd\",\"t\":1}\n", `"odd" is no event`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := save(t, somelogs())
			appendText(t, dir, test.file, test.line)
			_, err := Read(dir)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestReadNeedsEveryLog(t *testing.T) {
	dir := save(t, somelogs())
	require.NoError(t, os.Remove(filepath.Join(dir, StoreLog)))
	_, err := Read(dir)
	require.ErrorContains(t, err, StoreLog)
}

func TestDigestTellsContentsApart(t *testing.T) {
	seen := map[Digest]bool{}
	for _, d := range []Digest{
		DigestOf(1, nil, nil, nil), DigestOf(2, nil, nil, nil), DigestOf(1, []byte{}, nil, nil), DigestOf(1, nil, []byte{}, nil),
		DigestOf(1, []byte("ab"), []byte("c"), nil), DigestOf(1, []byte("a"), []byte("bc"), nil),
		DigestOf(1, nil, nil, []Header{{Name: []byte("a")}}), DigestOf(1, nil, nil, []Header{{Name: []byte("a"), Value: []byte{}}}),
		DigestOf(1, nil, nil, []Header{{Name: []byte("a")}, {Name: []byte("a")}}),
	} {
		require.False(t, seen[d])
		seen[d] = true
	}
}

// The example of the protocol's text.
func TestBatchIDIsTheProtocols(t *testing.T) {
	require.Equal(t, "1f3eb02fb8ab8c31002126de249eec2a", batchID("billing", []Part{{Topic: "orders", Partition: 3, From: 1200, Until: 1204}}))
}

func TestReadNeedsAWholeFrame(t *testing.T) {
	r := somelogs()
	r.AppTimeout = 0
	_, err := Read(save(t, r))
	require.ErrorContains(t, err, "run.json: needs")
}
