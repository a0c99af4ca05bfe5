package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// bareMain is the denominator: a consumer in Go that does nothing with its records. Its fetch options, pools and settings of the
// garbage collector are the sidecar's (pkg/fetch, cmd/sidecar/memory.go).
func bareMain(args []string) error {
	flags := flag.NewFlagSet("bare", flag.ContinueOnError)
	broker := flags.String("broker", "", "host:port")
	name := flags.String("topic", "", "topic to read")
	expect := flags.Int64("expect", 0, "write marks for so many records")
	end := flags.Bool("from-end", false, "begin at the end, and say when it is known")
	tail := flags.Bool("tail", false, "write a line for each delivery")
	if err := flags.Parse(args); err != nil {
		return err
	}
	debug.SetGCPercent(200)
	debug.SetMemoryLimit(176 << 20)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()

	cl, err := kgo.NewClient(bareOptions(*broker)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	from, err := bareOffsets(ctx, cl, *name, *end)
	if err != nil {
		return err
	}
	cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{*name: from})
	if *end {
		mark{name: markReady, at: time.Now()}.write(os.Stdout)
	}
	return consumeBare(ctx, cl, *tail, &progress{out: os.Stdout, expect: *expect})
}

func bareOptions(broker string) []kgo.Opt {
	return []kgo.Opt{
		kgo.SeedBrokers(broker), kgo.DisableClientMetrics(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(5 << 20), kgo.FetchMaxPartitionBytes(1 << 20), kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.MaxDecompressBatchBytes(128 << 20), kgo.WithPools(&pools{}),
	}
}

// bareOffsets are where each partition begins.
func bareOffsets(ctx context.Context, cl *kgo.Client, name string, end bool) (map[int32]kgo.Offset, error) {
	list := kadm.NewClient(cl).ListStartOffsets
	if end {
		list = kadm.NewClient(cl).ListEndOffsets
	}
	listed, err := list(ctx, name)
	if err != nil {
		return nil, err
	}
	from := map[int32]kgo.Offset{}
	listed.Each(func(o kadm.ListedOffset) { from[o.Partition] = kgo.NewOffset().At(o.Offset) })
	return from, listed.Error()
}

// consumeBare reads until ctx ends; with tail it writes which records came when.
func consumeBare(ctx context.Context, cl *kgo.Client, tail bool, p *progress) error {
	out := bufio.NewWriter(os.Stdout)
	for {
		fetches := cl.PollFetches(ctx)
		now := time.Now()
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		var n int64
		fetches.EachPartition(func(part kgo.FetchTopicPartition) {
			if len(part.Records) == 0 {
				return
			}
			n += int64(len(part.Records))
			if tail {
				delivery{part.Partition, part.Records[0].Offset, part.Records[len(part.Records)-1].Offset + 1, now}.write(out)
			}
			for _, r := range part.Records {
				r.Recycle()
			}
		})
		if err := out.Flush(); err != nil {
			return fmt.Errorf("write to the bench: %w", err)
		}
		p.add(n)
	}
}

// pools are those of pkg/fetch.
type pools struct{ bytes, records sync.Pool }

func (p *pools) GetDecompressBytes(compressed []byte, _ kgo.CompressionCodecType) []byte {
	if b, ok := p.bytes.Get().(*[]byte); ok {
		return *b
	}
	return make([]byte, 0, 4*len(compressed))
}

func (p *pools) PutDecompressBytes(b []byte) { p.bytes.Put(&b) }

func (p *pools) GetRecords(n int) []kgo.Record {
	if r, ok := p.records.Get().(*[]kgo.Record); ok && cap(*r) >= n {
		return *r
	}
	return make([]kgo.Record, n)
}

func (p *pools) PutRecords(r []kgo.Record) { p.records.Put(&r) }
