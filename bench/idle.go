package main

import (
	"context"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// idle holds partitions that nothing is written to.
type idle struct{ partitions int32 }

func (i idle) topic() topic    { return topic{name: "idle", partitions: i.partitions} }
func (i idle) topics() []topic { return []topic{i.topic()} }

func (i idle) run(ctx context.Context, w *world) (result, error) {
	listen := testenv.FreeAddr(w)
	app, err := start(w.scope, "app", []string{w.self, "app", "-listen", listen})
	if err != nil {
		return nil, err
	}
	defer app.kill()
	side, err := w.startSidecar(i.topic().name, listen, nil)
	if err != nil {
		return nil, err
	}
	defer side.kill()
	if err := side.awaitClaims(ctx, int(i.partitions)); err != nil {
		return nil, side.failed(err)
	}
	if err := sleep(ctx, warmUp); err != nil {
		return nil, err
	}
	before, err := side.usage()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := sleep(ctx, 2*w.options.window); err != nil {
		return nil, err
	}
	after, err := side.usage()
	if err != nil {
		return nil, err
	}
	r := result{
		sidecarCore: (after.cpu - before.cpu).Seconds() / time.Since(began).Seconds(),
		sidecarHeld: float64(after.resident), sidecarPeak: float64(after.peak),
	}
	_, err = side.stop()
	return r, err
}
