package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// startsWithin is the deadline for a program to be ready on a machine that is busy.
const startsWithin = 2 * time.Minute

// sidecar is a process with its listeners.
type sidecar struct {
	*child
	admin string
}

// settings are keys of the sidecar's configuration and their values, alternating.
type settings []string

// startSidecar starts it between a topic and an app. Keys of set may repeat those given here; the last counts.
func (w *world) startSidecar(topicName, app string, set settings) (*sidecar, error) {
	s := &sidecar{admin: testenv.FreeAddr(w)}
	argv := []string{w.sidecar, "run"}
	all := append(settings{
		"group", w.unique("bench"), "kafka.brokers", w.kafka.Addr(), "kafka.topics", topicName, "start", "earliest",
		"app.url", "http://" + app + "/batches", "offsets.consul.address", w.consul.Addr(),
		"admin.listen", s.admin, "metrics.listen", testenv.FreeAddr(w), "log.format", "json",
	}, set...)
	for i := 0; i+1 < len(all); i += 2 {
		argv = append(argv, "--set", all[i]+"="+all[i+1])
	}
	var err error
	s.child, err = start(w.scope, "sidecar", argv)
	return s, err
}

// awaitClaims waits until it has claimed so many partitions.
func (s *sidecar) awaitClaims(ctx context.Context, partitions int) error {
	return eventually(ctx, startsWithin, func() error {
		var status relay.Status
		if err := s.status(ctx, &status); err != nil {
			return err
		}
		claimed := 0
		for i := range status.Partitions {
			if status.Partitions[i].Epoch > 0 {
				claimed++
			}
		}
		if claimed != partitions {
			return fmt.Errorf("the sidecar has claimed %d of %d partitions", claimed, partitions)
		}
		return nil
	})
}

func (s *sidecar) status(ctx context.Context, into *relay.Status) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.admin+"/v1/status", http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// awaitListener waits until something accepts connections.
func awaitListener(ctx context.Context, addr string) error {
	return eventually(ctx, startsWithin, func() error {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// eventually polls cond until it is nil.
func eventually(ctx context.Context, within time.Duration, cond func() error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := cond()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", within, err)
		case <-tick.C:
		}
	}
}

// sleep waits, or says why it was ended early.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
