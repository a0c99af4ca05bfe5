package fetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// leaveWithin bounds the request to leave the group: without brokers there is nobody to tell.
const leaveWithin = 3 * time.Second

// heartbeatEvery is how often a member of a classic group hears of a rebalance: the partitions of a replica that leaves stand still for so
// long. A KIP-848 group has an interval of the brokers.
const heartbeatEvery = time.Second

// keyLeaveGroup and the others are the protocol's numbers of requests.
const (
	keyJoinGroup              = 11
	keyHeartbeat              = 12
	keyLeaveGroup             = 13
	keyConsumerGroupHeartbeat = 68
)

// Membership is the membership in the Kafka consumer group: it is told which partitions are ours and
// proves it to others. It never reads a record.
type Membership struct {
	cfg    Config
	opts   []kgo.Opt
	log    zerolog.Logger
	client atomic.Pointer[kgo.Client] // set by Run while it is joined or joining; read by Commit and Rejoin
}

// NewMembership checks the configuration; nothing is started and nobody is called before Run.
func NewMembership(cfg Config) (*Membership, error) {
	if cfg.Group == "" {
		return nil, errors.New("group: is required")
	}
	opts, err := commonOptions(cfg, "membership")
	if err != nil {
		return nil, err
	}
	opts = append(
		opts,
		offsetsByName(),
		kgo.ConsumerGroup(cfg.Group),
		kgo.ConsumeTopics(cfg.Topics...),
		kgo.DisableAutoCommit(),
		kgo.SessionTimeout(cfg.SessionTimeout),
		kgo.RebalanceTimeout(cfg.RebalanceTimeout),
		kgo.HeartbeatInterval(max(100*time.Millisecond, min(heartbeatEvery, cfg.SessionTimeout/3))),
		kgo.RetryTimeoutFn(retryTimeout(cfg.SessionTimeout)),
		// A partition that is left out here gets no cursor and is never fetched.
		kgo.AdjustFetchOffsetsFn(func(context.Context, map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
			return nil, nil
		}),
	)
	switch cfg.GroupProtocol {
	case "classic":
		opts = append(opts, kgo.Balancers(newBalancer()))
	case "consumer":
		if cfg.InstanceID != "" {
			return nil, errors.New("kafka.instance_id: must be empty with group_protocol consumer")
		}
		// The client uses the classic protocol with this balancer when the brokers are too old.
		opts = append(opts, kgo.Balancers(kgo.StickyBalancer()), kgo.ServerSideBalancer())
	default:
		return nil, fmt.Errorf("kafka.group_protocol: must be classic or consumer (got %q)", cfg.GroupProtocol)
	}
	if cfg.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(cfg.InstanceID))
	}
	if opts, err = checked(opts); err != nil {
		return nil, err
	}
	return &Membership{cfg: cfg, opts: opts, log: cfg.Log}, nil
}

// retryTimeout is how long the client tries a request of its own: the session time-out for those of
// the group, after which the member is out anyway.
func retryTimeout(session time.Duration) func(int16) time.Duration {
	return func(key int16) time.Duration {
		if key == keyLeaveGroup {
			return leaveWithin
		}
		return session
	}
}

// Run joins the group and calls events until ctx ends, then leaves (a static member stays) and returns
// nil. Everything that goes wrong on the way is reported as a problem and tried again.
func (m *Membership) Run(ctx context.Context, events record.GroupEvents) error {
	calls := &callbacks{events: events}
	for {
		fenced, err := m.session(ctx, calls)
		if err != nil || ctx.Err() != nil {
			return err
		}
		if fenced && !m.waitForInstanceID(ctx) {
			return nil
		}
	}
}

// session is the life of one client. It reports whether another member took the instance id over.
func (m *Membership) session(ctx context.Context, calls *callbacks) (fenced bool, err error) {
	watch := &groupWatch{log: m.log, well: make(chan struct{}, 1)}
	cl, err := kgo.NewClient(append(slices.Clone(m.opts),
		kgo.WithHooks(watch),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { calls.assigned(parts) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { calls.revoked(parts, false) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, parts map[string][]int32) { calls.revoked(parts, true) }),
	)...)
	if err != nil {
		return false, fmt.Errorf("start the membership client: %w", err)
	}
	m.client.Store(cl)

	polling, stop := context.WithCancel(ctx)
	defer stop()
	var g errgroup.Group
	g.Go(func() error {
		defer stop()
		fenced = m.pollProblems(polling, cl, calls)
		return nil
	})
	g.Go(func() error {
		for {
			select {
			case <-polling.Done():
				return nil
			case <-watch.well:
				calls.wellAgain()
			}
		}
	})
	<-polling.Done()
	cl.Close() // revokes everything, then leaves the group unless the member is static
	m.client.Store(nil)
	return fenced, g.Wait()
}

// Rejoin makes the client ask for the topics' partitions now. Whoever leads the group starts a
// rebalance when it sees new ones; every member asks by itself as well, at least every
// Config.MetadataInterval, so growth is noticed even when another member leads.
func (m *Membership) Rejoin() {
	if cl := m.client.Load(); cl != nil {
		cl.ForceMetadataRefresh()
	}
}

// callbacks calls the engine, one call at a time.
type callbacks struct {
	mu      sync.Mutex // held while an event is handled; a revoke may take the whole drain time
	events  record.GroupEvents
	problem problem // what was reported last; zero = nothing
}

func (c *callbacks) assigned(parts map[string][]int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report(problem{})
	// Called without partitions too: it says that the group was joined.
	c.events.Assigned(flatten(parts))
}

func (c *callbacks) revoked(parts map[string][]int32, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if flat := flatten(parts); len(flat) > 0 {
		c.events.Revoked(flat, lost)
	}
}

func flatten(parts map[string][]int32) []record.TopicPartition {
	var flat []record.TopicPartition
	for topic, ps := range parts {
		for _, p := range ps {
			flat = append(flat, record.TopicPartition{Topic: topic, Partition: p})
		}
	}
	slices.SortFunc(flat, record.TopicPartition.Compare)
	return flat
}
