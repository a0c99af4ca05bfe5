package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// entry is what the store holds of a partition.
type entry struct {
	Offset, Epoch int64
	TopicID       string
}

// entries are the keys of the partitions; nil when Consul does not answer.
func (w *world) entries() map[int32]entry {
	values, ok := w.consul.List(w.prefix() + w.topic + "/")
	if !ok {
		return nil
	}
	all := map[int32]entry{}
	for key, value := range values {
		var doc entry
		partition, err := strconv.Atoi(key[strings.LastIndexByte(key, '/')+1:])
		if err == nil && json.Unmarshal(value, &doc) == nil { // else it is the topic's document, or was edited by hand
			all[int32(partition)] = doc
		}
	}
	return all
}

// stored are the offsets in the store, by partition; nil when Consul does not answer.
func (w *world) stored() map[int32]int64 {
	offsets := map[int32]int64{}
	for partition, doc := range w.entries() {
		offsets[partition] = doc.Offset
	}
	return offsets
}

// consumed is nil when the store stands at the ends.
func (w *world) consumed(ends map[int32]int64) error {
	stored := w.stored()
	for partition, end := range ends {
		if offset, ok := stored[partition]; end > 0 && (!ok || offset < end) {
			return fmt.Errorf("partition %d is stored up to %d, its log ends at %d (stored: %v)", partition, offset, end, stored)
		}
	}
	return nil
}

// alive is an error that ends a wait when a sidecar has ended by itself.
func (w *world) alive() error {
	for _, s := range w.sidecars {
		if _, runs := s.subject(); runs && !s.proc.Running() {
			return testenv.GiveUp("%s ended by itself", s.life())
		}
	}
	return nil
}

// eventually waits for cond, but not for a sidecar that has ended by itself.
func (w *world) eventually(what string, cond func() error) {
	w.t.Helper()
	testenv.Eventually(w.t, soon, what, func() error {
		if err := w.alive(); err != nil {
			return err
		}
		return cond()
	})
}

// goesOn waits until n more records are stored as done: the world works.
func (w *world) goesOn(n int64) {
	w.t.Helper()
	begin := sum(w.stored())
	w.eventually(fmt.Sprintf("%d more records to be stored", n), func() error {
		if now := sum(w.stored()); now < begin+n {
			return fmt.Errorf("%d so far", now-begin)
		}
		return nil
	})
}

func sum(offsets map[int32]int64) (n int64) {
	for _, o := range offsets {
		n += o
	}
	return n
}

// settle stops the producer and waits until everything is stored as done and each partition has one owner. How long each fault may
// take to be recovered from is the oracle's business.
func (w *world) settle() {
	w.t.Helper()
	w.load.Pause()
	ends := w.EndOffsets(w.topic)
	testenv.Eventually(w.t, 2*recovery, "everything to be stored", func() error { return errors.Join(w.alive(), w.consumed(ends)) })
	w.eventually("one owner for each partition", w.owned)
}

// owned is nil when the sidecars that run hold each partition once.
func (w *world) owned() error {
	holders := map[int32]int{}
	for _, s := range w.sidecars {
		if !s.proc.Running() {
			continue
		}
		status, err := s.status()
		if err != nil {
			return err
		}
		for i := range status.Partitions {
			holders[status.Partitions[i].Partition]++
		}
	}
	for partition := range w.EndOffsets(w.topic) {
		if holders[partition] != 1 {
			return fmt.Errorf("partition %d has %d owners (of all: %v)", partition, holders[partition], holders)
		}
	}
	return nil
}

// standStill measures what the sidecars do when nothing is to be done.
func (w *world) standStill() {
	w.idle[0] = nanos()
	time.Sleep(idleFor)
	w.idle[1] = nanos()
}
