package oracle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// court is a run taken apart for the checkers, and the verdict they write.
type court struct {
	run     *Run
	verdict *Verdict
	slack   Nanos

	processes map[string]*process
	logs      map[logID]*partitionLog
	byPlace   map[Place][]*partitionLog
	keys      map[Place]*key  // Partition -1: the topics' documents
	writers   map[string]bool // the sidecars that wrote to the store

	requests   []*request // by the time they were received
	visits     map[Place][]*visit
	ownerships []*ownership
	byFence    map[ownershipID]*ownership

	letters map[Place]map[int64]*Letter // the earliest of each record
	dropped map[Place]map[int64]*Event
	losses  map[Place][]*Event // Lost
}

type ownershipID struct {
	Place
	fence int64
}

func newCourt(r *Run) *court {
	return &court{
		run: r, verdict: &Verdict{}, slack: cmp.Or(r.Slack, Nanos(time.Second)),
		processes: processes(r.Marks), logs: map[logID]*partitionLog{}, byPlace: map[Place][]*partitionLog{}, keys: map[Place]*key{}, writers: map[string]bool{},
		visits: map[Place][]*visit{}, byFence: map[ownershipID]*ownership{},
		letters: map[Place]map[int64]*Letter{}, dropped: map[Place]map[int64]*Event{}, losses: map[Place][]*Event{},
	}
}

// Judge checks every invariant. The run must have passed Read, or be made by hand as Read would take it.
func Judge(r *Run) *Verdict {
	c := newCourt(r)
	c.readLogs()
	c.readStore()
	c.readApps()
	c.readExceptions()

	c.checkCommits()   // I1, I2, I3
	c.checkOrder()     // I4
	c.checkRepeats()   // I5
	c.checkFences()    // I6
	c.checkContent()   // I7
	c.checkLiveness()  // I8
	c.checkBounds()    // I9
	c.checkGrowth()    // I9
	c.checkBeginning() // I10, I12
	c.checkReports()   // I11
	c.makeTable()
	return c.verdict
}

// readExceptions sorts what excuses a record that no app acknowledged: dead letters, and what the sidecars declared.
func (c *court) readExceptions() {
	for i := range c.run.Letters {
		l := &c.run.Letters[i]
		p := Place{l.Topic, l.Partition}
		if c.letters[p] == nil {
			c.letters[p] = map[int64]*Letter{}
		}
		if old := c.letters[p][l.Offset]; old == nil || l.Time < old.Time {
			c.letters[p][l.Offset] = l
		}
	}
	for i := range c.run.Events {
		e := &c.run.Events[i]
		p := Place{e.Topic, e.Partition}
		switch e.What {
		case Dropped:
			if c.dropped[p] == nil {
				c.dropped[p] = map[int64]*Event{}
			}
			c.dropped[p][e.Offset] = e
		case Lost:
			c.losses[p] = append(c.losses[p], e)
		}
	}
}

func (c *court) topic(name string) Topic {
	i := slices.IndexFunc(c.run.Topics, func(t Topic) bool { return t.Name == name })
	if i < 0 {
		return Topic{Name: name}
	}
	return c.run.Topics[i]
}

// places are all partitions anything is known of, sorted, so that a verdict is the same each time.
func (c *court) places() []Place {
	var all []Place
	for p := range c.byPlace {
		all = append(all, p)
	}
	for p := range c.keys {
		if p.Partition >= 0 {
			all = append(all, p)
		}
	}
	for p := range c.visits {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b Place) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return slices.Compact(all)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func stamp(t Nanos) string {
	if t == never {
		return "never"
	}
	return time.Unix(0, int64(t)).UTC().Format("15:04:05.000000")
}

// String is the line of evidence for the version.
func (v *version) String() string {
	who := fmt.Sprintf("%s: %s wrote %s", stamp(v.Sent), cmp.Or(v.Writer, "somebody"), v.Key)
	switch {
	case v.Deleted:
		return fmt.Sprintf("%s: deleted, index %d", who, v.Index)
	case v.bad:
		return fmt.Sprintf("%s: a value that can't be decoded, index %d", who, v.Index)
	case v.place.Partition < 0:
		return fmt.Sprintf("%s: %d partitions, baseline of %d, topic id %q, index %d", who, v.partitions, len(v.baseline), v.topicID, v.Index)
	}
	return fmt.Sprintf("%s: offset %d, epoch %d, owner %s, index %d, applied by %s", who, v.offset, v.epoch, v.owner, v.Index, stamp(v.Done))
}
