package oracle

import "fmt"

// checkContent is I7: every record that an app received, and every dead letter, is what the log holds at its offset.
func (c *court) checkContent() {
	for _, o := range c.ownerships {
		for _, v := range o.visits {
			c.checkVisitContent(v)
		}
	}
	for _, p := range c.places() {
		c.checkLetters(p)
	}
}

func (c *court) checkVisitContent(v *visit) {
	if v.log == nil {
		return // a fence that was never written, or a log that nobody read: said elsewhere
	}
	for i, offset := range v.Offsets {
		if what := v.log.differs(offset, v.Digests[i]); what != "" {
			c.verdict.add(Violation{Invariant: 7, Place: v.log.Place, Offset: offset, Time: v.request.Time, What: what, Evidence: []string{v.String()}})
		}
	}
}

// differs compares a record with the log; "" = it is the same, or nobody can tell.
func (l *partitionLog) differs(offset int64, digest Digest) string {
	slot := l.slot(offset)
	switch {
	case slot >= 0 && l.digests[slot] != digest:
		return fmt.Sprintf("the content differs: the log has %s, received was %s", l.digests[slot], digest)
	case slot >= 0 && !l.owed[slot] && l.read && !l.found[slot] && l.sent[slot] == 0:
		return "the record was aborted, and read_committed must not see it"
	case slot < 0 && l.read && l.deleted == 0 && offset >= l.end:
		return fmt.Sprintf("the log ends at %d and never had the record", l.end)
	case slot < 0 && l.read && !l.compacted && offset >= l.start && offset < l.end:
		return "the log has no record at this offset"
	}
	return "" // a record without slot was compacted, or deleted before it was read, and its producer had no answer
}

// checkLetters: a dead letter is the record it names.
func (c *court) checkLetters(p Place) {
	for _, offset := range sortedKeys(c.letters[p]) {
		letter := c.letters[p][offset]
		what := ""
		for _, l := range c.byPlace[p] {
			if what = l.differs(offset, letter.Digest); what == "" {
				break
			}
		}
		if what != "" {
			c.verdict.add(Violation{Invariant: 7, Place: p, Offset: offset, Time: letter.Time, What: "dead letter: " + what})
		}
	}
}
