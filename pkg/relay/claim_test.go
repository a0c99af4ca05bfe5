package relay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// A claim reads the key, compares it with the log, proves the membership and takes the key, in this order.
func TestClaimOrder(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		if got := r.order.String(); got != "topic offsets cas read bounds proof cas" {
			r.Errorf("the outside was asked: %s", got)
		}
		doc := r.stored("orders/0")
		if owner := doc["owner"].(string); !strings.HasPrefix(owner, "pod-1/") || len(owner) != len("pod-1/")+16 {
			r.Errorf("owner %q", owner)
		}
		if epoch := doc["epoch"].(float64); epoch != float64(time.Now().Unix()-2) {
			r.Errorf("epoch %v is not the Unix time of the claim", epoch)
		}
		commits, _ := r.group.history()
		if got := commits[0][tp("orders/0")]; got != (record.Position{Offset: 0, LeaderEpoch: -1}) {
			r.Errorf("proved with %v", got)
		}
	})
}

// A refused proof is tried again for as long as the partition is assigned; nothing is delivered before.
func TestClaimProofRefused(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 1)
		r.group.refuse = errors.New("unknown member")
		r.run()
		r.wantSent()
		r.wantCommitted("orders/0", -1)
		r.group.setRefuse(nil)
		r.pass(30 * time.Second)
		r.wantSent("1 orders/0[0,1)")
	})
}

// A lost race for the key starts again from the read, above the winner's epoch.
func TestClaimCASLost(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		once := true
		r.store.Before(func(_ context.Context, op offsetstest.Op) error {
			if once && len(op.Write) == 1 && op.Write[0].Entry != nil {
				once = false
				r.entry("orders/0", 2, "pod-2/0123456789abcdef", "")
			}
			return nil
		})
		r.run()
		r.wantSent("1 orders/0[2,5)")
		if fence := r.attempts(0)[0].parts[0].Fence; fence != 5000000001 {
			r.Errorf("fence %d is not above the winner's epoch", fence)
		}
	})
}

// In a group a key that another owner wrote is claimed again, from its offset and with a higher epoch.
func TestFencedInGroupClaimsAgain(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.entry("orders/0", 3, "pod-2/0123456789abcdef", "")
		r.kafka.produce("orders/0", 1)
		r.pass(5 * time.Second)
		r.wantSent("1 orders/0[0,5)", "1 orders/0[5,6)", "1 orders/0[3,6)")
		r.wantCommitted("orders/0", 6)
		if fence := r.attempts(2)[0].parts[0].Fence; fence != 5000000001 || r.metric("sidecar_fenced_total") != 1 {
			r.Errorf("fence %d, fenced %v times", fence, r.metric("sidecar_fenced_total"))
		}
	})
}

// A zombie fails the proof and so can't steal the key back.
func TestFencedZombieDoesNotSteal(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 5)
		r.run()
		r.group.setRefuse(errors.New("illegal generation"))
		r.entry("orders/0", 3, "pod-2/0123456789abcdef", "")
		r.kafka.produce("orders/0", 1)
		r.pass(time.Minute)
		r.wantCommitted("orders/0", 3)
		if owner := r.stored("orders/0")["owner"]; owner != "pod-2/0123456789abcdef" {
			r.Errorf("owner is %v", owner)
		}
	})
}

// Without a group there is no proof: the partition stays blocked and names the owner.
func TestFencedWithoutGroupBlocks(t *testing.T) {
	scenario(t, func(r *rig) {
		r.group, r.cfg.Assignment.Mode = nil, "all"
		r.kafka.produce("orders/0", 5)
		r.run()
		r.entry("orders/0", 3, "pod-2/0123456789abcdef", "")
		r.kafka.produce("orders/0", 1)
		r.pass(5 * time.Minute)
		r.wantState("orders/0", "fenced fenced")
		if p := r.part("orders/0"); !strings.Contains(p.LastError, "pod-2/0123456789abcdef") {
			r.Errorf("last error %q", p.LastError)
		}
		r.wantCommitted("orders/0", 3)
	})
}

// An operator's write is followed, with or without a group.
func TestOperatorMovesOffset(t *testing.T) {
	scenario(t, func(r *rig) {
		r.group, r.cfg.Assignment.Mode = nil, "all"
		r.kafka.produce("orders/0", 5)
		r.run()
		r.entry("orders/0", 1, "operator/anna", "")
		r.kafka.produce("orders/0", 1)
		r.pass(5 * time.Second)
		r.wantSent("1 orders/0[0,5)", "1 orders/0[5,6)", "1 orders/0[1,6)")
		r.wantCommitted("orders/0", 6)
	})
}

// A write that landed though its answer was lost is adopted.
func TestUnknownOutcomeAdopted(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		r.store.After(func(_ context.Context, op offsetstest.Op) error {
			if len(op.Write) > 0 {
				r.store.After(nil)
				return record.ErrOutcomeUnknown
			}
			return nil
		})
		r.kafka.produce("orders/0", 2)
		r.pass(3 * time.Second)
		r.kafka.produce("orders/0", 2)
		r.pass(3 * time.Second)
		r.wantSent("1 orders/0[0,2)", "1 orders/0[2,4)")
		r.wantCommitted("orders/0", 4)
		if r.metric("sidecar_commits_total", "unknown") != 1 || r.metric("sidecar_fenced_total") != 0 {
			r.Error("the write was not adopted")
		}
	})
}

// A write whose outcome is unknown may land later, between the reading back and the next write: it
// still is our own.
func TestUnknownOutcomeLandsLate(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		var late *record.Entry
		r.store.Before(func(_ context.Context, op offsetstest.Op) error {
			switch {
			case len(op.Write) == 0:
			case late == nil:
				e := *op.Write[0].Entry
				late = &e
				return record.ErrOutcomeUnknown
			default:
				r.store.Before(nil)
				r.store.Put("orders/0", fmt.Sprintf(`{"v":1,"offset":%d,"leaderEpoch":%d,"topicId":%q,"owner":%q,"epoch":%d,"committedAt":%q}`,
					late.Offset, late.LeaderEpoch, late.TopicID, late.Owner, late.Epoch, late.CommittedAt.Format(time.RFC3339Nano)))
			}
			return nil
		})
		r.kafka.produce("orders/0", 2)
		r.pass(5 * time.Second)
		r.kafka.produce("orders/0", 1)
		r.pass(5 * time.Second)
		r.wantSent("1 orders/0[0,2)", "1 orders/0[2,3)")
		r.wantCommitted("orders/0", 3)
		if late == nil || r.metric("sidecar_fenced_total") != 0 {
			r.Error("the late write was taken for another owner's")
		}
	})
}

// While its outcome is unknown a write is repeated as it is, so that there is never more than one that may be found
// under the key; what is acknowledged meanwhile is written after it.
func TestUnknownOutcomeIsRepeatedAsItIs(t *testing.T) {
	scenario(t, func(r *rig) {
		r.run()
		var tried []record.Entry
		r.store.Before(func(_ context.Context, op offsetstest.Op) error {
			if len(op.Write) == 0 {
				return nil
			}
			if tried = append(tried, *op.Write[0].Entry); len(tried) < 5 {
				return record.ErrOutcomeUnknown
			}
			return nil
		})
		for range 10 {
			r.kafka.produce("orders/0", 1)
			r.pass(3 * time.Second)
		}
		if len(tried) < 6 || tried[0].Offset != 1 {
			r.Fatalf("writes %v", tried)
		}
		for i, e := range tried[:5] {
			if e != tried[0] {
				r.Errorf("try %d writes %v, not %v", i+1, e, tried[0])
			}
		}
		r.wantCommitted("orders/0", 10)
	})
}

// A key that disappears while its claim is held blocks until an operator acts.
func TestKeyDisappeared(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 2)
		r.run()
		r.store.Delete("orders/0")
		r.kafka.produce("orders/0", 1)
		r.pass(time.Minute)
		r.wantState("orders/0", "blocked bad_key")
		r.wantCommitted("orders/0", -1)
		r.entry("orders/0", 2, "operator/anna", "")
		r.pass(15 * time.Second)
		r.wantSent("1 orders/0[0,2)", "1 orders/0[2,3)", "1 orders/0[2,3)")
		r.wantCommitted("orders/0", 3)
	})
}

// A value that can't be decoded is never a first start; it blocks its partition alone.
func TestBadKeyBlocksItsPartitionAlone(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 2)
		r.kafka.produce("orders/1", 2)
		r.store.Put("orders/0", `{"v":2}`)
		r.run()
		r.wantState("orders/0", "blocked bad_key")
		r.wantSent("1 orders/1[0,2)")
		r.entry("orders/0", 1, "operator/anna", "")
		r.pass(12 * time.Second)
		r.wantSent("1 orders/1[0,2)", "1 orders/0[1,2)")
	})
}

// A topic's document that can't be decoded blocks that topic alone.
func TestBadTopicBlocksItsTopicAlone(t *testing.T) {
	scenario(t, func(r *rig) {
		r.cfg.Topics = []string{"orders", "refunds"}
		r.kafka.topic("refunds", "id-2", 1)
		r.kafka.produce("orders/0", 1)
		r.kafka.produce("refunds/0", 1)
		r.store.Put("orders/_topic", `{"v":1`)
		r.run()
		r.wantState("orders/0", "blocked bad_key")
		r.wantSent("1 refunds/0[0,1)")
		r.store.Put("orders/_topic", `{"v":1,"group":"billing","topic":"orders","topicId":"id-1","clusterId":"cluster-1","partitions":1,"baseline":{"0":0},"start":"latest","revision":1,"createdAt":"2026-01-01T00:00:00Z"}`)
		r.pass(12 * time.Second)
		r.wantSent("1 refunds/0[0,1)", "1 orders/0[0,1)")
	})
}

// A partition that an operator paused is claimed and not read.
func TestPausedEntry(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 2)
		r.entry("orders/0", 1, "operator/anna", `,"paused":true`)
		r.run()
		r.wantState("orders/0", "paused paused")
		r.wantSent()
		if r.stored("orders/0")["paused"] != true {
			r.Error("the claim took the pause back")
		}
	})
}

// A key of another log, by its topic id, is ignored.
func TestKeyOfAnotherLogIsIgnored(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.produce("orders/0", 2)
		r.store.Put("orders/0", `{"v":1,"offset":77,"leaderEpoch":4,"topicId":"id-0","owner":"pod-9/0","epoch":3,"committedAt":"2026-01-01T00:00:00Z"}`)
		r.run()
		r.wantSent("1 orders/0[0,2)")
	})
}

// An offset outside the log blocks with the number of records lost, and nothing is written.
func TestDataLossBlocks(t *testing.T) {
	for name, c := range map[string]struct {
		break_ func(k *kafka)
		state  string
		words  string
	}{
		"retention":  {func(k *kafka) { k.trim("orders/0", 5) }, "blocked offset_out_of_range", "2 records are lost"},
		"truncation": {func(k *kafka) { k.truncate("orders/0", 1) }, "blocked log_truncated", "2 records are lost"},
		"divergence": {func(k *kafka) { k.log("orders/0", func(l *kafkaLog) { l.diverged = 2 }) }, "blocked log_truncated", "1 records are lost"},
	} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.kafka.produce("orders/0", 9)
				r.entry("orders/0", 3, "pod-0/0", "")
				c.break_(r.kafka)
				r.run()
				r.wantState("orders/0", c.state)
				if p := r.part("orders/0"); !strings.Contains(p.LastError, c.words) {
					r.Errorf("last error %q", p.LastError)
				}
				r.wantSent()
				r.wantCommitted("orders/0", 3)
			})
		})
	}
}

// policy.data_loss moves the offset by a CAS before the first delivery, counts and warns once.
func TestDataLossPolicies(t *testing.T) {
	for policy, want := range map[string]string{"earliest": "1 orders/0[5,9)", "latest": "1 orders/0[9,10)"} {
		t.Run(policy, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.ledger.off = true
				r.cfg.DataLoss = policy
				r.kafka.produce("orders/0", 9)
				r.entry("orders/0", 3, "pod-0/0", "")
				r.kafka.trim("orders/0", 5)
				r.run()
				if policy == "latest" {
					r.wantCommitted("orders/0", 9)
				}
				r.kafka.produce("orders/0", 1)
				r.pass(2 * time.Second)
				if got := r.sent(); got[0] != want {
					r.Errorf("sent %v", got)
				}
				lost := map[string]float64{"earliest": 2, "latest": 6}[policy]
				if got := r.metric("sidecar_records_lost_total", "orders", "0", "offset_out_of_range"); got != lost {
					r.Errorf("lost %v", got)
				}
				if n := strings.Count(r.logs.String(), "records are lost"); n != 1 {
					r.Errorf("%d warnings", n)
				}
			})
		})
	}
}

// A claim that moved the offset and whose answer was lost is found by the next one, or by the one after that: the loss is told once.
func TestDataLossToldThoughTheAnswerWasLost(t *testing.T) {
	for _, lost := range []int{1, 2} {
		t.Run(fmt.Sprint(lost), func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.ledger.off = true
				r.cfg.DataLoss = "earliest"
				r.kafka.produce("orders/0", 9)
				r.entry("orders/0", 3, "pod-0/0", "")
				r.kafka.trim("orders/0", 5)
				claims := 0
				r.store.After(func(_ context.Context, op offsetstest.Op) error {
					if len(op.Write) == 1 && op.Write[0].Entry != nil && claims < lost {
						claims++
						return record.ErrOutcomeUnknown
					}
					return nil
				})
				r.run()
				r.pass(10 * time.Second)
				r.wantSent("1 orders/0[5,9)")
				if got := r.metric("sidecar_records_lost_total", "orders", "0", "offset_out_of_range"); got != 2 {
					r.Errorf("lost %v", got)
				}
				if n := strings.Count(r.logs.String(), "records are lost"); n != 1 {
					r.Errorf("%d warnings", n)
				}
			})
		})
	}
}

// A partition moves away while the claim that moved its offset is under way, whether that one succeeds or is cut with its outcome
// unknown: the next owner finds the moved offset and can't tell the loss, so this one does.
func TestDataLossToldWhenThePartitionMovesAway(t *testing.T) {
	for name, outcome := range map[string]error{"landed": nil, "unknown": record.ErrOutcomeUnknown} {
		t.Run(name, func(t *testing.T) {
			scenario(t, func(r *rig) {
				r.ledger.off = true
				r.cfg.DataLoss = "earliest"
				r.kafka.produce("orders/0", 9)
				r.entry("orders/0", 3, "pod-0/0", "")
				r.kafka.trim("orders/0", 5)
				r.store.After(func(ctx context.Context, op offsetstest.Op) error {
					if len(op.Write) == 1 && op.Write[0].Entry != nil {
						<-ctx.Done() // the answer is on its way when the claim is cut
						return outcome
					}
					return nil
				})
				r.run()
				r.group.revoke("orders/0")
				r.pass(time.Second)
				r.wantSent()
				if n := strings.Count(r.logs.String(), `"records":2,`); n != 1 {
					r.Errorf("%d warnings", n)
				}
			})
		})
	}
}

// A loss that shows while reading stops that partition the same way; what was acknowledged is committed.
func TestDataLossWhileReading(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 2)
		r.kafka.produce("orders/0", 3)
		r.run()
		r.kafka.trim("orders/0", 10)
		r.kafka.produce("orders/1", 1)
		r.pass(5 * time.Second)
		r.wantState("orders/0", "blocked offset_out_of_range")
		r.wantCommitted("orders/0", 3)
		r.wantCommitted("orders/1", 1)
	})
}

// Partitions that are assigned together are claimed together: one read, one look at the brokers, one write.
func TestAssignedTogetherClaimedTogether(t *testing.T) {
	scenario(t, func(r *rig) {
		r.kafka.topic("orders", "id-1", 6)
		r.run()
		r.group.revoke("orders/0", "orders/1", "orders/2", "orders/3", "orders/4", "orders/5")
		r.pass(time.Minute)
		before := strings.Count(r.order.String(), "cas")
		r.group.assign("orders/0", "orders/1", "orders/2", "orders/3", "orders/4", "orders/5")
		r.pass(time.Second)
		if n := strings.Count(r.order.String(), "cas") - before; n != 1 {
			r.Errorf("%d writes", n)
		}
		r.wantState("orders/5", "idle")
	})
}
