package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/app"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// log is what the present process has logged so far.
func (a *application) log() (lines []oracle.AppLine) {
	a.w.t.Helper()
	name := "app-" + strings.ReplaceAll(a.Proc(), "/", "-") + ".jsonl"
	text, err := os.ReadFile(filepath.Join(a.w.dir, name))
	require.NoError(a.w.t, err)
	for line := range strings.Lines(string(text)) {
		var l oracle.AppLine
		if json.Unmarshal([]byte(line), &l) == nil { // else it is being written
			lines = append(lines, l)
		}
	}
	return lines
}

// waitLines waits until the process has logged n more lines that cond holds for, and returns all such lines.
func (a *application) waitLines(what string, n int, cond func(oracle.AppLine) bool) (found []oracle.AppLine) {
	a.w.t.Helper()
	begin := -1
	a.w.eventually(fmt.Sprintf("%d times in the log of %s: %s", n, a.Proc(), what), func() error {
		found = nil
		for _, l := range a.log() {
			if cond(l) {
				found = append(found, l)
			}
		}
		if begin < 0 {
			begin = len(found)
		}
		if len(found) < begin+n {
			return fmt.Errorf("%d so far", len(found)-begin)
		}
		return nil
	})
	return found
}

// waitRefused waits until the app gave n more answers that acknowledge nothing.
func (a *application) waitRefused(n int) {
	a.w.t.Helper()
	a.waitLines("an answer that acknowledges nothing", n, func(l oracle.AppLine) bool {
		return l.What == oracle.Answer && (l.Status != 200 || l.Broken != "" || l.Failures != nil)
	})
}

// underFault runs a world with one sidecar and a dead-letter topic, and lets the test look at it while the fault is on.
func underFault(t *testing.T, f *fault, look func(*world)) *oracle.Verdict {
	t.Helper()
	t.Parallel()
	w := newWorld(t, settings{deadLetter: "topic"})
	w.start()
	w.goesOn(100)
	on := w.inject(f, 0)
	look(w)
	on.heal()
	w.goesOn(200)
	return w.finish()
}

// answerNamed is the fault of that name among the answers.
func answerNamed(t *testing.T, name string) *fault {
	t.Helper()
	for _, f := range answers {
		if f.name == name {
			return f
		}
	}
	t.Fatalf("there is no answer %q in the menu", name)
	return nil
}

// requireHalt requires that nothing is stored as done for a while, and that the sidecar does not spin.
func (w *world) requireHalt() {
	w.t.Helper()
	w.quiet()
	before := w.stored()
	w.requireIdle(w.sidecars[0])
	require.Equal(w.t, before, w.stored(), "nothing is acknowledged")
}

// quiet waits until what was acknowledged before is stored.
func (w *world) quiet() {
	w.t.Helper()
	w.sidecars[0].waitStatus("everything acknowledged to be stored", func(s *relay.Status) bool {
		for i := range s.Partitions {
			if s.Partitions[i].Committed != s.Partitions[i].Acked {
				return false
			}
		}
		return true
	})
}

// requireLetters requires so many records in the dead-letter topic.
func (w *world) requireLetters(n int64) {
	w.t.Helper()
	require.Equal(w.t, n, w.EndOffsets(w.letters)[0], "records in the dead-letter topic")
}

// requireKept requires that the sidecar has been a member all the time: no partition was claimed anew.
func (w *world) requireKept(epochs map[int32]int64) {
	w.t.Helper()
	require.Equal(w.t, epochs, w.epochs(), "no partition was claimed anew")
}

// The app comes minutes after its sidecar: the baseline stands, nothing is asked, the process waits without spinning.
func TestAppAbsentAtStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.makeApps()
	w.startSidecars()
	w.startLoad()
	s := w.sidecars[0]
	s.waitReason("app_down")
	w.eventually("the baseline", func() error {
		if _, ok := w.consul.Get(w.prefix() + w.topic + "/_topic"); !ok {
			return fmt.Errorf("it is not in the store")
		}
		return nil
	})
	w.requireIdle(s)
	w.apps[0].begin()
	w.goesOn(200)
	w.finish()
}

// The app goes for a while: the sidecar stays in the group and knocks.
func TestAppAbsent(t *testing.T) {
	underFault(t, appAbsent, func(w *world) {
		epochs := w.epochs()
		w.sidecars[0].waitReason("app_down")
		w.requireHalt()
		w.requireKept(epochs)
	})
}

// The app is killed while it works on a request: the request comes again.
func TestAppKilledInARequest(t *testing.T) {
	underFault(t, appAbsent, func(w *world) {
		a := w.apps[0]
		a.Behave(app.Behaviour{Kind: app.Hang})
		a.begin()
		working := a.waitLines("a request", 1, func(l oracle.AppLine) bool { return l.What == oracle.Ask })
		a.kill()
		a.Behave(app.Behaviour{})
		a.begin()
		again := a.waitLines("a request", 1, func(l oracle.AppLine) bool { return l.What == oracle.Ask })
		require.Equal(t, working[0].Parts[0].From, again[0].Parts[0].From)
	})
}

func TestAppDiesBetweenWorkAndAck(t *testing.T) {
	underFault(t, appDies, func(w *world) {
		testenv.Eventually(t, soon, "the app to be dead", func() error {
			if w.apps[0].Running() {
				return fmt.Errorf("it runs")
			}
			return nil
		})
		w.sidecars[0].waitReason("app_down")
	})
}

// Its sockets take requests, and nothing comes back: each attempt ends at the time-out and counts.
func TestAppFrozen(t *testing.T) {
	underFault(t, appFrozen, func(w *world) {
		w.sidecars[0].waitStatus("a failed attempt", anyPartition(func(p *relay.PartitionStatus) bool {
			return p.Attempt > 0 && p.LastError != ""
		}))
		w.requireHalt()
		w.requireLetters(0)
	})
}

func anyPartition(cond func(*relay.PartitionStatus) bool) func(*relay.Status) bool {
	return func(s *relay.Status) bool {
		for i := range s.Partitions {
			if cond(&s.Partitions[i]) {
				return true
			}
		}
		return false
	}
}

func TestAppHangs(t *testing.T) {
	underFault(t, answerNamed(t, "app hangs"), func(w *world) {
		w.apps[0].waitLines("a connection that the sidecar gave up", 1, func(l oracle.AppLine) bool { return l.What == oracle.Gone })
		w.requireHalt()
		w.requireLetters(0)
	})
}

// The app is busy with the earlier request and refuses the next; what it answers late reaches nobody.
func TestAppAnswersAfterTheTimeout(t *testing.T) {
	underFault(t, answerNamed(t, "app answers after the time-out"), func(w *world) {
		w.apps[0].waitLines("a connection that the sidecar gave up", 2, func(l oracle.AppLine) bool { return l.What == oracle.Gone })
		w.requireHalt()
	})
}

func TestAppSlow(t *testing.T) {
	underFault(t, answerNamed(t, "app is slow"), func(w *world) { w.goesOn(200) })
}

// A broken database behind the app: no record is sent away, however long it lasts.
func TestAppAnswers500(t *testing.T) {
	underFault(t, answerNamed(t, "app answers 500"), func(w *world) {
		w.sidecars[0].waitReason("app_failing")
		w.requireHalt()
		w.requireLetters(0)
	})
}

// Refused for its content, down to every single record: that can't be the records' fault either.
func TestAppAnswers422(t *testing.T) {
	underFault(t, answerNamed(t, "app answers 422"), func(w *world) {
		w.sidecars[0].waitReason("app_failing")
		w.requireHalt()
		w.requireLetters(0)
	})
}

// Waits are as long as the app says and do not count.
func TestAppAnswers503WithRetryAfter(t *testing.T) {
	v := underFault(t, answerNamed(t, "app answers 503 with Retry-After"), func(w *world) {
		asked := w.apps[0].waitLines("a request", 4, func(l oracle.AppLine) bool { return l.What == oracle.Ask })
		last := asked[len(asked)-3:]
		for i, ask := range last {
			require.Equal(t, 1, ask.Attempt, "waits do not count")
			require.Equal(t, last[0].Batch, ask.Batch, "the same batch again")
			if i > 0 {
				require.GreaterOrEqual(t, time.Duration(ask.Time-last[i-1].Time), time.Second, "Retry-After: 1")
			}
		}
		w.requireHalt()
	})
	require.Zero(t, repeated(v))
}

// An app that is busy for longer than a minute is not ready.
func TestAppAnswers429(t *testing.T) {
	v := underFault(t, answerNamed(t, "app answers 429"), func(w *world) {
		w.requireHalt()
		w.load.Pause() // it takes a minute until the reason is said: the backlog would be that of a minute
		defer w.load.Resume()
		testenv.Eventually(t, 2*time.Minute, "app_busy", func() error {
			status, err := w.sidecars[0].status()
			if err == nil && status.Reason != "app_busy" {
				err = fmt.Errorf("the reason is %q", status.Reason)
			}
			return err
		})
		w.requireLetters(0)
	})
	require.Zero(t, repeated(v))
}

func TestAppAnswersByteByByte(t *testing.T) {
	v := underFault(t, answerNamed(t, "app answers byte by byte"), func(w *world) { w.goesOn(100) })
	require.Zero(t, repeated(v))
}

func TestAppClosesAfterTheHeaders(t *testing.T) {
	underFault(t, answerNamed(t, "app closes after the headers"), func(w *world) {
		w.apps[0].waitRefused(3)
		w.requireHalt()
		w.requireLetters(0)
	})
}

// The wrong set-up is said, and no record is blamed.
func TestAppIsSetUpWrong(t *testing.T) {
	for _, name := range []string{"app answers 404", "app answers garbage", "app answers without end", "app names a wrong offset"} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			underFault(t, answerNamed(t, name), func(w *world) {
				w.sidecars[0].waitReason("app_setup")
				w.requireHalt()
				w.requireLetters(0)
			})
		})
	}
}

// Every record that the app rejects is in the dead-letter topic, and no other one.
func TestAppRejectsRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{deadLetter: "topic"})
	w.start()
	w.goesOn(100)
	on := w.inject(appRejects, 0)
	w.goesOn(400)
	on.heal()
	w.goesOn(100)
	w.finish()
	rejected := w.rejected()
	require.NotEmpty(t, rejected)
	w.requireLetters(int64(len(rejected)))
}

// rejected are the records that the app rejected.
func (w *world) rejected() map[place]bool {
	all := map[place]bool{}
	for _, l := range w.apps[0].log() {
		for _, f := range l.Failures {
			if f.Action == "reject" {
				all[place{f.Partition, f.Offset}] = true
			}
		}
	}
	return all
}

// place of a record in the topic.
type place struct {
	partition int32
	offset    int64
}

// With the policy block each partition waits at its first rejected record.
func TestAppRejectsAndPolicyBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{})
	w.start()
	w.goesOn(100)
	w.apps[0].Behave(app.Behaviour{Kind: app.Reject, OneIn: 20})
	blocked := map[int32]int64{}
	for partition := range w.partitions {
		p := w.sidecars[0].waitPartition(partition, "blocked", "poison")
		blocked[partition] = p.Acked
	}
	w.quiet()
	w.requireHalt()
	require.Equal(t, blocked, w.stored(), "each is stored up to the record that it waits at")
	for partition, offset := range blocked {
		require.Contains(t, w.rejected(), place{partition, offset}, "a partition waits at a record that was rejected")
	}
	w.apps[0].Behave(app.Behaviour{})
	w.goesOn(200)
	w.finish()
}

func TestAppAsksForRecordsAgain(t *testing.T) {
	underFault(t, appRetries, func(w *world) {
		w.goesOn(300)
		w.requireLetters(0)
	})
}
