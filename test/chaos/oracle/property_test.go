package oracle

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	seeds = 150
	steps = 60
)

// Whatever a sidecar goes through that keeps the rules, nothing is found, and no more comes again than may.
func TestCorrectHistoriesAreFoundCorrect(t *testing.T) {
	for seed := range uint64(seeds) {
		r := newModel(t, seed).play(steps)
		v := judged(t, r)
		if !v.OK() {
			t.Fatalf("seed %d:\n%s", seed, report(t, r, v))
		}
		for _, row := range v.Table.Rows {
			require.LessOrEqual(t, row.Repeated, row.Bound, "seed %d, %s", seed, row.Fault)
		}
	}
}

func report(t *testing.T, r *Run, v *Verdict) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Report(&b, r.Frame, v))
	return b.String()
}

// edit breaks one rule in a correct history, at a place it draws. It says which invariants may be named for it, nil when the
// history offers no place for it.
type edit func(r *Run, rng *rand.Rand) []int

// Each edit is found, by its invariant's number.
func TestBrokenHistoriesAreFoundBroken(t *testing.T) {
	for name, breakIt := range map[string]edit{
		"an ack is taken back":                takeAckBack,
		"a commit comes before its ack":       commitEarly,
		"an offset goes down":                 lowerOffset,
		"an epoch goes down":                  lowerEpoch,
		"a content changes":                   changeContent,
		"a batch id changes":                  changeID,
		"two batches change places":           swapBatches,
		"a taken batch comes again":           repeatTaken,
		"a batch comes while it is handled":   repeatAtOnce,
		"the document is not written":         dropDocument,
		"a claim is not written":              dropClaims,
		"a claim is written after a delivery": claimLate,
		"the last commit is missing":          dropLastCommit,
		"a dead letter is not written":        dropLetter,
		"a dead letter is not reported":       dropReport(DeadLettered, 11),
		"a loss is not reported":              dropReport(Lost, 11, 2), // where a write of unknown outcome came between, nobody can say that a claim did it
		"a block is not reported":             dropReport(Blocked, 11),
		"a record is left out":                leaveOut,
	} {
		t.Run(name, func(t *testing.T) {
			applied := 0
			for seed := range uint64(seeds) {
				r := newModel(t, seed).play(steps)
				expected := breakIt(r, rand.New(rand.NewPCG(seed, 1)))
				if expected == nil {
					continue
				}
				applied++
				v := judged(t, r)
				if !slices.ContainsFunc(expected, func(n int) bool { return v.Count[n] > 0 }) {
					t.Fatalf("seed %d: expected one of %v:\n%s", seed, expected, report(t, r, v))
				}
			}
			require.GreaterOrEqual(t, applied, 5, "the histories offer too few places for it")
		})
	}
}

// pick draws one of the indexes below n that fit; -1 if none does.
func pick(rng *rand.Rand, n int, fits func(i int) bool) int {
	var all []int
	for i := range n {
		if fits(i) {
			all = append(all, i)
		}
	}
	if all == nil {
		return -1
	}
	return all[rng.IntN(len(all))]
}

// taken are the requests that were acknowledged as a whole and whose answer certainly reached the sidecar: nothing was done to any
// process for a while, and no operator came in between.
func taken(r *Run) []*request {
	c := courtOf(r)
	return slices.DeleteFunc(c.requests, func(q *request) bool {
		if !q.acknowledges() || len(q.answer.Failures) > 0 || q.gone != never || c.withdrawn(q) {
			return true
		}
		return slices.ContainsFunc(r.Marks, func(m Mark) bool { return m.Time > q.Time-30*sec && m.Time < q.answer.Time+30*sec })
	})
}

// courtOf takes a run apart without judging it.
func courtOf(r *Run) *court {
	c := newCourt(r)
	c.readLogs()
	c.readStore()
	c.readApps()
	return c
}

// commitsOf are the writes by which a claim moved its offset on, with the version before.
func commitsOf(r *Run) (commits, before []*version) {
	c := courtOf(r)
	for _, p := range c.places() {
		k := c.keys[p]
		for _, v := range k.versions {
			if b := v.replaced; b != nil && v.commits(b.epoch) && v.offset > b.offset {
				commits, before = append(commits, v), append(before, b)
			}
		}
	}
	return commits, before
}

// rewrite changes the logged write of a version.
func rewrite(r *Run, v *version, change func(w *Write)) {
	for i := range r.Writes {
		if r.Writes[i].Key == v.Key && (r.Writes[i].Index == v.Index || r.Writes[i].Index == 0 && r.Writes[i].Value == v.Value) {
			change(&r.Writes[i])
		}
	}
}

// acked draws a commit whose first record was acknowledged under its fence and is nobody's dead letter.
func acked(r *Run, rng *rand.Rand) (commit *version, o *ownership, slot int) {
	c := courtOf(r)
	commits, before := commitsOf(r)
	owner := func(i int) *ownership { return c.byFence[ownershipID{commits[i].place, commits[i].epoch}] }
	i := pick(rng, len(commits), func(i int) bool {
		o := owner(i)
		slot := o.log.at(before[i].offset)
		return o.ackedAt(slot) != never && !lettered(r, o.place.Partition, o.log.offsets[slot])
	})
	if i < 0 {
		return nil, nil, 0
	}
	return commits[i], owner(i), owner(i).log.at(before[i].offset)
}

func lettered(r *Run, p int32, offset int64) bool {
	return slices.ContainsFunc(r.Letters, func(l Letter) bool { return l.Partition == p && l.Offset == offset })
}

func takeAckBack(r *Run, rng *rand.Rand) []int {
	commit, o, slot := acked(r, rng)
	if commit == nil {
		return nil
	}
	for _, v := range o.visits {
		if v.acknowledged(o.log.offsets[slot]) {
			v.request.answer.Status = 500
		}
	}
	return []int{2}
}

func commitEarly(r *Run, rng *rand.Rand) []int {
	commit, o, slot := acked(r, rng)
	if commit == nil {
		return nil
	}
	early := o.ackedAt(slot) - 1
	rewrite(r, commit, func(w *Write) { w.Sent, w.Done = early, early })
	return []int{2}
}

func lowerOffset(r *Run, rng *rand.Rand) []int {
	commits, before := commitsOf(r)
	i := pick(rng, len(commits), func(i int) bool { return before[i].offset > 0 })
	if i < 0 {
		return nil
	}
	rewrite(r, commits[i], func(w *Write) { w.Value = withNumber(w.Value, "offset", before[i].offset-1) })
	return []int{3}
}

func lowerEpoch(r *Run, rng *rand.Rand) []int {
	commits, before := commitsOf(r)
	i := pick(rng, len(commits), func(int) bool { return true })
	if i < 0 {
		return nil
	}
	rewrite(r, commits[i], func(w *Write) { w.Value = withNumber(w.Value, "epoch", before[i].epoch-1) })
	return []int{6}
}

// withNumber replaces a number in a document.
func withNumber(doc, field string, n int64) string {
	head, tail, _ := strings.Cut(doc, `"`+field+`":`)
	return head + `"` + field + `":` + strconv.FormatInt(n, 10) + strings.TrimLeft(tail, "0123456789")
}

// anyAsk draws a request.
func anyAsk(r *Run, rng *rand.Rand) *AppLine {
	log := r.Apps[rng.IntN(len(r.Apps))]
	i := pick(rng, len(log), func(i int) bool { return log[i].What == Ask })
	if i < 0 {
		return nil
	}
	return &log[i]
}

func changeContent(r *Run, rng *rand.Rand) []int {
	q := anyAsk(r, rng)
	if q == nil {
		return nil
	}
	part := q.Parts[rng.IntN(len(q.Parts))]
	part.Digests[rng.IntN(len(part.Digests))][3] ^= 1
	return []int{7}
}

func changeID(r *Run, rng *rand.Rand) []int {
	q := anyAsk(r, rng)
	if q == nil {
		return nil
	}
	q.Batch = strings.Repeat("0", 32)
	return []int{5}
}

// swapBatches changes two requests of one partition that came one after the other under one fence.
func swapBatches(r *Run, rng *rand.Rand) []int {
	all, c := taken(r), courtOf(r)
	i := pick(rng, len(all), func(i int) bool {
		p := all[i].Parts[0]
		o := c.byFence[ownershipID{Place{p.Topic, p.Partition}, p.Fence}]
		first := o.ackedAt(o.log.at(p.From)) == all[i].answer.Time // no earlier one may have been acknowledged without being heard
		return follower(all, i) >= 0 && first && !lettered(r, p.Partition, p.From)
	})
	if i < 0 {
		return nil
	}
	a, b := all[i].AppLine, all[follower(all, i)].AppLine
	a.Parts, b.Parts, a.Batch, b.Batch = b.Parts, a.Parts, b.Batch, a.Batch
	return []int{4}
}

// follower is the request that brought what comes after the i-th, both of one partition.
func follower(all []*request, i int) int {
	return slices.IndexFunc(all, func(q *request) bool {
		a, b := all[i].Parts, q.Parts
		return len(a) == 1 && len(b) == 1 && a[0].Partition == b[0].Partition && a[0].Fence == b[0].Fence && a[0].Until == b[0].From
	})
}

// repeatTaken sends a taken batch again right after its answer.
func repeatTaken(r *Run, rng *rand.Rand) []int {
	return insertCopy(r, rng, func(q *request) Nanos { return q.answer.Time + 1 }, 5)
}

// repeatAtOnce sends a batch again while it is handled.
func repeatAtOnce(r *Run, rng *rand.Rand) []int {
	return insertCopy(r, rng, func(q *request) Nanos { return q.Time + 1 }, 4)
}

func insertCopy(r *Run, rng *rand.Rand, when func(q *request) Nanos, invariant int) []int {
	all := taken(r)
	i := pick(rng, len(all), func(int) bool { return true })
	if i < 0 {
		return nil
	}
	q := all[i]
	again := *q.AppLine
	again.N, again.Time = 100_000, when(q)
	for i := range r.Apps {
		if r.Apps[i][0].Proc == q.app.name {
			r.Apps[i] = append(r.Apps[i], again, AppLine{What: Answer, Time: again.Time + 1, N: again.N, Status: 503})
		}
	}
	return []int{invariant}
}

func dropDocument(r *Run, rng *rand.Rand) []int {
	if len(r.Apps) == 0 {
		return nil
	}
	r.Writes = slices.DeleteFunc(r.Writes, func(w Write) bool { return strings.HasSuffix(w.Key, "/_topic") })
	return []int{12}
}

// dropClaims leaves out the claim of an ownership; its commits stay.
func dropClaims(r *Run, rng *rand.Rand) []int {
	o := anyOwnership(r, rng)
	r.Writes = slices.DeleteFunc(r.Writes, func(w Write) bool { return w.Key == o.claim.Key && w.Value == o.claim.Value })
	return []int{10, 12}
}

func claimLate(r *Run, rng *rand.Rand) []int {
	o := anyOwnership(r, rng)
	rewrite(r, o.claim, func(w *Write) { w.Sent, w.Done = o.visits[0].request.Time+1, o.visits[0].request.Time+2 })
	return []int{10, 12}
}

func anyOwnership(r *Run, rng *rand.Rand) *ownership {
	all := courtOf(r).ownerships
	return all[rng.IntN(len(all))]
}

func dropLastCommit(r *Run, rng *rand.Rand) []int {
	commits, _ := commitsOf(r)
	i := pick(rng, len(commits), func(i int) bool {
		return i+1 == len(commits) || commits[i+1].place != commits[i].place
	})
	if i < 0 {
		return nil
	}
	last := commits[i]
	for _, w := range r.Writes {
		if w.Key == last.Key && w.Index > last.Index {
			return nil // a claim came after it
		}
	}
	r.Writes = slices.DeleteFunc(r.Writes, func(w Write) bool {
		return w.Key == last.Key && (w.Index == last.Index || w.Index == 0 && w.Value == last.Value)
	})
	return []int{8}
}

// dropLetter leaves out the dead letter of a record that a commit passed and no app acknowledged.
func dropLetter(r *Run, rng *rand.Rand) []int {
	c := courtOf(r)
	commits, before := commitsOf(r)
	i := pick(rng, len(r.Letters), func(i int) bool {
		p, offset := Place{r.Letters[i].Topic, r.Letters[i].Partition}, r.Letters[i].Offset
		log := c.logs[logID{p, "id-1"}]
		for j, v := range commits {
			if v.place == p && before[j].offset <= offset && offset < v.offset {
				return log.ackedAt[log.slot(offset)] == never // a seek may have brought it again
			}
		}
		return false
	})
	if i < 0 {
		return nil
	}
	gone := r.Letters[i]
	r.Letters = slices.DeleteFunc(r.Letters, func(l Letter) bool { return l.Partition == gone.Partition && l.Offset == gone.Offset })
	return []int{2}
}

func dropReport(what string, invariants ...int) edit {
	return func(r *Run, rng *rand.Rand) []int {
		quiet := func(t Nanos) bool {
			return !slices.ContainsFunc(r.Marks, func(m Mark) bool { return m.Time > t-5*sec && m.Time < t+5*sec })
		}
		i := pick(rng, len(r.Events), func(i int) bool { return r.Events[i].What == what && quiet(r.Events[i].Time) })
		if i < 0 {
			return nil
		}
		gone := r.Events[i]
		r.Events = slices.DeleteFunc(r.Events, func(e Event) bool {
			return e.What == what && e.Partition == gone.Partition && e.Offset == gone.Offset && (what != Blocked || e.Time == gone.Time)
		})
		return invariants
	}
}

// leaveOut takes a record out of a request that is the only one that brought it.
func leaveOut(r *Run, rng *rand.Rand) []int {
	all := taken(r)
	i := pick(rng, len(all), func(i int) bool { return len(all[i].Parts[0].Offsets) > 1 && broughtOnce(r, all[i].Parts[0]) })
	if i < 0 {
		return nil
	}
	part := &all[i].Parts[0]
	part.Offsets, part.Digests = part.Offsets[1:], part.Digests[1:]
	return []int{1, 2, 4}
}

func broughtOnce(r *Run, part Part) bool {
	n := 0
	for _, log := range r.Apps {
		for _, l := range log {
			for _, p := range l.Parts {
				if _, ok := indexOf(p.Offsets, part.Offsets[0]); ok && p.Partition == part.Partition {
					n++
				}
			}
		}
	}
	return n == 1
}
