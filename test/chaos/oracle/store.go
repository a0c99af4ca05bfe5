package oracle

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// version is one value that one key had.
type version struct {
	*Write
	place    Place    // Partition -1: the topic's document
	replaced *version // what the key held before; nil = nothing
	bad      bool     // can't be decoded; the fields below are zero

	// of a partition's key
	offset, epoch  int64
	topicID, owner string

	// of a topic's document
	partitions int32
	baseline   map[int32]int64
}

// byOperator says whether a person decided about the version. A sidecar that carries out a person's wish signs for them.
func (v *version) byOperator() bool {
	return v.Writer == Operator || strings.HasPrefix(v.owner, "operator/")
}

// stands is the latest moment at which the version began to stand in the store.
func (c *court) stands(v *version) Nanos {
	if v.Index == 0 || c.faulty("consul", v.Sent, v.Done, 0) {
		return v.Sent // it may have been applied long before its answer came
	}
	return v.Done
}

// key is one key of the store with every version it had.
type key struct {
	versions []*version // in ModifyIndex order
	unknown  []*version // writes that may have been applied, and overwritten before anybody looked

	claims    map[int64]*version // by epoch: the version that first carried it
	operators []*version         // those of versions that a person decided about
}

// arrange sorts the versions and links them, once all are there.
func (k *key) arrange() {
	slices.SortFunc(k.versions, func(a, b *version) int { return cmp.Compare(a.Index, b.Index) })
	slices.SortFunc(k.unknown, func(a, b *version) int { return cmp.Compare(a.Sent, b.Sent) })
	k.claims = map[int64]*version{}
	var before *version
	for _, v := range k.versions {
		v.replaced, before = before, v
		if v.Deleted {
			before = nil
		}
		switch {
		case v.byOperator():
			k.operators = append(k.operators, v)
		case v.commits(v.epoch) && k.claims[v.epoch] == nil:
			k.claims[v.epoch] = v
		}
	}
	for _, v := range k.unknown {
		if first := k.claims[v.epoch]; first == nil || v.Sent < first.Sent {
			k.claims[v.epoch] = v
		}
	}
}

// claim is the version that first carried an epoch; nil if there is none.
func (k *key) claim(epoch int64) *version {
	if k == nil {
		return nil
	}
	return k.claims[epoch]
}

// durable is the last offset that was stored under the epoch of a claim.
func (k *key) durable(claim *version) int64 {
	offset := claim.offset
	for _, v := range k.versions {
		if v.commits(claim.epoch) {
			offset = max(offset, v.offset)
		}
	}
	return offset
}

// commits says whether a sidecar wrote the version under this epoch.
func (v *version) commits(epoch int64) bool {
	return v.epoch == epoch && !v.byOperator() && !v.bad && !v.Deleted
}

// sameLog says whether a key or document with the topic id b goes on with the log of a. An id may become known later.
func sameLog(a, b string) bool { return a == b || a == "" }

// readStore sorts the writes by key and index.
func (c *court) readStore() {
	unknown, seen := map[string]map[string]*version{}, []*version{}
	indexed := map[string]map[uint64]bool{}
	for i := range c.run.Writes {
		w := &c.run.Writes[i]
		place, ok := placeOfKey(w.Key)
		if !ok {
			continue // an audit line, the key of a check
		}
		v := decodeVersion(w, place)
		if w.Writer != "" && w.Writer != Operator {
			c.writers[w.Writer] = true
		}
		switch {
		case w.Seen:
			seen = append(seen, v)
		case w.Index == 0:
			if unknown[w.Key] == nil {
				unknown[w.Key] = map[string]*version{}
			}
			if unknown[w.Key][w.Value] == nil { // of several with the same bytes the first, for which everything must hold already
				unknown[w.Key][w.Value] = v
			}
		default:
			c.addVersion(v, indexed)
		}
	}
	for _, v := range seen {
		c.settleSeen(v, unknown, indexed)
	}
	for _, values := range unknown {
		for _, v := range values {
			if v.byOperator() {
				c.verdict.contradiction("%s: it is not known whether the operator's write of %s was applied; a test has to make sure of it", v.Key, stamp(v.Sent))
			}
			k := c.key(v.place)
			k.unknown = append(k.unknown, v)
		}
	}
	for _, k := range c.keys {
		k.arrange()
	}
}

func (c *court) addVersion(v *version, indexed map[string]map[uint64]bool) {
	if indexed[v.Key] == nil {
		indexed[v.Key] = map[uint64]bool{}
	}
	if indexed[v.Key][v.Index] {
		c.verdict.contradiction("%s: two writes have the index %d", v.Key, v.Index)
	}
	indexed[v.Key][v.Index] = true
	k := c.key(v.place)
	k.versions = append(k.versions, v)
}

// settleSeen tells what the watch saw of writes that are known, of writes with an unknown outcome, which thereby were applied, and
// of writes that nobody knows of.
func (c *court) settleSeen(v *version, unknown map[string]map[string]*version, indexed map[string]map[uint64]bool) {
	if indexed[v.Key][v.Index] {
		return
	}
	applied := unknown[v.Key][v.Value]
	if applied == nil {
		c.verdict.contradiction("%s: the watch saw a value with the index %d that nobody wrote through the proxy", v.Key, v.Index)
		return
	}
	delete(unknown[v.Key], v.Value)
	write := *applied.Write
	write.Index, write.Done = v.Index, v.Done
	applied.Write = &write
	c.addVersion(applied, indexed)
}

func (c *court) key(p Place) *key {
	k := c.keys[p]
	if k == nil {
		k = &key{}
		c.keys[p] = k
	}
	return k
}

// placeOfKey takes <...>/<topic>/<partition> and <...>/<topic>/_topic apart.
func placeOfKey(whole string) (Place, bool) {
	parts := strings.Split(whole, "/")
	if len(parts) < 3 {
		return Place{}, false
	}
	topic, last := parts[len(parts)-2], parts[len(parts)-1]
	if last == "_topic" {
		return Place{topic, -1}, true
	}
	n, err := strconv.ParseInt(last, 10, 32)
	return Place{topic, int32(n)}, err == nil && n >= 0 && topic != "_audit"
}

func decodeVersion(w *Write, place Place) *version {
	v := &version{Write: w, place: place}
	if w.Deleted {
		return v
	}
	var doc struct {
		V          int
		Offset     *int64
		Epoch      int64
		TopicID    string
		Owner      string
		Partitions *int32
		Baseline   map[int32]int64
	}
	err := json.Unmarshal([]byte(w.Value), &doc)
	isTopic := place.Partition < 0
	if err != nil || doc.V != 1 || isTopic && (doc.Partitions == nil || doc.Baseline == nil) || !isTopic && doc.Offset == nil {
		v.bad = true
		return v
	}
	v.topicID = doc.TopicID
	if isTopic {
		v.partitions, v.baseline = *doc.Partitions, doc.Baseline
		return v
	}
	v.offset, v.epoch, v.owner = *doc.Offset, doc.Epoch, doc.Owner
	return v
}
