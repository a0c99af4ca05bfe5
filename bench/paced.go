package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// warmUp is the part of a paced run that is not measured: claims, first requests, the heap's growth.
const warmUp = 5 * time.Second

// paced delivers records that come at a steady rate. The bare consumer reads the same records at the same time.
type paced struct {
	partitions int32
	perSecond  int
	work       time.Duration // of the app for each request
	latency    bool          // look at single records; costs the programs a line of output each
	linger     time.Duration // of the producer
	countTxns  bool          // put a proxy before Consul that counts transactions
	set        settings
}

func (p paced) topic() topic {
	// The first records of a partition cost the broker files and pages of its indexes: they are there before.
	const first = 16
	return topic{name: fmt.Sprintf("paced-%d", p.partitions), partitions: p.partitions, size: 1 << 10, records: first * int64(p.partitions)}
}

func (p paced) topics() []topic { return []topic{p.topic()} }

func (p paced) run(ctx context.Context, w *world) (result, error) {
	load := &pace{
		topic: p.topic(), perSecond: p.perSecond, linger: p.linger,
		records: p.perSecond * int((warmUp+w.options.window)/time.Second),
	}
	listen := testenv.FreeAddr(w)
	expect := strconv.Itoa(load.records)
	app, err := start(w.scope, "app", append([]string{w.self, "app", "-listen", listen, "-expect", expect, "-work", p.work.String()}, p.tail()...))
	if err != nil {
		return nil, err
	}
	defer app.kill()
	bare, err := start(w.scope, "bare consumer", append([]string{w.self, "bare", "-broker", w.kafka.Addr(), "-topic", load.topic.name,
		"-expect", expect, "-from-end"}, p.tail()...))
	if err != nil {
		return nil, err
	}
	defer bare.kill()
	if _, err := bare.awaitMark(ctx, markReady); err != nil {
		return nil, err
	}
	set := append(settings{"start", "latest"}, p.set...)
	var door *txnDoor
	if p.countTxns {
		door = openTxnDoor(w)
		set = append(set, "offsets.consul.address", door.addr)
	}
	side, err := w.startSidecar(load.topic.name, listen, set)
	if err != nil {
		return nil, err
	}
	defer side.kill()
	if err := side.awaitClaims(ctx, int(p.partitions)); err != nil {
		return nil, side.failed(err)
	}
	return p.measure(ctx, w, load, [3]*child{side.child, bare, app}, door)
}

func (p paced) tail() []string {
	if p.latency {
		return []string{"-tail"}
	}
	return nil
}

// measure produces, and compares the beginning of the window with its end. parts are the sidecar, the bare consumer, the app.
func (p paced) measure(ctx context.Context, w *world, load *pace, parts [3]*child, door *txnDoor) (result, error) {
	var r result
	var since time.Time
	tasks, tasksCtx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return load.run(tasksCtx, w) })
	tasks.Go(func() error {
		if err := sleep(tasksCtx, warmUp); err != nil {
			return err
		}
		since = time.Now()
		var err error
		r, err = lookAt(tasksCtx, w.options.window-time.Second, load, parts[:], door) // which ends before the load does
		return err
	})
	if err := tasks.Wait(); err != nil {
		return nil, err
	}
	viaBare, err := deliveriesUntilDone(ctx, parts[1])
	if err != nil {
		return nil, err
	}
	viaSidecar, err := deliveriesUntilDone(ctx, parts[2])
	if err != nil {
		return nil, err
	}
	if p.latency {
		if err := addDelays(r, load.delays(viaBare, since), load.delays(viaSidecar, since)); err != nil {
			return nil, err
		}
	}
	_, err = parts[0].stop()
	return r, err
}

// lookAt compares the end of a window with its beginning. That the broker took half the records it should at least is seen to.
func lookAt(ctx context.Context, window time.Duration, load *pace, parts []*child, door *txnDoor) (result, error) {
	before, err := usages(parts)
	if err != nil {
		return nil, err
	}
	began, txns, records := time.Now(), door.count(), load.count()
	if err := sleep(ctx, window); err != nil {
		return nil, err
	}
	took := time.Since(began).Seconds()
	after, err := usages(parts)
	if err != nil {
		return nil, err
	}
	perSecond := float64(load.count()-records) / took
	if perSecond < float64(load.perSecond)/2 {
		return nil, fmt.Errorf("the broker took %.0f records a second of %d", perSecond, load.perSecond)
	}
	core := func(i int) float64 { return (after[i].cpu - before[i].cpu).Seconds() / took }
	r := result{
		rate: perSecond, sidecarCore: core(0), bareCore: core(1),
		sidecarCPU: core(0) * 1e6 / perSecond, sidecarPeak: float64(after[0].peak),
	}
	if door != nil {
		r[transactions] = float64(door.count()-txns) / took
	}
	return r, nil
}

func deliveriesUntilDone(ctx context.Context, c *child) ([]delivery, error) {
	ctx, cancel := context.WithTimeout(ctx, startsWithin)
	defer cancel()
	var got []delivery
	for {
		line, err := c.next(ctx)
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(line, markDone+" ") {
			return got, nil
		}
		if d, err := parseDelivery(line); err == nil { // else another mark
			got = append(got, d)
		}
	}
}

func addDelays(r result, bare, side series) error {
	if len(bare) == 0 || len(bare) != len(side) {
		return fmt.Errorf("%d records were delivered to the bare consumer and %d to the app", len(bare), len(side))
	}
	if len(bare) < 100 {
		return errors.New("too few records for a 99th percentile")
	}
	slices.Sort(bare)
	slices.Sort(side)
	r[bareP50], r[bareP99] = percentile(bare, 0.5), percentile(bare, 0.99)
	r[sidecarP50], r[sidecarP99] = percentile(side, 0.5), percentile(side, 0.99)
	r[addedP50], r[addedP99] = r[sidecarP50]-r[bareP50], r[sidecarP99]-r[bareP99]
	return nil
}
