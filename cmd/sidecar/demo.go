package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// demoOptions is how a demo is played.
type demoOptions struct {
	keep    bool      // leave everything running at the end, until the context ends
	verbose bool      // the sidecar's log goes to logs
	out     io.Writer // the story
	logs    io.Writer
	meddle  func(*demoStage) // tests only: called in act one while nothing runs
}

// errDemoFailed: a check of the demo does not hold. The story says which.
var errDemoFailed = errors.New("the demo failed")

// newDemoCommand is `sidecar demo`.
func newDemoCommand() *cobra.Command {
	var options demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show on this machine that nothing is lost: first start, restart, added partitions",
		Long: `Plays three acts with an embedded broker, a small app and the real sidecar, all in this process:
the first start with a crash before the first acknowledgement, a restart, and a partition added
under load. Every claim is checked against the producer's log and the app's log.

Takes less than half a minute, uses free ports and a temporary folder, and leaves nothing behind.
Exits 1 if a check fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			options.out, options.logs = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return demoExit(runDemo(ctx, options))
		},
	}
	cmd.Flags().BoolVar(&options.keep, "keep", false, "leave everything running at the end and print commands to try")
	cmd.Flags().BoolVar(&options.verbose, "verbose", false, "print the sidecar's log, too")
	return cmd
}

// demoExit makes every failure end the process with 1; what a check found has been printed.
func demoExit(err error) error {
	if errors.Is(err, errDemoFailed) {
		return &exitError{code: exitFailed}
	}
	return failed(err)
}

// runDemo plays all acts. It returns after everything it started has ended: nil when all checks hold.
func runDemo(ctx context.Context, options demoOptions) error {
	stage, err := newDemoStage(ctx, options)
	defer stage.close()
	if err == nil {
		stage.introduce()
		err = stage.play(ctx)
	}
	if ctx.Err() != nil {
		return errors.New("interrupted before the demo was over")
	}
	if err != nil {
		stage.say.check(false, "the demo goes on", "%v", err)
	}
	stage.conclude()
	if stage.say.failed > 0 {
		return errDemoFailed
	}
	if options.keep {
		return stage.stay(ctx)
	}
	return nil
}

// play plays the acts in order, up to the first with a check that fails: each builds on the one
// before. The sidecar of the last one runs on if it is to be kept.
func (s *demoStage) play(ctx context.Context) error {
	for _, act := range []func(context.Context) error{s.firstStart, s.restart, s.growth} {
		if err := act(ctx); err != nil || s.say.failed > 0 {
			return err
		}
	}
	if s.options.keep {
		return nil
	}
	if err := s.stop(); err != nil {
		return fmt.Errorf("stop the sidecar: %w", err)
	}
	return nil
}

// introduce names the cast.
func (s *demoStage) introduce() {
	s.say.line(s.say.paint(styleBold, "Kafka Sidecar: three situations in which records get lost, and do not here"))
	s.say.line("A broker in memory, a small app and the real sidecar, all in this process.")
	s.say.line("")
	s.say.show("broker", s.broker()+"  topic orders, 2 partitions")
	s.say.show("app", "POST "+s.app.url())
	s.say.show("offsets", s.store.path)
}

// conclude prints the last line.
func (s *demoStage) conclude() {
	s.say.line("")
	if s.say.failed > 0 {
		s.say.line(s.say.paint(styleRed, fmt.Sprintf("%d of %d checks failed.", s.say.failed, s.say.checks)))
		return
	}
	s.say.line(s.say.paint(styleBold, fmt.Sprintf("All %d checks hold: %d records produced, %d lost, %d repeated, in %.0f s.",
		s.say.checks, s.total.produced, s.total.lost, s.total.repeated, time.Since(s.say.began).Seconds())))
}

// stay keeps everything running, with a little load, until the context ends.
func (s *demoStage) stay(ctx context.Context) error {
	stopLoad := s.producer.load(ctx, time.Second)
	s.say.line("")
	s.say.line("Everything runs on, with one order a second in every partition. Try:")
	s.say.line("")
	for _, line := range append([]string{"cat " + s.store.path}, s.sidecar.commands()...) {
		s.say.line("  " + line)
	}
	s.say.line("")
	s.say.line("Ctrl-C ends it.")
	select {
	case <-ctx.Done():
	case <-s.sidecar.ended:
	}
	err := stopLoad()
	return errors.Join(err, s.stop())
}
