package oracle

import (
	"cmp"
	"slices"
)

// logID names one partition of one incarnation of a topic.
type logID struct {
	Place
	topicID string
}

// partitionLog is what is known of the records of one partition: what the producer had acknowledged and what a plain reader
// found, one slot per offset, in offset order. Slices of numbers, for a run has a million records.
type partitionLog struct {
	logID
	offsets []int64
	digests []Digest
	sent    []Nanos // before the producer sent it; 0 = not in the producer's log
	owed    []bool  // must be delivered, if it is not below the first offset of the group
	found   []bool  // the plain reader saw it
	ackedAt []Nanos // the earliest answer that acknowledged it, whatever the fence, heard or not; never = none

	start, end int64 // of the log as the reader found it
	read       bool  // there was a reader
	deleted    Nanos // 0 = the topic is there at the end
	compacted  bool
}

// at is the slot of an offset, or of the next one above it.
func (l *partitionLog) at(offset int64) int {
	i, _ := slices.BinarySearch(l.offsets, offset)
	return i
}

// slot is the slot of exactly this offset, -1 if nothing is known of it.
func (l *partitionLog) slot(offset int64) int {
	if i, ok := slices.BinarySearch(l.offsets, offset); ok {
		return i
	}
	return -1
}

// finding is one mention of a record.
type finding struct {
	offset  int64
	digest  Digest
	sent    Nanos
	aborted bool
}

// readLogs joins the producer's log with the content of the topics.
func (c *court) readLogs() {
	findings := map[logID][]finding{}
	note := func(id logID, rs Records, sent Nanos, aborted bool) {
		for i, o := range rs.Offsets {
			findings[id] = append(findings[id], finding{o, rs.Digests[i], sent, aborted})
		}
	}
	log := func(id logID) *partitionLog {
		l := c.logs[id]
		if l == nil {
			l = &partitionLog{logID: id, compacted: c.topic(id.Topic).Compacted}
			c.logs[id] = l
		}
		return l
	}
	for i := range c.run.Produced {
		p := &c.run.Produced[i]
		id := logID{Place{p.Topic, p.Partition}, p.TopicID}
		note(id, p.Records, max(p.Sent, 1), false)
		log(id)
	}
	for i := range c.run.Content {
		p := &c.run.Content[i]
		id := logID{Place{p.Topic, p.Partition}, p.TopicID}
		note(id, p.Records, 0, false)
		note(id, p.Aborted, 0, true)
		l := log(id)
		l.start, l.end, l.read, l.deleted = p.Start, p.End, true, p.Deleted
	}
	for id, l := range c.logs {
		c.fillLog(l, findings[id])
	}
	c.sortLogs()
}

// fillLog makes a slot of all mentions of an offset, and says which records are owed to the app.
func (c *court) fillLog(l *partitionLog, findings []finding) {
	slices.SortFunc(findings, func(a, b finding) int { return cmp.Compare(a.offset, b.offset) })
	for i := 0; i < len(findings); {
		all := findings[i:]
		n := 1
		for n < len(all) && all[n].offset == all[0].offset {
			n++
		}
		c.addSlot(l, all[:n])
		i += n
	}
}

func (c *court) addSlot(l *partitionLog, mentions []finding) {
	first := mentions[0]
	offset := first.offset
	var sent Nanos
	found, aborted := false, false
	for _, f := range mentions {
		if f.digest != first.digest {
			c.verdict.contradiction("%s offset %d: the producer's log or the reader has two contents for it, %s and %s", l.Place, offset, first.digest, f.digest)
		}
		sent = max(sent, f.sent)
		found = found || f.sent == 0
		aborted = aborted || f.aborted
	}
	if !found && l.read && !l.compacted && offset >= l.start {
		c.verdict.contradiction("%s offset %d: the brokers acknowledged the record, and a plain reader of [%d,%d) did not find it", l.Place, offset, l.start, l.end)
	}
	if aborted && sent != 0 {
		c.verdict.contradiction("%s offset %d: the producer's log has a record whose transaction was aborted", l.Place, offset)
	}
	owed := found || !l.compacted && (!l.read || offset < l.start)
	if aborted && c.run.Isolation != "read_uncommitted" {
		owed, found = false, false
	}
	l.offsets = append(l.offsets, offset)
	l.digests = append(l.digests, first.digest)
	l.sent = append(l.sent, sent)
	l.owed = append(l.owed, owed)
	l.found = append(l.found, found)
	l.ackedAt = append(l.ackedAt, never)
}

func (c *court) sortLogs() {
	for _, l := range c.logs {
		c.byPlace[l.Place] = append(c.byPlace[l.Place], l)
	}
	for _, logs := range c.byPlace {
		slices.SortFunc(logs, func(a, b *partitionLog) int { return cmp.Compare(a.topicID, b.topicID) })
	}
}

// logOf is the log that a key with this topic id is of. Without an id (old brokers) there must be one only.
func (c *court) logOf(p Place, topicID string) *partitionLog {
	if l := c.logs[logID{p, topicID}]; l != nil {
		return l
	}
	if logs := c.byPlace[p]; topicID == "" && len(logs) == 1 {
		return logs[0]
	}
	return nil
}
