package oracle

import "testing"

// What is allowed. Each scene ends with everything consumed.
func TestGoodRuns(t *testing.T) {
	for name, play := range map[string]func(s *scene){
		"plain": func(s *scene) {
			s.produce(0, 10)
			s.claim("s/1", 0)
			s.take(0, 0, 5)
			s.take(0, 5, 10)
		},
		"gaps of control records": func(s *scene) {
			s.produce(0, 4)
			s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: "id-1", End: 6, Aborted: Records{[]int64{4}, Digests{{9}}}})
			s.end[0] = 6
			s.missing[0] = []int64{4, 5}
			s.claim("s/1", 0)
			s.take(0, 0, 4)
			s.commit(0, 6)
		},
		"retry and reject": func(s *scene) {
			s.run.DeadLetter = "topic"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.deliver(0, 0, 6).answer(200, reject(0, 1), retry(0, 3), reject(0, 4))
			s.letter(0, 1)
			s.event(Event{What: DeadLettered, Offset: 1})
			s.commit(0, 3)
			s.deliver(0, 3, 6).ack()
			s.commit(0, 6)
		},
		"a rejected record blocks, later ones come again, an operator skips it": func(s *scene) {
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.deliver(0, 0, 6).answer(200, reject(0, 3))
			s.commit(0, 3)
			s.event(Event{What: Blocked, Reason: "poison"})
			s.deliver(0, 3, 6).answer(200, reject(0, 3))
			s.operator(0, 4)
			s.event(Event{What: Unblocked})
			s.claim("s/1", 0)
			s.take(0, 4, 6)
		},
		"dropped by the policy": func(s *scene) {
			s.run.DeadLetter = "drop"
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.deliver(0, 0, 3).answer(200, reject(0, 1))
			s.event(Event{What: Dropped, Offset: 1})
			s.commit(0, 3)
		},
		"a kill between ack and commit": func(s *scene) {
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 3)
			s.deliver(0, 3, 5).ack()
			heal := s.fault("kill", "sidecar")
			s.mark("s/1", Killed)
			s.claim("s/2", 0)
			heal()
			s.take(0, 3, 6)
		},
		"an app that dies between work and ack": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 4)
			s.mark("a/1", Killed)
			s.app = "a/2"
			s.take(0, 0, 4)
		},
		"an app that kills itself, and a clean rebalance before anybody has noticed": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 4)
			s.claim("s/2", 0)
			s.app = "a/2"
			s.deliver(0, 0, 4).ack()
			s.wait(5 * sec)
			s.mark("a/1", Exited)
			s.run.Marks[0].Code = -1
			s.commit(0, 4)
		},
		"a time-out, and the app works on": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			slow := s.deliver(0, 0, 4)
			s.wait(15 * sec)
			slow.gone()
			d := s.deliver(0, 0, 4)
			slow.ack()
			d.answer(503)
			s.take(0, 0, 4)
		},
		"an operator's edit of one partition cuts the request of two": func(s *scene) {
			s.produce(0, 4)
			s.produce(1, 4)
			s.claim("s/1", 0)
			s.claim("s/1", 1)
			d := s.send(s.part(0, 0, 2), s.part(1, 0, 2))
			s.operator(0, 2)
			d.ack()
			s.claim("s/1", 0)
			s.take(1, 0, 4)
			s.take(0, 2, 4)
		},
		"a frozen owner is replaced while its request is handled, and learns of it": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.mark("s/1", Frozen)
			old := s.deliver(0, 0, 4)
			s.claim("s/2", 0)
			s.app = "a/2"
			d := s.deliver(0, 0, 4)
			old.ack()
			s.mark("s/1", Thawed)
			s.app = "a/1"
			d.ack()
			s.commit(0, 4)
		},
		"a frozen app reads what waited in its sockets": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 2)
			s.mark("a/1", Frozen)
			s.wait(20 * sec)
			s.mark("a/1", Thawed)
			again := s.deliver(0, 0, 2)
			d.ack()
			again.ack()
			s.commit(0, 2)
			s.wait(2 * sec)
			s.take(0, 2, 4)
		},
		"garbage is no ack": func(s *scene) {
			s.produce(0, 2)
			s.claim("s/1", 0)
			s.deliver(0, 0, 2).answer(200).Broken = "garbage"
			s.deliver(0, 0, 2).answer(200, retry(0, 7))
			s.deliver(0, 0, 2).answer(500)
			s.take(0, 0, 2)
		},
		"retention passes the offset": func(s *scene) {
			s.run.DataLoss = "earliest"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.start[0] = 4
			s.claimAt("s/1", 0, 4)
			s.event(Event{What: Lost, Offset: 2, Until: 4, Count: 2, Reason: "offset_out_of_range"})
			s.take(0, 4, 6)
			s.lost = 2
		},
		"an operator seeks back and forth": func(s *scene) {
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 4)
			s.wait(100 * sec)
			s.operator(0, 1)
			s.claim("s/1", 0)
			s.take(0, 1, 2)
			s.operator(0, 5)
			s.claim("s/1", 0)
			s.take(0, 5, 6)
		},
		"a partition is added": func(s *scene) {
			s.claim("s/1", 0)
			s.partitions = 2
			s.produce(1, 3)
			s.document("s/1", 2, map[int32]int64{0: 0})
			s.claim("s/1", 1)
			s.take(1, 0, 3)
		},
		"compaction": func(s *scene) {
			s.run.Topics[0].Compacted = true
			s.produce(0, 5)
			s.missing[0] = []int64{1, 2}
			s.claim("s/1", 0)
			part := s.part(0, 0, 5)
			part.Records = Records{[]int64{0, 3, 4}, Digests{s.digest(0, 0), s.digest(0, 3), s.digest(0, 4)}}
			s.send(part).ack()
			s.commit(0, 5)
		},
		"a write whose answer was lost": func(s *scene) {
			s.produce(0, 4)
			heal := s.fault("answer lost", "consul")
			w := s.claim("s/1", 0)
			seen := *w
			w.Index = 0
			seen.Writer, seen.Seen, seen.Done = "", true, s.tick()
			s.run.Writes = append(s.run.Writes, seen)
			s.take(0, 0, 2)
			s.commit(0, 2).Index = 0 // applied or not, nobody saw it
			heal()
			s.take(0, 2, 4)
		},
		"a first claim whose answer was lost, overwritten before anybody looked": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0).Index = 0
			s.take(0, 0, 2)
			s.take(0, 2, 4)
		},
		"a claim that declared a loss, and its answer was lost": func(s *scene) {
			s.run.DataLoss = "earliest"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.start[0] = 4
			s.claimAt("s/1", 0, 4).Index = 0
			s.event(Event{What: Lost, Offset: 2, Until: 4, Count: 2, Reason: "offset_out_of_range"})
			s.take(0, 4, 6)
			s.lost = 2
		},
		"a topic is recreated": func(s *scene) {
			s.run.Recreated = "earliest"
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 3)
			s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: "id-1", Start: 0, End: 4, Deleted: s.tick(), Records: s.records(0, 0, 4)})
			s.topicID, s.end[0] = "id-2", 0
			s.produce(0, 2)
			s.document("s/1", 1, map[int32]int64{0: 0})
			s.event(Event{What: Recreated, Partition: -1})
			s.claimAt("s/1", 0, 0)
			s.take(0, 0, 2)
		},
		"a block is seen everywhere": func(s *scene) {
			s.produce(0, 1)
			s.claim("s/1", 0)
			s.event(Event{What: Blocked, Reason: "app_failing"})
			s.wait(3 * sec)
			s.blocked("app_failing", "app_failing")
			s.wait(3 * sec)
			s.event(Event{What: Unblocked})
			s.take(0, 0, 1)
		},
		"Consul is away for long, then a kill": func(s *scene) {
			s.produce(0, 9)
			s.claim("s/1", 0)
			heal := s.fault("outage", "consul")
			s.deliver(0, 0, 3).ack()
			s.wait(300 * sec)
			s.deliver(0, 3, 9).ack()
			s.mark("s/1", Killed)
			heal()
			s.claim("s/2", 0)
			s.take(0, 0, 9)
		},
		"an owner that is cut off from Kafka works beside its successor": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			heal := s.fault("cut", "kafka")
			s.wait(5 * sec)
			d := s.deliver(0, 0, 2)
			old := s.part(0, 2, 4)
			s.claim("s/2", 0)
			s.app = "a/2"
			e := s.deliver(0, 0, 4)
			s.app = "a/1"
			d.ack()
			s.send(old).ack()
			heal()
			e.ack()
			s.commit(0, 4)
		},
		"a revoke that cuts its request, and the next owner comes before the app has noticed": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 4)
			s.claim("s/2", 0)
			s.app = "a/2"
			e := s.deliver(0, 0, 4)
			d.gone()
			d.ack()
			e.ack()
			s.commit(0, 4)
		},
		"a topic that did not exist at the start": func(s *scene) {
			s.run.Writes, s.run.Start = nil, "latest"
			s.topicID = ""
			s.document("s/1", 0, nil)
			s.topicID = "id-1"
			s.produce(0, 3)
			s.document("s/1", 1, nil)
			s.claim("s/1", 0)
			s.take(0, 0, 3)
		},
		"a person's wish that a sidecar carries out": func(s *scene) {
			s.produce(0, 3)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.operator(0, 3).Writer = "s/1"
			s.claim("s/1", 0)
		},
		"a loss that a sidecar was killed before it could tell": func(s *scene) {
			s.run.DataLoss = "earliest"
			s.produce(0, 6)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.start[0] = 4
			s.claimAt("s/1", 0, 4)
			s.mark("s/1", Killed)
			s.claim("s/2", 0)
			s.take(0, 4, 6)
		},
		"retention passes the baseline before the first claim": func(s *scene) {
			s.run.DataLoss = "earliest"
			s.produce(0, 6)
			s.start[0] = 2
			s.claimAt("s/1", 0, 2)
			s.event(Event{What: Lost, Offset: 0, Until: 2, Count: 2, Reason: "offset_out_of_range"})
			s.take(0, 2, 6)
			s.lost = 2
		},
		"both requests that waited in a frozen app's sockets are read": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.mark("a/1", Frozen)
			s.wait(40 * sec)
			s.mark("a/1", Thawed)
			d, e := s.deliver(0, 0, 4), s.deliver(0, 0, 4)
			e.ack()
			d.ack()
			s.commit(0, 4)
		},
		"a request from before the freeze is read after the commit": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.mark("a/1", Frozen)
			s.wait(40 * sec)
			s.mark("a/1", Thawed)
			s.take(0, 0, 4)
			s.deliver(0, 0, 4).answer(503)
		},
		"a request is dead when the app reads it": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 4)
			s.deliver(0, 0, 4).gone()
			d.ack()
			s.commit(0, 4)
		},
		"a time-out that the app never notices": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 4)
			s.wait(15 * sec)
			e := s.deliver(0, 0, 4)
			d.ack()
			e.answer(503)
			s.take(0, 0, 4)
		},
		"an app is frozen and can't see its request cut by a rebalance": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 4)
			s.mark("a/1", Frozen)
			s.claim("s/2", 0)
			s.app = "a/2"
			e := s.deliver(0, 0, 4)
			s.mark("a/1", Thawed)
			d.ack()
			e.ack()
			s.commit(0, 4)
		},
		"the connection breaks under the answer": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			d := s.deliver(0, 0, 4)
			d.ack()
			d.gone()
			s.take(0, 0, 4)
		},
		"acknowledged by an owner that Kafka has replaced": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			heal := s.fault("cut", "kafka")
			s.deliver(0, 0, 4).ack()
			s.claim("s/2", 0)
			heal()
			s.take(0, 0, 4)
		},
		"Consul's answer comes after the sidecar has read the key back": func(s *scene) {
			s.produce(0, 4)
			heal := s.fault("slow", "consul")
			w := s.claim("s/1", 0)
			w.Done = s.now + sec
			s.take(0, 0, 4)
			heal()
		},
		"aborted records for who reads uncommitted": func(s *scene) {
			s.run.Isolation = "read_uncommitted"
			s.produce(0, 3)
			aborted := Records{[]int64{3}, Digests{s.digest(0, 3)}}
			s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: "id-1", End: 5, Aborted: aborted})
			s.end[0], s.missing[0] = 5, []int64{3, 4}
			s.claim("s/1", 0)
			s.deliver(0, 0, 4).ack()
			s.commit(0, 5)
		},
		"a fault begins before the last one is recovered from": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.fault("kill", "sidecar")()
			s.wait(5 * sec)
			heal := s.fault("outage", "consul")
			s.wait(60 * sec)
			heal()
			s.take(0, 0, 4)
		},
		"a topic is deleted with records in it": func(s *scene) {
			s.run.Recreated = "earliest"
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.fault("deletion", "kafka")()
			s.run.Content = append(s.run.Content, Content{Topic: "orders", TopicID: "id-1", End: 4, Deleted: s.tick(), Records: s.records(0, 0, 4)})
			s.topicID, s.end[0] = "id-2", 0
			s.document("s/1", 1, map[int32]int64{0: 0})
			s.mark("s/1", Killed) // before it could tell
			s.claimAt("s/2", 0, 0)
			s.wait(60 * sec)
		},
		"a stop whose grace ran out before the final commit": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.deliver(0, 0, 4).ack()
			s.mark("s/1", Terminated)
			s.wait(25 * sec)
			s.mark("s/1", Exited)
			s.run.Marks[1].Code = 1
			s.claim("s/2", 0)
			s.take(0, 0, 4)
		},
		"a dead letter that a sidecar was killed before it could tell": func(s *scene) {
			s.run.DeadLetter = "topic"
			s.produce(0, 1)
			s.claim("s/1", 0)
			s.deliver(0, 0, 1).answer(200, reject(0, 0))
			s.letter(0, 0)
			s.mark("s/1", Killed)
			s.claim("s/2", 0)
			s.take(0, 0, 1)
		},
		"a clean stop": func(s *scene) {
			s.produce(0, 4)
			s.claim("s/1", 0)
			s.take(0, 0, 2)
			s.mark("s/1", Terminated)
			s.mark("s/1", Exited)
			s.claim("s/2", 0)
			s.take(0, 2, 4)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, 1)
			play(s)
			good(t, s.finish())
		})
	}
}

// blocked is a sample with partition 0 blocked by the status and by the metrics; "" = not.
func (s *scene) blocked(status, metric string) {
	sample := Sample{Proc: "s/1", Time: s.tick()}
	if status != "" {
		sample.Blocked = []Block{{Place{"orders", 0}, status}}
	}
	if metric != "" {
		sample.MetricBlocked = []Block{{Place{"orders", 0}, metric}}
	}
	s.run.Samples = append(s.run.Samples, sample)
}

// What is seen of the sidecars while they are stopped after the run does not count.
func TestSamplesAfterTheEndDoNotCount(t *testing.T) {
	s := newScene(t, 1)
	s.claim("s/1", 0)
	r := s.finish()
	r.Samples = append(r.Samples, Sample{Proc: "s/1", Time: s.tick()})
	good(t, r)
}
