package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

const runHelp = `Consumes the topics and delivers their records to the application until SIGTERM (or Ctrl-C): it then
stops taking, waits for requests in flight up to shutdown.grace, commits and leaves the group. A second
signal ends it at once; what was not committed is delivered again.

With --until-caught-up it asks once, at its start, where the logs end, delivers up to there, and ends as after
SIGTERM when the whole group has come so far: for jobs that ran nightly, or as Spark's AvailableNow.

Kafka, the store or the application being away never ends it: it says so and tries again. Health is at
/livez and /readyz of metrics.listen, the state at /v1/status of admin.listen.

Exit codes: 0 drained with the final commit durable; 1 a port is taken, the file store is locked, the
start map was refused, acknowledged records were left uncommitted, or a second signal; 2 usage or
configuration.`

// abortWait is how long a second signal waits for the orderly end of what it cut.
const abortWait = 3 * time.Second

func (c *cli) newRun() *cobra.Command {
	var untilCaughtUp bool
	cmd := &cobra.Command{
		Use:     "run",
		Short:   "Consume and deliver, until SIGTERM",
		Long:    runHelp,
		Example: "  sidecar run --config sidecar.yaml\n  sidecar run --set group=billing --set kafka.topics=orders --set offsets.store=file\n  sidecar run --config sidecar.yaml --until-caught-up",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := c.ready()
			if err != nil {
				return err
			}
			config.relay.UntilCaughtUp = untilCaughtUp
			log := newLogger(cmd.ErrOrStderr(), config.logLevel, config.logFormat)
			s, err := assemble(config, log)
			if err != nil {
				return err
			}
			defer s.close()
			tuneMemory(config, c.environ, cgroupRoot)
			if c.run(cmd.Context(), config, s) != nil {
				return &exitError{code: exitFailed} // it is in the log
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&untilCaughtUp, "until-caught-up", false, "end when everything is done that the logs held at the start")
	return cmd
}

// run opens the sidecar and runs it to its end, with a line for each. The error has been logged.
func (c *cli) run(ctx context.Context, config *configuration, s *sidecar) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	if err := s.open(); err != nil {
		s.log.Error().Err(err).Msg("not started")
		return err
	}
	s.log.Info().Str("version", versionText()).Str("group", config.relay.Group).Strs("topics", config.relay.Topics).
		Str("store", config.store).Str("app", config.relay.AppURL).Str("assignment", assignment{&config.relay.Assignment}.yaml()).
		Str("admin", s.server.AdminAddr()).Str("metrics", s.server.MetricsAddr()).Msg("started")
	for _, w := range config.warnings {
		s.log.Warn().Msg(w)
	}
	reason, err := supervise(ctx, s, signals)
	line := s.log.Info()
	if err != nil {
		line = s.log.Error().Err(err)
	}
	line.Str("reason", reason).Str("after", time.Since(c.started).Round(time.Millisecond).String()).Msg("stopped")
	return err
}

// supervise runs the sidecar: the first signal drains it, the second ends it at once. It returns the
// reason of the end in words, too.
func supervise(ctx context.Context, s *sidecar, signals <-chan os.Signal) (string, error) {
	ctx, drain := context.WithCancel(ctx)
	defer drain()
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	reason := "it ended by itself"
	var forced <-chan time.Time
	for first := true; ; {
		select {
		case err := <-done:
			return reason, err
		case <-forced: // the process ends without waiting for what hangs
			return reason, relay.ErrAborted
		case sig := <-signals:
			if first {
				reason = "signal: " + sig.String()
				s.log.Info().Str("signal", sig.String()).Msg("stopping; a second signal ends at once")
				drain()
				first = false
				continue
			}
			reason = "second signal: " + sig.String()
			if forced == nil {
				go s.engine.Abort() // may wait for a loop that hangs
				forced = time.After(abortWait)
			}
		}
	}
}

// describe is a constructor's error as a problem of the configuration.
func describe(what string, err error) error {
	return configError{{text: fmt.Sprintf("%s: %s", what, strings.ReplaceAll(err.Error(), "\n", "; "))}}
}

// nothing is a logger for commands that print by themselves.
func nothing() zerolog.Logger { return zerolog.Nop() }
