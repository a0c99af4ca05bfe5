package main

import (
	"context"
	"strconv"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// backlog lets the app take some records of a long topic, then takes the app away, or has it answer that it is busy, for options.down.
type backlog struct {
	topic  topic
	budget int64 // memory.max_bytes
	busy   bool
}

func (b backlog) topics() []topic { return []topic{b.topic} }

func (b backlog) run(ctx context.Context, w *world) (result, error) {
	listen := testenv.FreeAddr(w)
	app, err := start(w.scope, "app", []string{w.self, "app", "-listen", listen, "-expect", strconv.FormatInt(b.topic.records/10, 10),
		"-busy=" + strconv.FormatBool(b.busy)})
	if err != nil {
		return nil, err
	}
	defer app.kill()
	if err := awaitListener(ctx, listen); err != nil {
		return nil, app.failed(err)
	}
	// A partition that waits for more than 10 s gives its records up: below it all hold what they can.
	side, err := w.startSidecar(b.topic.name, listen, settings{"memory.max_bytes", strconv.FormatInt(b.budget, 10), "retry.max", "5s"})
	if err != nil {
		return nil, err
	}
	defer side.kill()
	if _, err := app.awaitMark(ctx, markDone); err != nil {
		return nil, err
	}
	if !b.busy {
		app.kill()
	}
	if err := sleep(ctx, w.options.down); err != nil {
		return nil, err
	}
	u, err := side.usage()
	if err != nil {
		return nil, err
	}
	_, err = side.stop()
	return result{sidecarPeak: float64(u.peak), sidecarHeld: float64(u.resident), overBudget: float64(u.peak - b.budget)}, err
}
