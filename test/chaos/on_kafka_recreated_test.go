package chaos

import (
	"fmt"
	"testing"
)

// With policy.topic_recreated: earliest the new log is read from its beginning, and no offset of the former one counts for it.
func TestKafkaTopicRecreated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, settings{recreated: "earliest", sidecars: 2})
	w.start()
	w.goesOn(400)
	w.settle()
	w.recreateTopic(w.partitions)
	w.load.Resume()
	id := w.TopicID(w.topic)
	w.eventually("keys of the new log", func() error {
		for partition, key := range w.entries() {
			if key.TopicID != id {
				return fmt.Errorf("that of partition %d is of %s", partition, key.TopicID)
			}
		}
		return nil
	})
	w.goesOn(200)
	w.finish()
}
