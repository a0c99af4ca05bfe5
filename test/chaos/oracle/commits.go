package oracle

import "fmt"

// checkCommits walks through the versions of every key: I2 and I3 at each step, I1 where the key came to stand.
func (c *court) checkCommits() {
	for _, p := range c.places() {
		k := c.keys[p]
		if k == nil {
			continue
		}
		jumps := map[*partitionLog][]jump{}
		for _, v := range k.versions {
			l := c.logOf(p, v.topicID)
			if j, ok := c.checkVersion(k, v, l); ok && l != nil {
				jumps[l] = append(jumps[l], j)
			}
		}
		for _, l := range c.byPlace[p] {
			c.checkLoss(k, l, jumps[l])
		}
	}
}

// jump is a move of the offset over records that nobody had to acknowledge: an operator's, or a declared policy's.
type jump struct {
	from, until int64
	lost        *Event // nil = an operator's, or the sidecar died before it could say
}

// checkVersion compares a version with the one before it.
func (c *court) checkVersion(k *key, v *version, l *partitionLog) (jump, bool) {
	before := v.replaced
	if v.byOperator() {
		if before == nil || v.bad || before.bad || v.Deleted {
			return jump{}, false
		}
		return jump{from: before.offset, until: v.offset}, v.offset > before.offset
	}
	switch {
	case v.Deleted:
		c.blame(3, v, "a sidecar deleted the key", before, v)
	case v.bad:
		c.blame(3, v, "a sidecar wrote a value that can't be decoded", before, v)
	case before == nil: // where a partition begins: I10 and I12
	case before.bad:
		c.blame(3, v, "a sidecar overwrote a value that can't be decoded; that is never a first start", before, v)
	case !sameLog(before.topicID, v.topicID): // another log begins: I10 and I12
	default:
		return c.checkMoves(k, before, v, l)
	}
	return jump{}, false
}

// checkMoves judges how a sidecar moved an offset on from a version, by way of its claim when the outcome of that was unknown.
// A commit of the same owner shows that the claim was applied.
func (c *court) checkMoves(k *key, before, v *version, l *partitionLog) (jump, bool) {
	claim := k.claim(v.epoch)
	if claim == nil || claim.Index != 0 || claim.owner != v.owner || before.epoch == v.epoch {
		return c.checkMove(k, before, v, l)
	}
	j, ok := c.checkMove(k, before, claim, l)
	c.checkMove(k, claim, v, l)
	return j, ok
}

// checkMove judges one move of an offset.
func (c *court) checkMove(k *key, before, v *version, l *partitionLog) (jump, bool) {
	if before.offset == v.offset {
		return jump{}, false
	}
	if event, ok := c.declared(k, before, v); ok {
		return jump{before.offset, v.offset, event}, v.offset > before.offset
	}
	if v.offset < before.offset {
		c.blame(3, v, fmt.Sprintf("the stored offset went down from %d to %d, and neither an operator nor a policy said so", before.offset, v.offset), before, v)
		return jump{}, false
	}
	if l != nil {
		c.checkSettled(k, before, v, l)
	}
	return jump{}, false
}

// declared says whether policy.data_loss moved the offset: the sidecar said so, or it was killed before it could.
func (c *court) declared(k *key, before, v *version) (*Event, bool) {
	if c.run.DataLoss == "block" || v != k.claim(v.epoch) {
		return nil, false
	}
	for _, e := range c.losses[v.place] {
		// With a write of unknown outcome in between, the sidecar may have read another offset than the one we know of.
		if e.Proc == v.Writer && e.Until == v.offset && (e.Offset == before.offset || len(k.unknown) > 0) {
			return e, true
		}
	}
	return nil, c.proc(v.Writer).broken(v.Sent, v.Done, c.slack)
}

// checkSettled is I2: every record that the version passes was settled before the version was on its way.
//
// A record counts when it was acknowledged under the version's own fence: what an earlier owner's app took and did not commit
// is delivered again. Below the offset that the claim found any fence will do; there the earlier owners committed.
func (c *court) checkSettled(k *key, before, v *version, l *partitionLog) {
	o := c.byFence[ownershipID{v.place, v.epoch}]
	claim := k.claim(v.epoch)
	unsettled, first, firstAt := 0, int64(-1), never
	for slot := l.at(before.offset); slot < l.at(v.offset); slot++ {
		offset := l.offsets[slot]
		at := never
		if o != nil && o.log == l {
			at = o.ackedAt(slot)
		}
		if claim != nil && offset < claim.offset {
			at = l.ackedAt[slot]
		}
		if !l.owed[slot] || at <= v.Sent || c.handedOver(l, offset, v.Sent) {
			continue
		}
		if unsettled == 0 {
			first, firstAt = offset, at
		}
		unsettled++
	}
	if unsettled == 0 {
		return
	}
	what := fmt.Sprintf("stored as done up to %d at %s, and %d records below were settled by then neither by an app under fence %d nor by a dead letter or a declaration; the first was acknowledged: %s",
		v.offset, stamp(v.Sent), unsettled, v.epoch, stamp(firstAt))
	x := Violation{Invariant: 2, Place: v.place, Offset: first, Time: v.Sent, What: what, Evidence: []string{before.String(), v.String()}}
	x.Evidence = append(x.Evidence, c.visitsOf(v.place, first)...)
	c.verdict.add(x)
}

// handedOver says whether the dead-letter policy had the record by then. The event of a drop has no moment that could be
// compared with a write, so it counts whenever it came.
func (c *court) handedOver(l *partitionLog, offset int64, by Nanos) bool {
	if letter := c.letterOf(l, offset); letter != nil && letter.Time <= by {
		return true
	}
	return c.run.DeadLetter == "drop" && c.dropped[l.Place][offset] != nil
}

// letterOf is the dead letter of a record. Its content tells it from the record at the same offset of another incarnation.
func (c *court) letterOf(l *partitionLog, offset int64) *Letter {
	letter := c.letters[l.Place][offset]
	if letter == nil {
		return nil
	}
	if slot := l.slot(offset); len(c.byPlace[l.Place]) > 1 && slot >= 0 && l.digests[slot] != letter.Digest {
		return nil
	}
	return letter
}

// checkLoss is I1: below the offset the key came to stand at, and from where the group began, every record is accounted for.
func (c *court) checkLoss(k *key, l *partitionLog, jumps []jump) {
	first, last := c.firstAndLast(k, l)
	if first == nil {
		return
	}
	missing, offset := 0, int64(-1)
	for slot := l.at(first.offset); slot < l.at(last.offset); slot++ {
		o := l.offsets[slot]
		if !l.owed[slot] || l.ackedAt[slot] != never || c.handedOver(l, o, never) {
			continue
		}
		if j := jumpOver(jumps, o); j != nil {
			c.checkGone(l, slot, j)
			continue
		}
		if missing == 0 {
			offset = o
		}
		missing++
	}
	if missing == 0 {
		return
	}
	c.verdict.Table.lost(last.Sent, missing)
	what := fmt.Sprintf("%d records below the final stored offset %d were acknowledged by no app, are not dead-lettered, and nothing declared them lost or skipped; this is the first", missing, last.offset)
	x := Violation{Invariant: 1, Place: l.Place, Offset: offset, Time: last.Sent, What: what, Evidence: []string{first.String(), last.String()}}
	x.Evidence = append(x.Evidence, c.visitsOf(l.Place, offset)...)
	c.verdict.add(x)
}

// firstAndLast are the first and the last version of the key that are of this log; nil if there is none.
func (c *court) firstAndLast(k *key, l *partitionLog) (first, last *version) {
	for _, v := range k.versions {
		if v.bad || v.Deleted || c.logOf(l.Place, v.topicID) != l {
			continue
		}
		if first == nil {
			first = v
		}
		last = v
	}
	return first, last
}

func jumpOver(jumps []jump, offset int64) *jump {
	for i := range jumps {
		if jumps[i].from <= offset && offset < jumps[i].until {
			return &jumps[i]
		}
	}
	return nil
}

// checkGone: with the policy "earliest" only what the log no longer has may be declared lost.
func (c *court) checkGone(l *partitionLog, slot int, j *jump) {
	e := j.lost
	if e == nil || c.run.DataLoss != "earliest" || !l.read || !l.found[slot] || l.offsets[slot] < l.start {
		return
	}
	c.verdict.Table.lost(e.Time, 1)
	c.verdict.add(Violation{
		Invariant: 1, Place: l.Place, Offset: l.offsets[slot], Time: e.Time, What: "declared lost, but the log still has the record",
		Evidence: []string{e.String(), fmt.Sprintf("a plain reader found the log to be [%d,%d) and the record in it", l.start, l.end)},
	})
}

// blame is a violation by a version of a key.
func (c *court) blame(invariant int, v *version, what string, evidence ...*version) {
	x := Violation{Invariant: invariant, Place: v.place, Offset: -1, Time: v.Sent, What: what}
	for _, e := range evidence {
		if e != nil {
			x.Evidence = append(x.Evidence, e.String())
		}
	}
	c.verdict.add(x)
}

// visitsOf are the first deliveries of a record as evidence, or the line that says there is none.
func (c *court) visitsOf(p Place, offset int64) []string {
	var lines []string
	for _, v := range c.visits[p] {
		if _, ok := indexOf(v.Offsets, offset); ok && len(lines) < 4 {
			lines = append(lines, v.String())
		}
	}
	if lines == nil {
		lines = []string{"no app ever received the record"}
	}
	return lines
}
