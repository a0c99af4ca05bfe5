package fetch

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// problem is a reason why the group can't be joined or kept.
type problem struct {
	reason, detail string
	passing        bool // ends with the next heartbeat; others end with the next assignment
}

// report tells the engine of news. The caller holds mu.
func (c *callbacks) report(p problem) {
	if p == c.problem {
		return
	}
	c.problem = p
	c.events.Problem(p.reason, p.detail)
}

func (c *callbacks) raise(p problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report(p)
}

// wellAgain follows a heartbeat that was answered.
func (c *callbacks) wellAgain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.problem.passing {
		c.report(problem{})
	}
}

// pollProblems takes the errors that the client hands out through its polls, until ctx ends or the
// instance id is taken over.
func (m *Membership) pollProblems(ctx context.Context, cl *kgo.Client, calls *callbacks) (fenced bool) {
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil || fetches.IsClientClosed() {
			return false
		}
		for _, fe := range fetches.Errors() {
			p := groupProblem(fe.Err)
			fenced = p.reason == "instance_id_in_use"
			if fenced {
				m.client.Store(nil) // before anybody hears of it: a commit is not a member's any more
			}
			calls.raise(p)
			if fenced {
				return true
			}
		}
	}
}

// groupProblem puts an error of the group into words that say what to do.
func groupProblem(err error) problem {
	var session *kgo.ErrGroupSession
	passing := !errors.As(err, &session)
	switch {
	case errors.Is(err, kerr.FencedInstanceID), errors.Is(err, kerr.UnreleasedInstanceID):
		return problem{"instance_id_in_use", "another member of the group uses the same kafka.instance_id; give each replica its own, or none: " + err.Error(), false}
	case errors.Is(err, kerr.InconsistentGroupProtocol), errors.Is(err, kerr.GroupIDNotFound):
		return problem{"kafka", "the group is used by an ordinary consumer, or by sidecars with another kafka.group_protocol; stop those members or choose another group: " + err.Error(), passing}
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return problem{"kafka", "READ on the group is denied; grant it to the user of the sidecar: " + err.Error(), passing}
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		return problem{"kafka", "READ on the topic is denied; grant it to the user of the sidecar: " + err.Error(), passing}
	case errors.Is(err, kerr.InvalidSessionTimeout):
		return problem{"kafka", "the brokers refuse kafka.session_timeout; see their group.min.session.timeout.ms and group.max.session.timeout.ms: " + err.Error(), passing}
	}
	return problem{"kafka", err.Error(), passing}
}

// waitForInstanceID waits until no member of the group holds the instance id. Joining at once would
// take it from the other process, which would take it back, and so on. False when ctx ended.
func (m *Membership) waitForInstanceID(ctx context.Context) bool {
	for {
		timer := time.NewTimer(max(m.cfg.MetadataInterval, time.Second))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
		if free, err := m.instanceIDFree(ctx); err == nil && free {
			return true
		}
	}
}

func (m *Membership) instanceIDFree(ctx context.Context) (bool, error) {
	opts, err := commonOptions(m.cfg, "membership")
	if err != nil {
		return false, err
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return false, err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	groups, err := kadm.NewClient(cl).DescribeGroups(ctx, m.cfg.Group)
	if err != nil {
		return false, err
	}
	described := groups[m.cfg.Group]
	if described.Err != nil && !errors.Is(described.Err, kerr.GroupIDNotFound) {
		return false, described.Err
	}
	for i := range described.Members {
		if id := described.Members[i].InstanceID; id != nil && *id == m.cfg.InstanceID {
			return false, nil
		}
	}
	return true, nil
}

// groupWatch sees the client's requests: which protocol is in use, and that heartbeats are answered.
// Its methods are called on the client's goroutines and return at once.
type groupWatch struct {
	log   zerolog.Logger
	well  chan struct{}
	spoke atomic.Bool
}

// OnBrokerWrite implements kgo.HookBrokerWrite.
func (w *groupWatch) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if err != nil || (key != keyJoinGroup && key != keyConsumerGroupHeartbeat) || w.spoke.Swap(true) {
		return
	}
	protocol := "classic"
	if key == keyConsumerGroupHeartbeat {
		protocol = "consumer"
	}
	w.log.Info().Str("protocol", protocol).Msg("group protocol in use")
}

// OnBrokerRead implements kgo.HookBrokerRead.
func (w *groupWatch) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if err != nil || (key != keyHeartbeat && key != keyConsumerGroupHeartbeat) {
		return
	}
	select {
	case w.well <- struct{}{}:
	default:
	}
}
