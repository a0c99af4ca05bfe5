package main

import (
	"bufio"
	"flag"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// appMain is an app in Go that acknowledges everything and looks at nothing but the ranges.
func appMain(args []string) error {
	flags := flag.NewFlagSet("app", flag.ContinueOnError)
	listen := flags.String("listen", "", "host:port")
	expect := flags.Int64("expect", 0, "write marks for so many records")
	work := flags.Duration("work", 0, "answer after so long")
	tail := flags.Bool("tail", false, "write a line for each range that is delivered")
	busy := flags.Bool("busy", false, "answer 503 once the expected records have come")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	a := &nullApp{work: *work, busy: *busy, progress: progress{out: os.Stdout, expect: *expect}}
	if *tail {
		a.log = bufio.NewWriter(os.Stdout)
	}
	server := &fasthttp.Server{Handler: a.handle, MaxRequestBodySize: 128 << 20}
	return server.Serve(l) // until a signal ends the process: it has nothing to finish
}

// nullApp is called by one goroutine per lane.
type nullApp struct {
	work time.Duration
	busy bool // once progress has all it expects

	mu       sync.Mutex
	progress progress
	log      *bufio.Writer // nil = no line per range
}

func (a *nullApp) handle(ctx *fasthttp.RequestCtx) {
	now := time.Now()
	if err := a.count(ctx.PostBody(), now); err != nil {
		fmt.Fprintln(os.Stderr, "write to the bench:", err)
		os.Exit(1)
	}
	if a.work > 0 {
		time.Sleep(a.work)
	}
	if a.isBusy() {
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
	}
}

func (a *nullApp) isBusy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.busy && a.progress.seen >= a.progress.expect
}

func (a *nullApp) count(body []byte, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var n int64
	eachRange(body, func(partition int32, from, until int64) {
		n += until - from
		if a.log != nil {
			delivery{partition, from, until, now}.write(a.log)
		}
	})
	if a.log != nil {
		if err := a.log.Flush(); err != nil {
			return err
		}
	}
	a.progress.add(n)
	return nil
}
