package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// drain reads a filled topic from its start to its end, as fast as it goes: by a consumer alone, or by the sidecar and an app.
type drain struct {
	topic    topic
	consumer program
	set      settings // of the sidecar; nil = the consumer reads Kafka itself
}

// program makes the command that handles the records.
type program func(w *world, t target) []string

// target is what a program reads, and how.
type target struct {
	topic  topic
	group  string // of a consumer
	listen string // of an app
}

func (d drain) topics() []topic { return []topic{d.topic} }

func (d drain) run(ctx context.Context, w *world) (result, error) {
	t := target{topic: d.topic, group: w.unique("bench"), listen: testenv.FreeAddr(w)}
	consumer, err := start(w.scope, "consumer", d.consumer(w, t))
	if err != nil {
		return nil, err
	}
	defer consumer.kill()
	parts := []*child{consumer}
	looks := func() error { return nil }
	if d.set != nil {
		if err := awaitListener(ctx, t.listen); err != nil {
			return nil, consumer.failed(err)
		}
		side, err := w.startSidecar(d.topic.name, t.listen, d.profiled(w.options.profiles))
		if err != nil {
			return nil, err
		}
		defer side.kill()
		parts = append(parts, side.child)
		if w.options.profiles != "" {
			looks = func() error { return side.profile(ctx, w.options.profiles, d.topic.name+"-"+strings.Join(d.set, "-")) }
		}
	}
	return d.watch(ctx, parts, looks)
}

// profiled are the settings, with profiles if there is a folder for them.
func (d drain) profiled(dir string) settings {
	if dir == "" {
		return d.set
	}
	return append(settings{"admin.pprof", "true"}, d.set...)
}

// watch follows the marks of the consumer, which is the first of parts; the sidecar, if there is one, is the second. looks is called when the first records came.
func (d drain) watch(ctx context.Context, parts []*child, looks func() error) (result, error) {
	first, err := parts[0].awaitMark(ctx, markFirst)
	if err != nil {
		return nil, err
	}
	if err := looks(); err != nil {
		return nil, err
	}
	half, err := parts[0].awaitMark(ctx, markHalf)
	if err != nil {
		return nil, err
	}
	before, err := usages(parts)
	if err != nil {
		return nil, err
	}
	done, err := parts[0].awaitMark(ctx, markDone)
	if err != nil {
		return nil, err
	}
	after, err := usages(parts)
	if err != nil {
		return nil, err
	}
	r := result{rate: float64(done.records-first.records) / done.at.Sub(first.at).Seconds()}
	if done.records != d.topic.records {
		return nil, fmt.Errorf("%d records were handled, %d are in the topic", done.records, d.topic.records)
	}
	// The sidecar first: it commits once more, and an app that is gone before it is an outage.
	names := [][3]figure{{consumerCPU, consumerHalf, consumerPeak}, {sidecarCPU, sidecarSteady, sidecarPeak}}
	for i := len(parts) - 1; i >= 0; i-- {
		whole, err := parts[i].stop()
		if err != nil {
			return nil, err
		}
		r[names[i][0]] = perMillion(whole, done.records)
		r[names[i][1]] = perMillion(after[i].cpu-before[i].cpu, done.records-half.records)
		r[names[i][2]] = float64(after[i].peak)
	}
	return r, nil
}

func usages(parts []*child) ([]usage, error) {
	all := make([]usage, len(parts))
	for i, c := range parts {
		var err error
		if all[i], err = c.usage(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// perMillion is seconds per million records.
func perMillion(cpu time.Duration, records int64) float64 {
	return cpu.Seconds() * 1e6 / float64(records)
}
