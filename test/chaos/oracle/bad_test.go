package oracle

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// One broken rule each, and the invariants that must be named: those and no others.
func TestBrokenRuns(t *testing.T) {
	for name, test := range map[string]struct {
		invariants []int
		play       func(s *scene)
	}{
		// I1, and with it I2: who stores an offset above a record that nobody took.
		"a record is passed over": {[]int{1, 2, 4}, func(s *scene) {
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.take(0, 3, 6)
		}},
		"a range leaves out a record": {[]int{1, 2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			part := s.part(0, 0, 3)
			part.Records = Records{[]int64{0, 2}, Digests{s.digest(0, 0), s.digest(0, 2)}}
			s.send(part).ack()
			s.commit(0, 3)
		}},
		"the dead letter of a rejected record was never written": {[]int{1, 2}, func(s *scene) {
			s.run.DeadLetter = "topic"
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).answer(200, reject(0, 1))
			s.event(Event{What: DeadLettered, Offset: 1})
			s.run.Samples = append(s.run.Samples, Sample{Proc: "s/1", Time: s.tick(), LettersTotal: 1})
			s.commit(0, 3)
		}},
		"a give-up moves the offset": {[]int{1, 2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).answer(500)
			s.commit(0, 3)
		}},
		"garbage is taken for an ack": {[]int{1, 2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).answer(200).Broken = "garbage"
			s.commit(0, 3)
		}},
		"a failure that names a record outside of the batch is taken for an ack": {[]int{1, 2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).answer(200, retry(0, 9))
			s.commit(0, 3)
		}},
		"a failure that is listed twice is taken for an ack": {[]int{1, 2, 4}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).answer(200, retry(0, 2), retry(0, 2))
			s.commit(0, 2)
			s.take(0, 2, 3)
		}},
		"an end with code 1 excuses its own process only": {[]int{5}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 4).ack()
			s.mark("s/3", Terminated)
			s.mark("s/3", Exited)
			s.run.Marks[1].Code = 1
			s.claim("s/2", 0)
			s.take(0, 0, 4)
		}},
		"a retried record is stored as done": {[]int{1, 2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).answer(200, retry(0, 1))
			s.commit(0, 3)
		}},
		"declared lost, and still in the log": {[]int{1}, func(s *scene) {
			s.run.DataLoss = "earliest"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.start[0] = 3
			s.claimAt("s/1", 0, 4)
			s.event(Event{What: Lost, Offset: 2, Until: 4, Count: 2, Reason: "offset_out_of_range"})
			s.take(0, 4, 6)
			s.lost = 2
		}},

		// I2
		"stored before the ack": {[]int{2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 3)
			s.commit(0, 3)
			d.ack()
		}},
		"stored before the dead letter": {[]int{2}, func(s *scene) {
			s.run.DeadLetter = "topic"
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).answer(200, reject(0, 1))
			s.commit(0, 3)
			s.letter(0, 1)
			s.event(Event{What: DeadLettered, Offset: 1})
		}},
		"an answer that came when the sidecar had gone is taken for an ack": {[]int{2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 3)
			s.wait(15 * sec)
			d.gone()
			d.ack()
			s.commit(0, 3)
		}},
		"what an earlier owner's app took is stored without a delivery": {[]int{2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).ack()
			s.mark("s/1", Killed)
			s.claim("s/2", 0)
			s.commit(0, 3)
		}},

		"stored before the ack, after a first claim whose answer was lost": {[]int{2}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0).Index = 0
			d := s.deliver(0, 0, 3)
			s.commit(0, 3)
			d.ack()
		}},

		// I3
		"an offset goes down": {[]int{3, 5}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 3)
			s.commit(0, 2)
			s.take(0, 2, 4)
		}},
		"a new owner begins lower": {[]int{3, 5, 11}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 3)
			s.claimAt("s/2", 0, 1)
			s.take(0, 1, 4)
		}},
		"a sidecar deletes a key": {[]int{3}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 4)
			w := s.store("s/1", "0", "")
			w.Deleted = true
			s.operator(0, 4)
		}},
		"a key that can't be read is overwritten": {[]int{3}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 4)
			s.store(Operator, "0", "nonsense")
			s.claim("s/1", 0)
		}},

		// I4
		"a later record before an earlier one is acknowledged": {[]int{4}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 2).answer(500)
			s.deliver(0, 2, 4).answer(500)
			s.take(0, 0, 2)
			s.take(0, 2, 4)
		}},
		"after a retry the rest comes without the record": {[]int{4}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 4).answer(200, retry(0, 1))
			s.deliver(0, 2, 4).answer(503)
			s.commit(0, 1)
			s.take(0, 1, 4)
		}},
		"two requests at once": {[]int{4}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 4)
			s.deliver(0, 0, 4).answer(503)
			d.ack()
			s.commit(0, 4)
		}},
		"two requests at once under one fence, whatever is wrong with Kafka": {[]int{4}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			heal := s.fault("cut", "kafka")
			d := s.deliver(0, 0, 4)
			s.deliver(0, 0, 4).answer(503)
			heal()
			d.ack()
			s.commit(0, 4)
		}},
		"two owners at once, both well": {[]int{4}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 4)
			s.claim("s/2", 0)
			s.app = "a/2"
			s.deliver(0, 0, 4).ack()
			d.answer(503)
			s.commit(0, 4)
		}},
		"records out of their range": {[]int{4}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			part := s.part(0, 0, 4)
			part.Until = 5
			s.send(part).ack()
			s.commit(0, 4)
		}},
		"records that do not ascend": {[]int{4}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			part := s.part(0, 0, 3)
			part.Offsets[0], part.Offsets[1] = 1, 0
			part.Digests[0], part.Digests[1] = part.Digests[1], part.Digests[0]
			s.send(part).ack()
			s.commit(0, 3)
		}},
		"a partition twice in a request": {[]int{4}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.send(s.part(0, 0, 2), s.part(0, 2, 4)).ack()
			s.commit(0, 4)
		}},

		// I5
		"acknowledged, and again under the same fence": {[]int{5}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 2).ack()
			s.deliver(0, 0, 4).ack()
			s.commit(0, 4)
		}},
		"again below a commit": {[]int{5}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			d := s.deliver(0, 0, 4)
			d.gone()
			s.take(0, 2, 4)
		}},
		"a clean stop leaves acknowledged records behind": {[]int{5}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 2).ack()
			s.mark("s/1", Terminated)
			s.mark("s/1", Exited)
			s.claim("s/2", 0)
			s.take(0, 0, 4)
		}},
		"a seek after the repeat": {[]int{5}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 2).ack()
			s.wait(60 * sec)
			s.claim("s/2", 0)
			s.take(0, 0, 4)
			s.operator(0, 0)
			s.claim("s/2", 0)
			s.take(0, 0, 4)
		}},
		"a kill long after the ack": {[]int{5}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 2).ack()
			s.wait(60 * sec)
			s.mark("s/1", Killed)
			s.claim("s/2", 0)
			s.take(0, 0, 4)
		}},
		"another batch id for the same ranges": {[]int{5}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 4)
			d.ask().Batch = "0123456789abcdef0123456789abcdef"
			d.ack()
			s.commit(0, 4)
		}},

		// I6
		"a zombie writes after it was replaced": {[]int{6}, func(s *scene) {
			s.produce(0, 4)
			old := s.claim("s/1", 0)
			s.deliver(0, 0, 2).ack()
			s.mark("s/1", Frozen)
			s.claim("s/2", 0)
			s.mark("s/1", Thawed)
			s.deliver(0, 0, 2).ack()
			zombie := s.commit(0, 2)
			zombie.Value, zombie.Writer = replaced(old.Value, `"offset":0`, `"offset":2`), "s/1"
			s.take(0, 2, 4)
		}},
		"a zombie takes the key back without being a member": {[]int{5, 6}, func(s *scene) {
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.mark("s/1", Frozen)
			s.claim("s/2", 0)
			s.app = "a/2"
			s.wait(30 * sec)
			s.mark("s/1", Thawed)
			s.deliver(0, 0, 4).ack()
			next := s.part(0, 4, 6)
			s.claim("s/1", 0)
			s.app = "a/1"
			s.take(0, 0, 4)
			s.app = "a/2"
			s.send(next).answer(503)
			s.app = "a/1"
			s.take(0, 4, 6)
		}},
		"two owners of an epoch": {[]int{6}, func(s *scene) {
			s.produce(0, 2)
			s.claim("s/1", 0)
			s.epoch--
			s.claim("s/2", 0)
			s.take(0, 0, 2)
		}},
		"a process writes as the owner that another one is": {[]int{6}, func(s *scene) {
			s.produce(0, 2)
			s.claim("s/1", 0)
			s.deliver(0, 0, 2).ack()
			s.commit(0, 2).Writer = "s/2"
		}},
		"a lower fence at the app, and its owner is well": {[]int{6}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			old := s.part(0, 0, 2)
			s.claim("s/2", 0)
			s.deliver(0, 0, 2).answer(503)
			s.send(old).answer(503)
			s.take(0, 0, 4)
		}},

		// I7
		"another content": {[]int{7}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			part := s.part(0, 0, 3)
			part.Digests[1] = DigestOf(1, nil, []byte{}, nil)
			s.send(part).ack()
			s.commit(0, 3)
		}},
		"a record that the log does not have": {[]int{7}, func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.take(0, 0, 3)
			s.deliver(0, 3, 4).answer(500)
		}},
		"a record where the log has a marker": {[]int{7}, func(s *scene) {
			s.produce(0, 3)
			s.end[0], s.missing[0] = 5, []int64{3, 4}
			s.claim("s/1", 0)
			s.deliver(0, 0, 4).ack()
			s.commit(0, 5)
		}},
		"an aborted record": {[]int{7}, func(s *scene) {
			s.produce(0, 3)
			aborted := Records{[]int64{3}, Digests{s.digest(0, 3)}}
			s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: "id-1", End: 5, Aborted: aborted})
			s.end[0], s.missing[0] = 5, []int64{3, 4}
			s.claim("s/1", 0)
			s.deliver(0, 0, 4).ack()
			s.commit(0, 5)
		}},
		"a dead letter with another content": {[]int{7}, func(s *scene) {
			s.run.DeadLetter = "topic"
			s.produce(0, 1)
			s.claim("s/1", 0)
			s.deliver(0, 0, 1).answer(200, reject(0, 0))
			s.letter(0, 0)
			s.run.Letters[0].Digest = Digest{}
			s.event(Event{What: DeadLettered, Offset: 0})
			s.commit(0, 1)
		}},

		// I8
		"never caught up": {[]int{8}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 3)
		}},
		"a key was never written": {[]int{8}, func(s *scene) {
			s.produce(0, 4)
		}},
		"too late after a heal": {[]int{8}, func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.fault("hang", "app")()
			s.wait(31 * sec)
			s.take(0, 0, 4)
		}},
		"two hold a partition": {[]int{8}, func(s *scene) {
			s.claim("s/1", 0)
			s.run.Samples = append(s.run.Samples, Sample{Proc: "s/2", Time: s.tick(), Held: []Place{{"orders", 0}}})
		}},
		"nobody holds a partition": {[]int{8}, func(s *scene) {
			s.claim("s/1", 0)
			s.mark("s/1", Killed)
		}},
		"an idle sidecar spins": {[]int{8}, func(s *scene) {
			s.claim("s/1", 0)
			s.run.Bounds.IdleCPU, s.run.IdleFrom = 0.1, s.now
			s.run.Samples = append(s.run.Samples, Sample{Proc: "s/1", Time: s.tick(), CPU: 1})
			s.wait(10 * sec)
			s.run.Samples = append(s.run.Samples, Sample{Proc: "s/1", Time: s.tick(), CPU: 3})
			s.run.IdleUntil = s.now
		}},

		// I9
		"memory":      {[]int{9}, bound(Bounds{Memory: 10}, Sample{Memory: 11})},
		"goroutines":  {[]int{9}, bound(Bounds{Goroutines: 10}, Sample{Goroutines: 11})},
		"files":       {[]int{9}, bound(Bounds{Files: 10}, Sample{Files: 11})},
		"connections": {[]int{9}, bound(Bounds{Connections: 10}, Sample{Connections: 11})},

		// I10
		"an added partition begins at its end": {[]int{10}, func(s *scene) {
			s.claim("s/1", 0)
			s.partitions = 2
			s.produce(1, 3)
			s.document("s/1", 2, map[int32]int64{0: 0})
			s.claimAt("s/1", 1, 3)
		}},
		"an added partition is delivered before its key stands": {[]int{10}, func(s *scene) {
			s.claim("s/1", 0)
			s.partitions = 2
			s.produce(1, 3)
			s.document("s/1", 2, map[int32]int64{0: 0})
			s.epoch++
			s.stored[1] = entry{epoch: s.epoch + 1}
			d := s.deliver(1, 0, 3)
			s.claim("s/1", 1)
			d.ack()
			s.commit(1, 3)
		}},

		// I11
		"a loss without a word": {[]int{1, 2, 11}, func(s *scene) {
			s.run.DataLoss = "latest"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.claimAt("s/1", 0, 4)
			s.take(0, 4, 6)
		}},
		"a loss that is not counted": {[]int{11}, func(s *scene) {
			s.run.DataLoss = "latest"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.claimAt("s/1", 0, 4)
			s.event(Event{What: Lost, Offset: 2, Until: 4, Count: 2, Reason: "offset_out_of_range"})
			s.take(0, 4, 6)
			s.wait(2 * sec)
		}},
		"a loss that was declared from elsewhere": {[]int{1, 2, 11}, func(s *scene) {
			s.run.DataLoss = "latest"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.claimAt("s/1", 0, 4)
			s.event(Event{What: Lost, Offset: 3, Until: 4, Count: 1, Reason: "offset_out_of_range"})
			s.take(0, 4, 6)
		}},
		"a loss with a wrong count": {[]int{11}, func(s *scene) {
			s.run.DataLoss = "latest"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.claimAt("s/1", 0, 4)
			s.event(Event{What: Lost, Offset: 0, Until: 4, Count: 3, Reason: "offset_out_of_range"})
			s.take(0, 4, 6)
			s.lost = 4
		}},
		"a dead letter without a word": {[]int{11}, func(s *scene) {
			s.run.DeadLetter = "topic"
			s.produce(0, 1)
			s.claim("s/1", 0)
			s.deliver(0, 0, 1).answer(200, reject(0, 0))
			s.letter(0, 0)
			s.commit(0, 1)
		}},
		"blocked in the status without a word": {[]int{11}, func(s *scene) {
			s.claim("s/1", 0)
			s.blocked("poison", "")
		}},
		"blocked, and the metrics do not show it": {[]int{11}, func(s *scene) {
			s.claim("s/1", 0)
			s.event(Event{What: Blocked, Reason: "poison"})
			s.wait(2 * sec)
			s.blocked("poison", "")
			s.wait(2 * sec)
			s.event(Event{What: Unblocked})
		}},
		"blocked with another reason in the status": {[]int{11}, func(s *scene) {
			s.claim("s/1", 0)
			s.event(Event{What: Blocked, Reason: "poison"})
			s.wait(2 * sec)
			s.blocked("fenced", "poison")
			s.wait(2 * sec)
			s.event(Event{What: Unblocked})
		}},
		"a topic's baseline is replaced without a word": {[]int{11}, func(s *scene) {
			s.run.Recreated = "earliest"
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 4)
			s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: "id-1", End: 4, Deleted: s.tick(), Records: s.records(0, 0, 4)})
			s.topicID, s.end[0] = "id-2", 0
			s.document("s/1", 1, map[int32]int64{0: 0})
			s.claimAt("s/1", 0, 0)
		}},

		// I12
		"the document is never written": {[]int{12}, func(s *scene) {
			s.run.Writes = nil
			s.produce(0, 2)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
		}},
		"the document comes after the first delivery": {[]int{12}, func(s *scene) {
			s.run.Writes = nil
			s.produce(0, 2)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.document("s/1", 1, map[int32]int64{0: 0})
		}},
		"the baseline lacks a partition": {[]int{12}, func(s *scene) {
			s.run.Writes = nil
			s.document("s/1", 2, map[int32]int64{0: 0})
			s.produce(0, 2)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
		}},
		"a fence that was never written": {[]int{12}, func(s *scene) {
			s.produce(0, 2)
			s.claim("s/1", 0)
			part := s.part(0, 0, 2)
			part.Fence++
			s.send(part).answer(503)
			s.epoch++
			s.claim("s/1", 0)
			s.take(0, 0, 2)
		}},
		"a partition begins above its baseline": {[]int{12}, func(s *scene) {
			s.produce(0, 4)
			s.claimAt("s/1", 0, 2)
			s.take(0, 2, 4)
		}},
		"earliest begins above the first record": {[]int{12}, func(s *scene) {
			s.run.Writes = nil
			s.produce(0, 4)
			s.document("s/1", 1, map[int32]int64{0: 2})
			s.claimAt("s/1", 0, 2)
			s.take(0, 2, 4)
		}},
		"latest is resolved anew after it was written": {[]int{12}, func(s *scene) {
			s.run.Start, s.run.Writes = "latest", nil
			doc := *s.document("s/1", 1, map[int32]int64{0: 2})
			s.produce(0, 4)
			s.run.Writes[0] = doc
			s.claimAt("s/1", 0, 2)
			s.take(0, 2, 4)
		}},
		"the baseline changes": {[]int{12}, func(s *scene) {
			s.claim("s/1", 0)
			s.document("s/1", 1, map[int32]int64{0: 1})
		}},
		"fewer partitions": {[]int{12}, func(s *scene) {
			s.claim("s/1", 0)
			s.document("s/1", 0, map[int32]int64{0: 0})
		}},
		"a recreated topic is taken on although the policy is block": {[]int{12}, func(s *scene) {
			s.produce(0, 1)
			s.claim("s/1", 0)
			s.take(0, 0, 1)
			s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: "id-1", End: 1, Deleted: s.tick(), Records: s.records(0, 0, 1)})
			s.topicID, s.end[0] = "id-2", 0
			s.document("s/1", 1, map[int32]int64{0: 0})
			s.event(Event{What: Recreated, Partition: -1})
			s.claimAt("s/1", 0, 0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 1)
			test.play(s)
			v := broken(t, s.finish(), test.invariants...)
			require.False(t, v.OK())
		})
	}
}

// bound is a scene with one sample.
func bound(b Bounds, sample Sample) func(s *scene) {
	return func(s *scene) {
		s.claim("s/1", 0)
		s.run.Bounds = b
		sample.Proc, sample.Time = "s/1", s.tick()
		s.run.Samples = append(s.run.Samples, sample)
	}
}

func TestContradictions(t *testing.T) {
	for name, test := range map[string]struct {
		says string
		play func(s *scene)
	}{
		"two contents": {"two contents", func(s *scene) {
			s.produce(0, 2)
			s.run.Produced[0].Digests[1] = Digest{}
		}},
		"the brokers lost a record": {"did not find it", func(s *scene) {
			s.produce(0, 2)
			s.missing[0] = []int64{1}
		}},
		"a write past the proxy": {"nobody wrote through the proxy", func(s *scene) {
			s.claim("s/1", 0).Seen = true
		}},
		"an operator's write that nobody is sure of": {"a test has to make sure of it", func(s *scene) {
			s.claim("s/1", 0)
			s.operator(0, 0).Index = 0
		}},
		"one index twice": {"two writes have the index", func(s *scene) {
			s.claim("s/1", 0)
			s.index--
			s.claim("s/1", 0)
		}},
		"an aborted record was logged as produced": {"was aborted", func(s *scene) {
			s.produce(0, 1)
			s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: "id-1", End: 1, Aborted: s.records(0, 0, 1)})
			s.missing[0] = []int64{0}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 1)
			test.play(s)
			v := judged(t, s.finish())
			require.NotEmpty(t, v.Contradictions)
			require.Contains(t, v.Contradictions[0], test.says)
		})
	}
}
