package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// deadLetterTopic switches the policy topic on.
func (r *rig) deadLetterTopic() {
	r.cfg.DeadLetterPolicy = "topic"
	r.kafka.topic("orders.dead", "id-d", 1)
}

func (r *rig) wantLetters(want ...string) {
	r.Helper()
	if got := r.letters.offsets(); !slices.Equal(got, want) {
		r.Errorf("dead-lettered %v, want %v", got, want)
	}
}

// After max_attempts the batch is halved until the record that fails stands alone; what is proved good
// is acknowledged on the way, and a half that fails once is halved at once.
func TestHalvingFindsTheRecord(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.cfg.MaxAttempts = 3
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 8)
		r.app.answers(poisoned("orders/0", 5, status(record.Failed, "500")))
		r.run()
		r.pass(30 * time.Second)
		if got := r.sent()[:9]; !slices.Equal(got, []string{
			"1 orders/0[0,8)", "2 orders/0[0,8)", "3 orders/0[0,8)", // the same again
			"4 orders/0[0,4)",                    // a half: good
			"1 orders/0[4,8)", "2 orders/0[4,6)", // the other fails once, is halved at once
			"3 orders/0[4,5)",                    // good
			"1 orders/0[5,6)", "2 orders/0[5,6)", // alone
		}) {
			r.Errorf("sent\n\t%s", strings.Join(got, "\n\t"))
		}
	})
}

// 400, 413 and 422 are halved at once.
func TestRefusedIsHalvedAtOnce(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 4)
		r.app.answers(poisoned("orders/0", 3, status(record.Refused, "400")))
		r.start()
		r.pass(50 * time.Millisecond)
		r.wantSent("1 orders/0[0,4)", "2 orders/0[0,2)", "1 orders/0[2,4)", "2 orders/0[2,3)", "1 orders/0[3,4)")
	})
}

// A lone record that failed max_attempts times is condemned when the app acknowledged another record
// between its last two failures, and not before it failed again after that.
func TestCondemnedAfterAckBetween(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.cfg.MaxAttempts = 3
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 1)
		r.app.answers(poisoned("orders/0", 0, status(record.Failed, "500")))
		r.run()
		r.pass(time.Minute)
		r.wantLetters()
		r.wantReasons("app_failing")
		r.kafka.produce("orders/1", 1)
		r.pass(31 * time.Second)
		r.wantLetters("orders/0:0")
		r.wantReasons()
		r.pass(2 * time.Second)
		r.wantCommitted("orders/0", 1)
	})
}

// With max_attempts 1 the evidence is the same: the record failed, then another answer acknowledged a record,
// then it failed again. What the answer acknowledges that names the record is no evidence, nor is an ack from
// before the record failed for the first time.
func TestOneAttemptNeedsEvidenceToo(t *testing.T) {
	fails := status(record.Failed, "500")
	for name, c := range map[string]struct {
		produce map[string]int
		answer  func(a attempt) record.Outcome
		letters []string
	}{
		"the batch's last record is named": {
			map[string]int{"orders/0": 3},
			func(a attempt) record.Outcome {
				if a.holds("orders/0", 2) {
					return ack(retry("orders/0", 2))
				}
				return ack()
			}, nil,
		},
		"another partition is acknowledged by the same answer, before it": {
			map[string]int{"orders/0": 1, "orders/1": 1},
			func(a attempt) record.Outcome {
				if a.holds("orders/1", 0) {
					return ack(retry("orders/1", 0))
				}
				return ack()
			}, nil,
		},
		"another partition is acknowledged by the same answer, after it": {
			map[string]int{"orders/0": 1, "orders/1": 1},
			func(a attempt) record.Outcome {
				if a.holds("orders/0", 0) {
					return ack(retry("orders/0", 0))
				}
				return ack()
			}, nil,
		},
		"the half's last record is named": {
			map[string]int{"orders/0": 4},
			func(a attempt) record.Outcome {
				switch {
				case a.holds("orders/0", 3):
					return fails
				case a.holds("orders/0", 1):
					return ack(retry("orders/0", 1))
				}
				return ack()
			}, nil,
		},
		"the batch fails, a half is acknowledged, it fails again": {
			map[string]int{"orders/0": 4},
			func(a attempt) record.Outcome {
				if a.holds("orders/0", 3) {
					return fails
				}
				return ack()
			}, []string{"orders/0:3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.deadLetterTopic()
				r.cfg.MaxAttempts = 1
				r.kafka.topic("orders", "id-1", 2)
				for p, n := range c.produce {
					r.kafka.produce(p, n)
				}
				r.app.answers(func(_ context.Context, a attempt) record.Outcome { return c.answer(a) })
				r.run()
				r.pass(10 * time.Minute)
				r.wantLetters(c.letters...)
			})
		})
	}
}

// An ack from before the record came is no evidence, not even with max_attempts 1.
func TestFirstFailureIsNoEvidence(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.cfg.MaxAttempts = 1
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 1)
		r.run()
		r.app.answers(poisoned("orders/0", 1, status(record.Failed, "500")))
		r.kafka.produce("orders/0", 1)
		r.pass(10 * time.Minute)
		r.wantLetters()
		r.wantReasons("app_failing")
		r.kafka.produce("orders/1", 1)
		r.pass(31 * time.Second)
		r.wantLetters("orders/0:1")
	})
}

// A steady stream of acks condemns a poison record after exactly max_attempts.
func TestCondemnedAfterMaxAttempts(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.cfg.MaxAttempts = 4
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 1)
		r.app.answers(poisoned("orders/0", 0, status(record.Failed, "500")))
		r.start()
		for range 600 {
			r.kafka.produce("orders/1", 1)
			r.pass(50 * time.Millisecond)
		}
		r.wantLetters("orders/0:0")
		n := 0
		for _, a := range r.attempts(0) {
			if a.holds("orders/0", 0) {
				n++
			}
		}
		if n < 4 || n > 5 { // 5: the first held both partitions
			r.Errorf("%d attempts held the record", n)
		}
		if got := header(r.letters.all()[0], "sidecar-attempts"); got != fmt.Sprint(n) {
			r.Errorf("sidecar-attempts %s, want %d", got, n)
		}
	})
}

// With ready_url set, a 2xx of it is evidence; a probe that fails is not.
func TestCondemnedByReadyURL(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.cfg.MaxAttempts, r.cfg.ReadyURLSet = 3, true
		r.kafka.produce("orders/0", 2)
		r.app.answers(poisoned("orders/0", 0, status(record.Failed, "500")))
		r.start()
		r.pass(10 * time.Millisecond)
		r.app.setReady(false)
		r.pass(time.Minute)
		r.wantLetters()
		r.wantReasons("app_failing")
		r.app.setReady(true)
		r.pass(31 * time.Second)
		r.wantLetters("orders/0:0")
		r.pass(2 * time.Second)
		r.wantCommitted("orders/0", 2)
	})
}

// A record whose reading stopped while ready_url was asked is not condemned from memory that is gone.
func TestReadingStopsDuringProbe(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.cfg.MaxAttempts, r.cfg.ReadyURLSet, r.app.probing = 1, true, 5*time.Second
		r.kafka.produce("orders/0", 1)
		r.app.says(status(record.Failed, "500"))
		r.run()
		r.pass(5 * time.Second) // the first attempt has failed, the probe runs
		r.kafka.trim("orders/0", 9)
		r.pass(time.Minute)
		r.wantLetters()
		r.wantState("orders/0", "blocked offset_out_of_range")
	})
}

// Without evidence nothing is ever condemned, however often it fails: the app is at fault.
func TestNeverCondemnedWithoutEvidence(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.kafka.topic("orders", "id-1", 3)
		for _, p := range []string{"orders/0", "orders/1", "orders/2"} {
			r.kafka.produce(p, 20)
		}
		r.app.says(status(record.Failed, "500")) // a broken database behind the app
		r.run()
		r.pass(3 * time.Hour)
		r.wantLetters()
		r.wantReasons("app_failing")
		r.app.says(ack())
		r.pass(time.Minute)
		r.wantReasons()
		for _, p := range []string{"orders/0", "orders/1", "orders/2"} {
			r.wantCommitted(p, 20)
		}
	})
}

// A lone record without evidence is tried at the longest back-off.
func TestAppFailingTriesAtLongestBackoff(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxAttempts = 2
		r.kafka.produce("orders/0", 1)
		r.app.says(status(record.Failed, "timeout"))
		r.run()
		r.pass(10 * time.Minute)
		all := r.attempts(0)
		for i := 3; i < len(all); i++ {
			if wait := all[i].at - all[i-1].at; wait < 30*time.Second || wait > 31*time.Second {
				r.Errorf("attempt %d after %v", i+1, wait)
			}
		}
		r.wantState("orders/0", "backoff app_failing")
	})
}

// After 10 condemned records in a row without an ack between them the partition blocks.
func TestTenCondemnedInARow(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 30)
		r.kafka.produce("orders/1", 1)
		r.app.answers(func(_ context.Context, a attempt) record.Outcome {
			var all []record.Failure
			for _, p := range a.parts {
				for i := range p.Records {
					if p.TopicPartition == tp("orders/0") {
						all = append(all, reject("orders/0", p.Records[i].Offset))
					}
				}
			}
			return ack(all...)
		})
		r.run()
		r.pass(10 * time.Minute)
		if n := len(r.letters.offsets()); n != 10 {
			r.Errorf("%d dead letters", n)
		}
		r.wantState("orders/0", "blocked app_failing")
		r.wantReasons("app_failing")
		r.wantCommitted("orders/0", 10)
		r.wantCommitted("orders/1", 1)
		r.app.says(ack())
		r.pass(time.Minute)
		r.wantReasons()
		r.wantCommitted("orders/0", 30)
	})
}

// Acks between condemned records start the count again.
func TestCondemnedWithAcksBetween(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.kafka.produce("orders/0", 60)
		r.app.answers(func(_ context.Context, a attempt) record.Outcome {
			var odd []record.Failure
			for _, rec := range a.parts[0].Records {
				if rec.Offset%2 == 1 {
					odd = append(odd, reject("orders/0", rec.Offset))
				}
			}
			return ack(odd...)
		})
		r.run()
		r.wantCommitted("orders/0", 60)
		if n := len(r.letters.offsets()); n != 30 {
			r.Errorf("%d dead letters", n)
		}
	})
}

// Policy block: the partition stays blocked with reason poison and is tried at the longest back-off;
// others go on, and what lies before the record is committed.
func TestPolicyBlock(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 5)
		r.app.answers(poisonedByName("orders/0", 2))
		r.run()
		r.wantState("orders/0", "blocked poison")
		r.wantCommitted("orders/0", 2)
		r.kafka.produce("orders/1", 3)
		r.pass(5 * time.Minute)
		r.wantCommitted("orders/1", 3)
		r.wantReasons()
		tries := 0
		for _, a := range r.attempts(1) {
			if a.parts[0].TopicPartition == tp("orders/0") {
				tries++
				if a.String()[2:] != "orders/0[2,3)" && a.String()[3:] != "orders/0[2,3)" {
					r.Errorf("sent %s", a)
				}
			}
		}
		if tries < 9 || tries > 10 {
			r.Errorf("%d tries in 5 min", tries)
		}
		r.app.says(ack())
		r.pass(35 * time.Second)
		r.wantState("orders/0", "idle")
		r.wantCommitted("orders/0", 5)
	})
}

// A record that is condemned after all no longer speaks against the app: the partition is blocked as poison
// and the process is ready again.
func TestPolicyBlockAfterAppFailing(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.MaxAttempts = 3
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 1)
		r.app.answers(poisoned("orders/0", 0, status(record.Failed, "500")))
		r.run()
		r.pass(time.Minute)
		r.wantState("orders/0", "backoff app_failing")
		r.wantReasons("app_failing")
		r.kafka.produce("orders/1", 1)
		r.pass(31 * time.Second)
		r.wantState("orders/0", "blocked poison")
		r.wantReasons()
	})
}

// poisonedByName rejects the record in every batch that holds it.
func poisonedByName(name string, offset int64) func(context.Context, attempt) record.Outcome {
	return func(_ context.Context, a attempt) record.Outcome {
		if a.holds(name, offset) {
			return ack(reject(name, offset))
		}
		return ack()
	}
}

// Policy drop: counted, one warning with topic, partition and offset.
func TestPolicyDrop(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.DeadLetterPolicy = "drop"
		r.kafka.produce("orders/0", 5)
		r.app.answers(poisonedByName("orders/0", 2))
		r.run()
		r.wantSent("1 orders/0[0,5)")
		r.wantCommitted("orders/0", 5)
		if r.metric("sidecar_dead_letters_total", "orders", "drop") != 1 || r.metric("sidecar_records_acked_total") != 4 {
			r.Errorf("dropped %v, acked %v", r.metric("sidecar_dead_letters_total"), r.metric("sidecar_records_acked_total"))
		}
		if n := strings.Count(r.logs.String(), `"partition":0,"offset":2,"status":"rejected","reason":"unknown customer"`); n != 1 {
			r.Errorf("%d warnings", n)
		}
	})
}

// Policy topic: the record unchanged, its headers first, then ours; the offset moves after the brokers have it.
func TestDeadLetter(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.kafka.produce("orders/0", 3)
		r.kafka.log("orders/0", func(l *kafkaLog) {
			l.records[1].Headers = []record.Header{{Name: "source", Value: []byte("web")}, {Name: "none"}, {Name: "sidecar-topic", Value: []byte("theirs")}}
		})
		r.app.answers(poisonedByName("orders/0", 1))
		r.run()
		r.wantSent("1 orders/0[0,3)")
		r.wantCommitted("orders/0", 3)
		d := r.letters.all()[0]
		var got []string
		for _, h := range d.Headers {
			got = append(got, h.Name+"="+string(h.Value))
		}
		want := []string{
			"source=web", "none=", "sidecar-topic=theirs",
			"sidecar-topic=orders", "sidecar-partition=0", "sidecar-offset=1", "sidecar-timestamp=1001", "sidecar-group=billing",
			"sidecar-attempts=1", "sidecar-status=rejected", "sidecar-reason=unknown customer",
		}
		if !slices.Equal(got, want) || d.Headers[1].Value != nil {
			r.Errorf("headers %q", got)
		}
		if d.Topic != "orders.dead" || string(d.Key) != "k" || string(d.Value) != "orders/0:1" {
			r.Errorf("letter %s %s %s", d.Topic, d.Key, d.Value)
		}
	})
}

// A produce that fails blocks the partition; when the brokers take it the partition goes on, and the
// record is not delivered again.
func TestDeadLetterProduceFails(t *testing.T) {
	scenario(t, func(r *rig) {
		r.deadLetterTopic()
		r.kafka.produce("orders/0", 5)
		r.app.answers(poisonedByName("orders/0", 2))
		r.letters.setFail(errors.New("topic authorization failed"))
		r.run()
		r.wantState("orders/0", "blocked dead_letter")
		r.wantCommitted("orders/0", 2)
		r.pass(2 * time.Minute)
		r.wantSent("1 orders/0[0,5)")
		r.letters.setFail(nil)
		r.pass(35 * time.Second)
		r.wantLetters("orders/0:2")
		r.wantSent("1 orders/0[0,5)", "1 orders/0[3,5)")
		r.wantCommitted("orders/0", 5)
		r.wantState("orders/0", "idle")
	})
}

// With policy topic the dead-letter topic must exist.
func TestDeadLetterTopicMissing(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.DeadLetterPolicy = "topic"
		r.run()
		r.wantReasons("dead_letter")
		r.kafka.topic("orders.dead", "id-d", 1)
		r.pass(12 * time.Second)
		r.wantReasons()
	})
}

// A partition that is blocked or waits long gives its records and memory up and reads them again.
func TestBlockedGivesMemoryUp(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 40, 1000)
		r.app.answers(poisonedByName("orders/0", 2))
		r.run()
		r.wantState("orders/0", "blocked poison")
		if s := r.status(); s.Memory.Used != 0 {
			r.Errorf("%d bytes are kept", s.Memory.Used)
		}
		r.app.says(status(record.Busy, "503"))
		r.pass(40 * time.Second)
		r.app.says(record.Outcome{Kind: record.Busy, RetryAfter: time.Minute})
		r.pass(2 * time.Minute)
		if s := r.status(); s.Memory.Used != 0 {
			r.Errorf("%d bytes are kept during a long wait", s.Memory.Used)
		}
	})
}
