package oracle

import (
	"fmt"
	"maps"
	"slices"
)

// checkBeginning is I12 for what the baseline knows and I10 for partitions added later: where a partition begins, and that
// the store says so before an app sees the first record.
func (c *court) checkBeginning() {
	for _, p := range c.places() {
		if k := c.keys[p]; k != nil {
			for _, v := range k.versions {
				c.checkFirstVersion(k, v)
			}
		}
	}
	for _, topic := range c.documented() {
		docs := c.keys[topic]
		for _, v := range docs.versions {
			c.checkDocument(docs, v)
		}
	}
	for _, o := range c.ownerships {
		c.checkFirstDelivery(o)
	}
}

// documented are the topics with a document in the store, as places with partition -1.
func (c *court) documented() []Place {
	topics := map[string]bool{}
	for p := range c.keys {
		if p.Partition < 0 {
			topics[p.Topic] = true
		}
	}
	var all []Place
	for _, t := range sortedKeys(topics) {
		all = append(all, Place{t, -1})
	}
	return all
}

// document is the first document of the incarnation, or else of the topic when it did not exist yet; nil if there is none.
func (c *court) document(topic, topicID string) *version {
	docs := c.keys[Place{topic, -1}]
	if docs == nil {
		return nil
	}
	for _, id := range []string{topicID, ""} {
		for _, all := range [][]*version{docs.versions, docs.unknown} {
			for _, v := range all {
				if !v.bad && !v.Deleted && v.topicID == id {
					return v
				}
			}
		}
	}
	return nil
}

// number is the invariant that a partition's beginning belongs to: 10 for one that is not in the baseline.
func (c *court) number(p Place, topicID string) int {
	if doc := c.document(p.Topic, topicID); doc != nil {
		if _, ok := doc.baseline[p.Partition]; !ok {
			return 10
		}
	}
	return 12
}

// checkFirstDelivery: the topic's document and the claim of the partition stand in the store before the first request under the fence.
func (c *court) checkFirstDelivery(o *ownership) {
	first := o.visits[0]
	add := func(invariant int, what string, evidence ...string) {
		c.verdict.add(Violation{
			Invariant: invariant, Place: o.place, Offset: first.From, Time: first.request.Time, What: what, Evidence: append(evidence, first.String()),
		})
	}
	topicID := ""
	if o.claim != nil {
		topicID = o.claim.topicID
	}
	if doc := c.document(o.place.Topic, topicID); doc == nil {
		add(12, "delivered, and the topic's document was never written")
	} else if c.stands(doc) > first.request.Time {
		add(12, "delivered before the topic's document stood in the store", doc.String())
	}
	switch {
	case o.claim == nil:
		add(c.number(o.place, topicID), fmt.Sprintf("delivered under fence %d, and no version of the key ever carried it", o.fence))
	case c.stands(o.claim) > first.request.Time:
		add(c.number(o.place, topicID), "delivered before the partition's key stood in the store", o.claim.String())
	}
}

// checkFirstVersion: a key that a sidecar makes begins at the baseline, or at the log start when it is not in it.
func (c *court) checkFirstVersion(k *key, v *version) {
	before := v.replaced
	if v.byOperator() || v.bad || v.Deleted || before != nil && (before.bad || sameLog(before.topicID, v.topicID)) {
		return
	}
	doc := c.document(v.place.Topic, v.topicID)
	if doc == nil {
		c.blame(12, v, "the key was written, and never a document of its topic", v)
		return
	}
	if first := k.mayBeBefore(v); first != nil {
		if l := c.logOf(v.place, v.topicID); l != nil && first.offset < v.offset {
			c.checkSettled(k, first, v, l)
		}
		v = first
	}
	begin, ok := doc.baseline[v.place.Partition]
	if !ok {
		c.checkAddedFirst(v, doc)
		return
	}
	if v.offset == begin || v.offset > begin && c.declaredFrom(v, begin) {
		return
	}
	c.blame(12, v, fmt.Sprintf("the partition begins at %d, its baseline is %d", v.offset, begin), doc, v)
}

// mayBeBefore is a version of the same log that may have been applied and overwritten before v, the first one known of; nil if there
// is none.
func (k *key) mayBeBefore(v *version) *version {
	i := slices.IndexFunc(k.unknown, func(u *version) bool { return !u.bad && !u.Deleted && u.Sent < v.Sent && sameLog(u.topicID, v.topicID) })
	if i < 0 {
		return nil
	}
	return k.unknown[i]
}

// declaredFrom says whether policy.data_loss moved the offset of a new key on from its baseline.
func (c *court) declaredFrom(v *version, begin int64) bool {
	_, ok := c.declared(&key{claims: map[int64]*version{v.epoch: v}}, &version{offset: begin}, v)
	return ok
}

// checkAddedFirst: no record that the log had to the end lies below the first offset. One that it lost may have been gone before
// the partition was seen.
func (c *court) checkAddedFirst(v, doc *version) {
	l := c.logOf(v.place, v.topicID)
	if l == nil {
		return
	}
	if o, ok := l.firstFound(); ok && o < v.offset {
		c.blame(10, v, fmt.Sprintf("the partition is not in the baseline and begins at %d, above the record at %d", v.offset, o), doc, v)
	}
}

// firstFound is the first owed record that the plain reader found.
func (l *partitionLog) firstFound() (int64, bool) {
	for slot, o := range l.offsets {
		if l.owed[slot] && l.found[slot] {
			return o, true
		}
	}
	return 0, false
}

// checkDocument: the first document of an incarnation has its whole baseline, which never changes after that.
func (c *court) checkDocument(docs *key, v *version) {
	before := v.replaced
	switch {
	case v.byOperator():
	case v.bad || v.Deleted:
		c.blame(12, v, "a sidecar deleted the topic's document or wrote one that can't be decoded", before, v)
	case before != nil && before.bad:
		c.blame(12, v, "a sidecar overwrote a document that can't be decoded; that is never a first start", before, v)
	case before != nil && sameLog(before.topicID, v.topicID):
		if !maps.Equal(before.baseline, v.baseline) {
			c.blame(12, v, "the baseline changed", before, v)
		}
		if v.partitions < before.partitions {
			c.blame(12, v, fmt.Sprintf("the number of partitions went down from %d to %d", before.partitions, v.partitions), before, v)
		}
	default:
		c.checkBaseline(before, v)
	}
}

// checkBaseline judges a new baseline: whole, and not above records that the policy includes.
func (c *court) checkBaseline(before, v *version) {
	policy := c.run.Start
	if before != nil {
		policy = c.run.Recreated
		if policy == "block" {
			c.blame(12, v, "the baseline was replaced by that of another incarnation, and policy.topic_recreated is block", before, v)
		}
	}
	for p := range v.partitions {
		begin, ok := v.baseline[p]
		if !ok {
			c.blame(12, v, fmt.Sprintf("the baseline lacks partition %d", p), v)
			continue
		}
		l := c.logOf(Place{v.place.Topic, p}, v.topicID)
		if l == nil {
			continue
		}
		if o, ok := l.skippedBy(policy, begin, v.Done); ok {
			c.blame(12, v, fmt.Sprintf("the start policy is %s, and the baseline of partition %d is %d, above the record at %d", policy, p, begin, o), v)
		}
	}
}

// skippedBy is a record below the baseline that the policy includes: with earliest one that the log had to the end, with latest one that
// the producer sent when the document was already written.
func (l *partitionLog) skippedBy(policy string, begin int64, written Nanos) (int64, bool) {
	switch policy {
	case "earliest":
		o, ok := l.firstFound()
		return o, ok && o < begin
	case "latest":
		for slot := range l.at(begin) {
			if l.owed[slot] && l.sent[slot] > written {
				return l.offsets[slot], true
			}
		}
	}
	return 0, false
}
