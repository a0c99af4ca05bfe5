package relay

import (
	"context"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// lane is a slot for one batch in flight. While its request runs the next batch is already encoded.
// Two goroutines belong to it, one encodes and one sends; both live from startLane to the engine's end.
type lane struct {
	id      int
	sending *flight
	coming  *flight
	spare   []*flight // buffers to use again

	encode chan *flight // capacity 1; the loop sends only while coming was nil
	send   chan *flight // capacity 1; the loop sends only while sending was nil
}

// flight is one batch on its way through a lane.
type flight struct {
	lane    *lane
	parts   []*partition // as batch.Parts
	claims  []*claim     // the claims the parts were made under
	batch   record.Batch
	slab    []record.Record // behind batch.Parts; lent by the queues
	body    []byte
	plan    bool     // made by a plan: its ranges are decided
	encoded bool     // the encoder is done: the queues' bytes are not needed any more
	dropped bool     // dissolved while the encoder ran
	parked  []queued // chunks to release when the encoder is done

	ctx    context.Context
	cancel context.CancelFunc
}

func newLane(id int) *lane {
	l := &lane{id: id, encode: make(chan *flight, 1), send: make(chan *flight, 1)}
	l.spare = []*flight{{lane: l}, {lane: l}}
	return l
}

func (e *Engine) startLane(l *lane) {
	e.go_(func(ctx context.Context) {
		for {
			select {
			case f := <-l.encode:
				f.body = e.deps.App.Encode(f.body[:0], &f.batch)
				e.post(func() { e.onEncoded(f) })
			case <-ctx.Done():
				return
			}
		}
	})
	e.go_(func(ctx context.Context) {
		for {
			select {
			case f := <-l.send:
				o := e.deps.App.Send(f.ctx, l.id, &f.batch, f.body)
				f.cancel()
				e.post(func() { e.onOutcome(f, o) })
			case <-ctx.Done():
				return
			}
		}
	})
}

// take gives a flight with empty buffers.
func (l *lane) take() *flight {
	n := len(l.spare) - 1
	f := l.spare[n]
	l.spare = l.spare[:n]
	f.parts, f.claims, f.slab = f.parts[:0], f.claims[:0], f.slab[:0]
	f.batch.Parts = f.batch.Parts[:0]
	f.plan, f.encoded, f.dropped = false, false, false
	return f
}

// recycle takes a flight back once neither goroutine of the lane can see it. Large bodies are let go.
func (l *lane) recycle(f *flight) {
	clear(f.parts)
	clear(f.claims)
	clear(f.slab)
	clear(f.batch.Parts[:cap(f.batch.Parts)])
	if cap(f.body) > 8<<20 {
		f.body = nil
	}
	l.spare = append(l.spare, f)
}

// prepare hands a formed flight to the encoder.
func (e *Engine) prepare(l *lane, f *flight) {
	l.coming = f
	for _, p := range f.parts {
		p.coming, p.lent = f, f
	}
	l.encode <- f
}

// onEncoded trims the flight to what the encoder took and launches it when its lane is free.
func (e *Engine) onEncoded(f *flight) {
	f.encoded = true
	for i := range f.parked {
		release(f.parked[i].Chunk)
	}
	f.parked = nil
	for _, p := range f.parts {
		p.lent = nil
	}
	if f.dropped {
		for _, p := range f.parts {
			e.settled(p)
		}
		f.lane.recycle(f)
		return
	}
	kept := len(f.batch.Parts)
	for _, p := range f.parts[kept:] {
		p.coming = nil
		p.cutOff = true
		e.requeue(p)
	}
	f.parts, f.claims = f.parts[:kept], f.claims[:kept]
	if f.lane.sending == nil {
		e.launch(f)
	}
}

// launch sends an encoded flight, or dissolves it when something it was made from has changed.
func (e *Engine) launch(f *flight) {
	if !e.mayDeliver() || !f.valid() {
		e.dissolve(f)
		return
	}
	l := f.lane
	l.coming, l.sending = nil, f
	for _, p := range f.parts {
		p.coming, p.sending = nil, f
		p.cutOff = false
	}
	f.ctx, f.cancel = context.WithCancel(e.work)
	e.pace.sent(f.batch.Len())
	e.m.batchRecords.Observe(float64(f.batch.Len()))
	e.m.batchBytes.Observe(float64(len(f.body)))
	l.send <- f
}

// valid: every part still begins where its partition stands, under the same claim.
func (f *flight) valid() bool {
	for i, p := range f.parts {
		if p.gone || p.leaving != nil || p.claim != f.claims[i] || p.acked != f.batch.Parts[i].From || p.sending != nil {
			return false
		}
		if !f.plan && (p.plan != nil || p.block.reason != "") {
			return false
		}
	}
	return true
}

// dissolve takes a prepared flight apart; its records are still in their queues.
func (e *Engine) dissolve(f *flight) {
	f.lane.coming = nil
	for _, p := range f.parts {
		if p.coming == f {
			p.coming = nil
			e.requeue(p)
		}
	}
	if f.encoded {
		f.lane.recycle(f)
	} else {
		f.dropped = true
	}
}
