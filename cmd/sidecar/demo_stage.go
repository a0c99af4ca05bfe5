package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	demoTopic   = "orders"
	demoGroup   = "demo"
	demoHistory = 100                   // records per partition that lie in the topic before the first start
	demoTick    = 5 * time.Millisecond  // under load every partition gets a record per tick
	demoSession = 2 * time.Second       // of the group, so that a killed member is soon forgotten
	demoWatch   = 1 * time.Second       // how soon an added partition is noticed
	demoLimit   = 15 * time.Second      // for anything the demo waits for
	demoPoll    = 20 * time.Millisecond // between two looks at what it waits for
)

// demoStage is what all acts play on: the broker, the app, the producer, the offsets' folder, and the
// sidecar while one runs.
type demoStage struct {
	say      *demoNarrator
	options  demoOptions
	folder   string
	kafka    *kfake.Cluster
	app      *demoApp
	producer *demoProducer
	store    *demoStore
	sidecar  *demoSidecar // nil = none runs
	killing  atomic.Bool  // a sidecar is being killed
	total    demoFigures  // of the acts that have ended
}

// newDemoStage sets everything up but the sidecar. What it returns is to be closed, also with an error.
func newDemoStage(ctx context.Context, options demoOptions) (*demoStage, error) {
	s := &demoStage{say: newDemoNarrator(options.out), options: options}
	var err error
	if s.folder, err = os.MkdirTemp("", "sidecar-demo-"); err != nil {
		return s, fmt.Errorf("make a folder for the offsets: %w", err)
	}
	s.store = &demoStore{path: filepath.Join(s.folder, demoGroup+".json")}
	s.kafka, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, demoTopic), kfake.GroupMinSessionTimeout(demoSession))
	if err != nil {
		return s, fmt.Errorf("start the broker: %w", err)
	}
	s.kafka.ControlKey(int16(kmsg.LeaveGroup), s.onLeave)
	if s.app, err = newDemoApp(s.store); err != nil {
		return s, err
	}
	if s.producer, err = newDemoProducer(s.broker(), 2); err != nil {
		return s, err
	}
	return s, s.producer.write(ctx, demoHistory, s.producer.all()...)
}

func (s *demoStage) broker() string { return s.kafka.ListenAddrs()[0] }

// close ends everything; the folder stays when it was asked for.
func (s *demoStage) close() {
	if s.sidecar != nil {
		s.sidecar.kill()
	}
	if s.producer != nil {
		s.producer.close()
	}
	if s.app != nil {
		s.app.close()
	}
	if s.kafka != nil {
		s.kafka.Close()
	}
	if s.folder != "" && !s.options.keep {
		_ = os.RemoveAll(s.folder)
	}
}

// start starts a sidecar, a new process as far as it knows.
func (s *demoStage) start() error {
	sidecar, err := startDemoSidecar(s)
	if err != nil {
		return fmt.Errorf("start the sidecar: %w", err)
	}
	s.sidecar = sidecar
	return nil
}

// stop ends the sidecar as SIGTERM does and returns its error.
func (s *demoStage) stop() error {
	sidecar := s.sidecar
	s.sidecar = nil
	return sidecar.stop()
}

// kill ends the sidecar as kill -9 does: it cannot even leave the group.
func (s *demoStage) kill() {
	s.killing.Store(true)
	defer s.killing.Store(false)
	s.sidecar.kill()
	s.sidecar = nil
}

// onLeave keeps the broker from hearing that a killed member leaves: a dead process says nothing.
func (s *demoStage) onLeave(request kmsg.Request) (kmsg.Response, error, bool) {
	if !s.killing.Load() {
		return nil, nil, false
	}
	s.kafka.KeepControl()
	return request.ResponseKind(), nil, true
}

// wait looks again and again until holds is true. It ends early when the sidecar ends by itself.
func (s *demoStage) wait(ctx context.Context, what string, holds func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, demoLimit, errors.New("it took too long"))
	defer cancel()
	ticker := time.NewTicker(demoPoll)
	defer ticker.Stop()
	for {
		if ok, err := holds(); ok || err != nil {
			return err
		}
		var ended <-chan struct{}
		if s.sidecar != nil {
			ended = s.sidecar.ended
		}
		select {
		case <-ticker.C:
		case <-ended:
			return fmt.Errorf("wait for %s: the sidecar ended: %w", what, s.sidecar.err)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		}
	}
}

// waitAcked waits until the app has acknowledged n more deliveries.
func (s *demoStage) waitAcked(ctx context.Context, n int) error {
	mark := s.app.mark()
	return s.wait(ctx, "acknowledgements", func() (bool, error) { return s.app.acked(mark) >= n, nil })
}

// waitProduced waits until n more records lie in the topic.
func (s *demoStage) waitProduced(ctx context.Context, n int) error {
	before := s.producer.count()
	return s.wait(ctx, "records", func() (bool, error) { return s.producer.count() >= before+n, nil })
}

// waitFirst waits until something of every partition has been delivered since the mark.
func (s *demoStage) waitFirst(ctx context.Context, mark int, partitions ...int32) error {
	return s.wait(ctx, "deliveries", func() (bool, error) {
		log := s.app.deliveries(mark)
		return !slices.ContainsFunc(partitions, func(p int32) bool { return demoFirst(log, p) < 0 }), nil
	})
}

// waitCommit waits until a stored offset moves.
func (s *demoStage) waitCommit(ctx context.Context) error {
	before, err := s.store.read()
	if err != nil {
		return err
	}
	return s.wait(ctx, "a commit", func() (bool, error) {
		keys, err := s.store.read()
		return err == nil && keys.offset(0) > before.offset(0), err
	})
}

// settle waits until the stored offsets stand at the log ends.
func (s *demoStage) settle(ctx context.Context) error {
	return s.wait(ctx, "the stored offsets to reach the log ends", func() (bool, error) {
		keys, err := s.store.read()
		ends := s.producer.ends()
		return err == nil && slices.Equal(keys.offsets(int32(len(ends))), ends), err
	})
}

// show prints documents of the store: the topic's and one of each partition named.
func (s *demoStage) show(keys demoKeys, partitions ...int32) {
	s.say.show(demoTopic+"/_topic", keys.extract(demoTopic+"/_topic", "partitions", "baseline", "start"))
	for _, p := range partitions {
		key := fmt.Sprintf("%s/%d", demoTopic, p)
		s.say.show(key, keys.extract(key, "offset", "epoch", "owner"))
	}
}
