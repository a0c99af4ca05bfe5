package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/app"
)

// bug is a mistake in the sidecar: one text of one file replaced, in a build for one test.
type bug struct {
	file, text, mistake string
}

// build makes a sidecar with the mistake. The source stays as it is: the compiler is given another file in its place.
func (b bug) build(t *testing.T) (binary string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	path := filepath.Join(root, b.file)
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), b.text), "the text to be replaced must stand once in %s: %s", b.file, b.text)
	dir := t.TempDir()
	wrong, overlay := filepath.Join(dir, "wrong.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(wrong, []byte(strings.Replace(string(source), b.text, b.mistake, 1)), 0o600))
	replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{path: wrong}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replaced, 0o600))
	binary = filepath.Join(dir, "sidecar")
	compile := exec.Command("go", "build", "-overlay", overlay, "-o", binary, "./cmd/sidecar")
	compile.Dir = root
	out, err := compile.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// requireFound has the oracle judge what the mistake led to: it must name the invariant.
func (w *world) requireFound(invariant int) {
	w.t.Helper()
	v := w.judge()
	require.Empty(w.t, v.Contradictions)
	require.NotZero(w.t, v.Count[invariant], "the oracle must find that I%d does not hold", invariant)
}

// The oracle is worth nothing if it does not see what it is there for: a sidecar with a mistake must be found out.
func TestDeliberateBugs(t *testing.T) {
	t.Run("commit before ack", commitBeforeAck)
	t.Run("no fence", noFence)
	t.Run("dead letter not awaited", deadLetterNotAwaited)
	t.Run("baseline not written", baselineNotWritten)
}

// It stores what it has read.
func commitBeforeAck(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{binary: bug{
		"pkg/relay/commit.go",
		"n.Offset, n.LeaderEpoch = p.acked, p.epoch",
		"n.Offset, n.LeaderEpoch = p.next, p.epoch",
	}.build(t)})
	w.start()
	w.goesOn(100)
	slow := w.inject(answerNamed(t, "app is slow"), 0)
	w.goesOn(200)
	w.inject(sidecarKilled, 0).heal()
	slow.heal()
	w.settle()
	w.requireFound(2)
}

// It overwrites the key whoever has written it since. A zombie that has something to store does.
func noFence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{sidecars: 2, commitEvery: 3 * time.Second, binary: bug{
		"pkg/offsets/consul.go",
		"&api.KVTxnOp{Verb: api.KVCAS, Key: keys[i], Value: p.Value, Index: p.Index}",
		"&api.KVTxnOp{Verb: api.KVSet, Key: keys[i], Value: p.Value}",
	}.build(t)})
	w.start()
	w.sidecars[0].waitHeld(2)
	w.goesOn(200)
	acked := w.sidecars[0].waitStatus("something acknowledged and not stored", func(s *relay.Status) bool {
		return s.Partitions[0].Acked > s.Partitions[0].Committed
	})
	f := w.inject(sidecarFrozenLong, 0)
	w.sidecars[1].waitHeld(4)
	w.eventually("the other one to store more", func() error {
		for i := range acked.Partitions {
			p := &acked.Partitions[i]
			if now := w.stored()[p.Partition]; now <= p.Acked {
				return fmt.Errorf("partition %d is stored up to %d", p.Partition, now)
			}
		}
		return nil
	})
	f.heal()
	w.sidecars[0].waitHeld(2)
	w.settle()
	w.requireFound(6)
}

// It moves the offset before the brokers have the dead letter.
func deadLetterNotAwaited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{kafkaNodes: 1, deadLetter: "topic", binary: bug{
		"pkg/relay/condemn.go",
		"n, err := e.deps.DeadLetters.Produce(ctx, letters)",
		"n, err := len(letters), error(nil)\n\t\tgo e.deps.DeadLetters.Produce(context.Background(), letters)",
	}.build(t)})
	w.start()
	w.goesOn(100)
	// Records gather in the sidecar while the app hangs; they are rejected while the brokers can't be reached.
	w.apps[0].Behave(app.Behaviour{Kind: app.Hang})
	w.sidecars[0].waitStatus("records that wait in every partition", func(s *relay.Status) bool {
		return !slices.ContainsFunc(s.Partitions, func(p relay.PartitionStatus) bool { return p.Fetched < p.Acked+20 })
	})
	cut := w.inject(kafkaCut, 0)
	before := w.stored()
	w.apps[0].Behave(app.Behaviour{Kind: app.Reject, OneIn: 5})
	w.eventually("offsets that pass rejected records", func() error {
		for place := range w.rejected() {
			if now := w.stored()[place.partition]; now > max(place.offset, before[place.partition]) {
				return nil
			}
		}
		return fmt.Errorf("none so far")
	})
	w.sidecars[0].kill()
	cut.heal()
	w.apps[0].Behave(app.Behaviour{})
	w.sidecars[0].begin()
	w.settle()
	w.requireFound(1)
}

// It keeps the baseline to itself.
func baselineNotWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{binary: bug{
		"pkg/relay/topic.go",
		"	doc, err = e.writeTopic(ctx, doc)\n	var stale",
		"	var stale",
	}.build(t)})
	w.start()
	w.goesOn(100)
	w.settle()
	w.requireFound(12)
}
