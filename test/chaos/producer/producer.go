package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

const (
	// every is the time between two bursts.
	every = 20 * time.Millisecond
	// maxBuffered is how many records may wait for an acknowledgement.
	maxBuffered = 5000
	// flushWithin is how long Pause waits for acknowledgements before it gives up.
	flushWithin = time.Minute
	// giveUpWithin is how long the client may then take to give up what it holds.
	giveUpWithin = 10 * time.Second
)

// Config is what and where to produce.
type Config struct {
	Brokers     []string // where clients connect
	Topic       string   // must exist
	TopicID     string   // for the log
	Partitions  int32
	PerSecond   int    // records, over all partitions
	Compression string // none (default), gzip, snappy, lz4, zstd
	Seed        uint64 // of the contents
	Oversized   []int  // bytes of the values that one in 50 records has, in turn; the topic must allow them. nil = none
	Keyed       bool   // for a compacted topic: every record has a key, and all names of headers are UTF-8

	// TransactionalID makes each some records a transaction; "" = none. AbortOneIn aborts one in so many of them; 0 = none.
	TransactionalID string
	AbortOneIn      int
}

// Counts are records so far.
type Counts struct {
	Acked   int
	Unknown int // given up without an acknowledgement; they may be in the topic
	Aborted int // in transactions that were aborted on purpose
}

// Producer produces between Resume and Pause. Make it with New. Its methods belong to one goroutine; Counts may be called from any.
type Producer struct {
	cfg      Config
	contents *contents
	client   *kgo.Client     // nil = to be made
	sent     int             // records, which also says whose turn it is
	seq      map[int32]int64 // the last of each partition
	known    int32           // partitions that the client knows of for certain

	stop context.CancelFunc // nil = paused
	done chan struct{}

	mu         sync.Mutex
	partitions int32
	log        io.Writer
	counts     Counts
	err        error // the first one of the log
	last       error // the newest one of a record
}

// New makes a producer that is paused and appends one line for each acknowledgement to log, each with one Write.
func New(cfg Config, log io.Writer) (*Producer, error) {
	p := &Producer{
		cfg: cfg, contents: newContents(&cfg), log: log,
		seq: map[int32]int64{}, partitions: cfg.Partitions, known: cfg.Partitions,
	}
	return p, p.connect()
}

var codecs = map[string]kgo.CompressionCodec{
	"": kgo.NoCompression(), "none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// connect makes the client anew. Records are retried for ever: only Pause gives up.
func (p *Producer) connect() error {
	p.disconnect()
	codec, ok := codecs[p.cfg.Compression]
	if !ok {
		return fmt.Errorf("compression %q: it is none, gzip, snappy, lz4 or zstd", p.cfg.Compression)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(p.cfg.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec),
		kgo.RequiredAcks(kgo.AllISRAcks()), kgo.UnknownTopicRetries(-1), kgo.MaxBufferedRecords(2 * maxBuffered),
		// Outages are short here, and a broker that is back must be found soon.
		kgo.MetadataMinAge(100 * time.Millisecond), kgo.DialTimeout(3 * time.Second), kgo.RequestTimeoutOverhead(3 * time.Second),
		kgo.RetryBackoffFn(func(int) time.Duration { return 250 * time.Millisecond }),
	}
	if len(p.cfg.Oversized) > 0 {
		opts = append(opts, kgo.ProducerBatchMaxBytes(int32(slices.Max(p.cfg.Oversized)+1<<20))) //nolint:gosec // some MiB
	}
	if p.cfg.TransactionalID != "" {
		opts = append(opts, kgo.TransactionalID(p.cfg.TransactionalID))
	}
	client, err := kgo.NewClient(opts...)
	p.client = client
	return err
}

func (p *Producer) disconnect() {
	if p.client != nil {
		p.client.Close()
		p.client = nil
	}
}

// Resume begins to produce; nothing happens when it does.
func (p *Producer) Resume() {
	if p.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop, p.done = stop, make(chan struct{})
	run := p.run
	if p.cfg.TransactionalID != "" {
		run = p.runTransactions
	}
	go func() {
		defer close(p.done)
		run(ctx)
	}()
}

// Pause stops and waits until all that was sent is acknowledged, or after a minute given up and counted as unknown. Nothing is on
// its way after that.
func (p *Producer) Pause() {
	if p.stop == nil {
		return
	}
	p.stop()
	<-p.done
	p.stop = nil
}

// Close is Pause for good. The error is the first of writing the log.
func (p *Producer) Close() error {
	p.Pause()
	p.disconnect()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// SetPartitions makes it go on over [0, n) partitions. New ones are used once the client has heard of them.
func (p *Producer) SetPartitions(n int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.partitions = n
}

// Recreated makes a paused producer go on with the topic's next incarnation.
func (p *Producer) Recreated(topicID string, partitions int32) error {
	if p.stop != nil {
		return errors.New("the producer must be paused while its topic is recreated")
	}
	p.cfg.TopicID, p.known = topicID, partitions
	p.SetPartitions(partitions)
	return p.connect()
}

// Counts are the records so far.
func (p *Producer) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// LastError is the newest error of a record, for people; nil = none had one.
func (p *Producer) LastError() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// run produces bursts until ctx ends.
func (p *Producer) run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if err := p.flush(); err != nil {
				p.unknown(0, err) // the records are counted one by one
			}
			return
		case <-tick.C:
		}
		for _, r := range p.burst() {
			sent := now()
			p.client.Produce(context.Background(), r, func(r *kgo.Record, err error) {
				if err != nil {
					p.unknown(1, err)
					return
				}
				p.acked(r.Partition, sent, []*kgo.Record{r})
			})
		}
	}
}

// errGivenUp is why records have no acknowledgement after a flush.
var errGivenUp = errors.New("not acknowledged in time, given up")

// flush waits for what was sent, and gives up what is not acknowledged in time. A client may refuse to give up what the brokers may
// have; then it is replaced.
func (p *Producer) flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	if p.client.Flush(ctx) == nil {
		return nil
	}
	ctx, cancel = context.WithTimeout(context.Background(), giveUpWithin)
	defer cancel()
	if p.client.AbortBufferedRecords(ctx) != nil {
		return errors.Join(errGivenUp, p.connect())
	}
	return errGivenUp
}

// burst makes the records of one tick, round robin over the partitions; none while too many wait.
func (p *Producer) burst() []*kgo.Record {
	if p.client.BufferedProduceRecords() >= maxBuffered {
		return nil
	}
	p.mu.Lock()
	partitions := p.partitions
	p.mu.Unlock()
	var burst []*kgo.Record
	for range max(1, p.cfg.PerSecond*int(every)/int(time.Second)) {
		partition := int32(p.sent) % partitions
		p.sent++
		if !p.knows(partition) {
			continue
		}
		p.seq[partition]++
		r := p.contents.next(p.seq[partition])
		r.Topic, r.Partition, r.Timestamp = p.cfg.Topic, partition, time.UnixMilli(time.Now().UnixMilli())
		burst = append(burst, r)
	}
	return burst
}

// knows says whether the client has heard of the partition: it would refuse the record otherwise.
func (p *Producer) knows(partition int32) bool {
	if partition < p.known {
		return true
	}
	if leader, _, err := p.client.PartitionLeader(p.cfg.Topic, partition); err != nil || leader < 0 {
		p.client.ForceMetadataRefresh()
		return false
	}
	p.known = partition + 1
	return true
}

// acked logs records of one partition in the order they were sent.
func (p *Producer) acked(partition int32, sent oracle.Nanos, records []*kgo.Record) {
	line := oracle.Produced{Topic: p.cfg.Topic, TopicID: p.cfg.TopicID, Partition: partition, Sent: sent, Acked: now()}
	for _, r := range records {
		line.Offsets = append(line.Offsets, r.Offset)
		line.Digests = append(line.Digests, digest(r))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Acked += len(records)
	text, err := oracle.Line(line)
	if err == nil {
		_, err = p.log.Write(text)
	}
	if p.err == nil {
		p.err = err
	}
}

func (p *Producer) unknown(n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts.Unknown += n
	p.last = err
}

func digest(r *kgo.Record) oracle.Digest {
	headers := make([]oracle.Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = oracle.Header{Name: []byte(h.Key), Value: h.Value}
	}
	return oracle.DigestOf(r.Timestamp.UnixMilli(), r.Key, r.Value, headers)
}

func now() oracle.Nanos { return oracle.Nanos(time.Now().UnixNano()) }
