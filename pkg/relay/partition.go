package relay

import (
	"context"
	"errors"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Reasons of partitions and of the process, as /readyz, the status and the metrics name them.
const (
	reasonPoison          = "poison"
	reasonDeadLetter      = "dead_letter"
	reasonOutOfRange      = "offset_out_of_range"
	reasonTruncated       = "log_truncated"
	reasonRecreated       = "topic_recreated"
	reasonTopicMissing    = "topic_missing"
	reasonClusterMismatch = "cluster_mismatch"
	reasonFenced          = "fenced"
	reasonBadKey          = "bad_key"
	reasonPaused          = "paused"
	reasonAppFailing      = "app_failing"
	reasonKafka           = "kafka"
	reasonStore           = "store"
	reasonBaseline        = "baseline"
	reasonAppDown         = "app_down"
	reasonAppSetup        = "app_setup"
	reasonAppBusy         = "app_busy"
	reasonInstanceID      = "instance_id_in_use"
	reasonDraining        = "draining"
	reasonDrained         = "drained"
)

// longBackoff is the wait above which a partition gives its records up, so that it can't starve the others.
const longBackoff = 10 * time.Second

// partition is an assigned partition. A partition that moves away and comes back is a new value.
type partition struct {
	record.TopicPartition
	topic *topic

	claim     *claim   // nil until the key in the store is taken
	claiming  bool     // a claim is under way
	held      bool     // a claim was held before: its key must exist
	overruled bool     // an operator wrote the key; the claim ends with the request in flight
	gone      bool     // no longer assigned; results that still arrive are dropped
	untold    []untold // claims that may have moved the offset, and nothing told of it yet

	// Reading.
	queue   queue
	acked   int64  // everything below is acknowledged: where the next batch begins
	epoch   int32  // leader epoch of the last record below acked, -1 unknown
	next    int64  // the reader's position
	readSeq uint64 // number of the reading that is wanted; 0 = not being read
	paused  bool   // the reader is told to wait: the queue is at its bound

	// Delivering.
	queued  bool // stands in the ready queue
	readyAt time.Time
	cutOff  bool               // the byte limit cut it out of its last batch: it comes first in the next
	sending *flight            // the batch in flight that holds its first records
	coming  *flight            // the batch being prepared
	lent    *flight            // the batch whose encoder may be reading p's records
	plan    *plan              // the batch that comes next, decided when an attempt did not end in an ack
	letting bool               // dead letters are being produced, or ready_url is asked
	cutLet  context.CancelFunc // ends that; set while letting
	trial   trial
	run     int // condemned records in a row without an ack between them

	block   block
	leaving *leaving

	// For people.
	logStart, logEnd int64 // -1 unknown
	lastStatus       int
	lastError        string
	changed          time.Time
	claimTries       int
}

// block is why a partition waits for an app, an operator or a policy.
type block struct {
	reason string // "" = not blocked
	detail string
	since  time.Time
}

// claim is the key of a partition, taken in the store.
type claim struct {
	entry   record.Entry // what the key holds, as far as we know, with its version
	unknown *unknown     // a write whose outcome is unknown
	dirty   bool         // acked is above entry.Offset and waits for the committer
	writing bool
	records int // acknowledged records not yet durable
}

// unknown is a write that may be found under the key now or later. Until the key's version moves on it is repeated as it is,
// so there is never more than one, however long the store does not answer.
type unknown struct {
	entry   record.Entry
	records int // acknowledged records that it makes durable
}

func (e *Engine) newPartition(tp record.TopicPartition) *partition {
	return &partition{TopicPartition: tp, topic: e.topics[tp.Topic], epoch: -1, logStart: -1, logEnd: -1, changed: time.Now()}
}

// deliverable says whether fresh records of p may go into a batch.
func (p *partition) deliverable() bool {
	return p.claim != nil && !p.gone && p.leaving == nil && p.plan == nil && p.coming == nil && p.lent == nil && !p.letting &&
		p.block.reason == "" && p.readSeq != 0
}

// startReading reads p from its first unacknowledged record, under a new number.
func (e *Engine) startReading(p *partition) {
	p.readSeq = e.nextSeq()
	p.next = p.acked
	p.paused = false
	e.deps.Reader.Add(p.TopicPartition, record.Position{Offset: p.acked, LeaderEpoch: p.epoch}, p.readSeq)
}

// stopReading gives up all records of p, and its memory; what was acknowledged stays.
func (e *Engine) stopReading(p *partition) {
	if p.readSeq != 0 {
		p.readSeq = 0
		e.deps.Reader.Remove(p.TopicPartition)
	}
	e.dropQueue(p)
	p.next = p.acked
}

// dropQueue empties the queue. Chunks whose bytes an encoder may be reading are released when it is done.
func (e *Engine) dropQueue(p *partition) {
	e.budget.giveBack(int64(p.queue.bytes))
	chunks := p.queue.drain()
	if f := p.lent; f != nil {
		f.parked = append(f.parked, chunks...)
	} else {
		for i := range chunks {
			release(chunks[i].Chunk)
		}
	}
	if p.coming != nil {
		e.dissolve(p.coming)
	}
}

// Feed takes what the reader fetched. It returns when there is room in the memory budget for more.
func (e *Engine) Feed(ctx context.Context, chunks []record.Chunk) error {
	n := 0
	for i := range chunks {
		n += chunks[i].Bytes
	}
	e.budget.charge(int64(n))
	at := time.Now()
	posted := e.post(func() {
		for i := range chunks {
			e.accept(chunks[i], at)
		}
	})
	if !posted {
		return errEnded
	}
	return e.budget.wait(ctx, e.done)
}

// accept puts a chunk into its partition's queue, or drops it when it was read under another number.
func (e *Engine) accept(c record.Chunk, at time.Time) {
	p := e.partitions[c.TopicPartition]
	if p == nil || p.readSeq == 0 || c.Claim != p.readSeq {
		e.discard(c)
		return
	}
	if c.Err != nil {
		e.readFailed(p, c.Err)
		return
	}
	if c.LogEnd >= 0 {
		p.logEnd = c.LogEnd
	}
	if len(c.Records) == 0 {
		e.discard(c)
		e.passTo(p, c.Next)
		return
	}
	if c.Records[0].Offset < p.next {
		e.discard(c)
		e.readFailed(p, &record.ReadError{Kind: record.Truncated, Err: errWentBack})
		return
	}
	e.m.fetched.WithLabelValues(c.Topic).Add(float64(len(c.Records)))
	p.claimTries = 0 // reading works again
	p.queue.push(c, at)
	p.next = c.Next
	e.holdBack(p)
	e.arrived(p)
}

// holdBack stops the fetching of p alone when its queue is at its bound, unless its plan still waits
// for records.
func (e *Engine) holdBack(p *partition) {
	if p.paused || p.queue.bytes <= e.queueBound() || (p.plan != nil && p.next < p.plan.until(p)) {
		return
	}
	p.paused = true
	e.deps.Reader.Pause(p.TopicPartition, true)
}

func (e *Engine) discard(c record.Chunk) {
	e.budget.giveBack(int64(c.Bytes))
	release(c)
}

// passTo moves the position over control records and gaps. A control record may be of a later leader
// than the record before it, by whose epoch the log would look truncated: behind it the epoch is unknown.
// A drain leaves them to the next start: it ends when nothing waits for a commit, and they may keep coming.
func (e *Engine) passTo(p *partition, next int64) {
	p.next = max(p.next, next)
	if e.life.taking && p.queue.empty() && !p.letting && p.claim != nil && p.next > p.acked {
		p.epoch = -1
		e.moveTo(p, p.next, 0)
	}
	e.arrived(p)
}

// arrived looks at what p's new records or position make possible.
func (e *Engine) arrived(p *partition) {
	if p.plan != nil {
		e.checkPlan(p.plan)
	} else {
		e.enqueue(p)
	}
}

// queueBound is how many bytes one partition may have waiting.
func (e *Engine) queueBound() int {
	share := int(e.cfg.MemoryMaxBytes) / max(1, len(e.partitions))
	return max(2*e.cfg.MaxBytes, share)
}

// ack moves p past the records below until: the app acknowledged them, or they were condemned.
func (e *Engine) ack(p *partition, until int64) int {
	n, epoch, freed := p.queue.pop(until)
	e.budget.giveBack(int64(freed))
	if n > 0 || until > p.acked { // without a record (they were given up meanwhile) the epoch is unknown
		p.epoch = epoch
	}
	if p.queue.empty() && p.next > until {
		until, p.epoch = p.next, -1 // as in passTo
	}
	if until > p.acked {
		e.moveTo(p, until, n)
		e.passed(p, until)
	}
	if p.paused && p.queue.bytes < e.queueBound()/2 {
		p.paused = false
		e.deps.Reader.Pause(p.TopicPartition, false)
	}
	return n
}

// moveTo is the only place where an offset moves.
func (e *Engine) moveTo(p *partition, offset int64, records int) {
	if offset > p.acked {
		p.acked = offset
		e.commitLater(p, records)
	}
}

// setBlock blocks p and says so; its records are given up.
func (e *Engine) setBlock(p *partition, reason, detail string) {
	e.stopReading(p)
	p.lastError = detail
	if p.block.reason == reason {
		p.block.detail = detail
		return
	}
	p.block = block{reason, detail, time.Now()}
	p.changed = p.block.since
	e.log.Warn().Str("topic", p.Topic).Int32("partition", p.Partition).Int64("offset", p.acked).
		Str("reason", reason).Str("detail", detail).Msg("partition blocked")
	e.tellAt(p.TopicPartition, EventBlocked, reason, detail)
}

func (e *Engine) clearBlock(p *partition) {
	if p.block.reason == "" {
		return
	}
	e.goesOn(p, p.block.reason)
	p.block = block{}
	p.changed = time.Now()
}

// goesOn says that what was said of p before does not hold any more.
func (e *Engine) goesOn(p *partition, reason string) {
	e.log.Info().Str("topic", p.Topic).Int32("partition", p.Partition).Str("reason", reason).Msg("partition goes on")
	e.tellAt(p.TopicPartition, EventUnblocked, reason, "")
}

// errWentBack: the reader handed over an offset that was already passed.
var errWentBack = errors.New("the log handed over an offset below the position")
