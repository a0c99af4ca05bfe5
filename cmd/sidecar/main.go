// Command sidecar runs beside an application and owns its Kafka consumption: it reads records, posts
// them to the application and keeps the offsets.
//
// This package is flags, file, environment, wiring, signals and exit codes; it is the only place that
// knows YAML and the only importer of all the other packages.
//
// Invariants:
//   - keys is the only list of settings: file, environment, --set, `config example` and `config show`
//     follow from it. A setting lives in the Config of the package that reads it.
//   - A secret is shown nowhere: not in a message, not by `config show`, not in a log line.
//   - Exit 0 is only for what was done, 2 only for usage and configuration, 1 for everything else.
//
// Goroutines: `run` has one errgroup for the engine, the reader and the listeners, and waits for all
// of it, unless a second signal has asked to end at once.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// exitError ends the command with a code; its text has been printed already where it is empty.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// failed is an error that ends the command with 1.
func failed(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitFailed, err}
}

func main() {
	os.Exit(execute(context.Background(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// execute runs one command line and returns the exit code.
func execute(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	c := &cli{environ: environ, started: time.Now()}
	root := c.newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	var exit *exitError
	switch {
	case err == nil:
		return exitOK
	case !errors.As(err, &exit): // cobra found the mistake, or the configuration has one
		exit = &exitError{exitUsage, err}
	}
	if text := exit.Error(); text != "" {
		fmt.Fprintln(stderr, "sidecar: "+text)
	}
	return exit.code
}

// cli is what all commands share.
type cli struct {
	environ []string
	started time.Time
	file    string   // --config
	sets    []string // --set
}

func (c *cli) sources() sources { return sources{file: c.file, environ: c.environ, sets: c.sets} }

const rootHelp = `Kafka Sidecar runs beside an application and owns its Kafka consumption: it reads records, posts them
to the application over HTTP and moves the offsets, kept in Consul or in a file, after the application
has answered.

Settings come from one YAML file (--config, or the variable SIDECAR_CONFIG), from variables
(kafka.brokers is SIDECAR_KAFKA_BROKERS) and from --set; flags beat variables, which beat the file.
"sidecar config example" prints every key with its default and meaning.

Exit codes: 0 done, 1 it could not be done, 2 usage or configuration.`

func (c *cli) newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "sidecar",
		Short:         "Owns the Kafka consumption of the application beside it",
		Long:          rootHelp,
		Example:       strings.Trim(rootExamples, "\n"),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	flags := root.PersistentFlags()
	flags.StringVar(&c.file, "config", "", "configuration file, YAML (default: the variable SIDECAR_CONFIG, else none)")
	flags.StringArrayVar(&c.sets, "set", nil, "set one key, `path=value`, for example --set kafka.topics=orders,payments; may be repeated")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %q", err, cmd.CommandPath()+" --help")
	})
	root.AddCommand(c.newRun(), c.newCheck(), c.newDrain(), c.newOffsets(), c.newDashboard(), newContract(), c.newConfig(), newVersion(), demo())
	return root
}

// demo is the demo's command; what goes wrong in it is no mistake of usage.
func demo() *cobra.Command {
	cmd := newDemoCommand()
	play := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return failed(play(cmd, args)) }
	return cmd
}

const rootExamples = `
  sidecar config example > sidecar.yaml      every key, to start from
  sidecar check --config sidecar.yaml        look at everything it names, change nothing
  sidecar run --config sidecar.yaml          consume, until SIGTERM
  sidecar drain --config sidecar.yaml        finish, commit, leave the group: for a preStop hook
  sidecar offsets list --config sidecar.yaml where each partition stands, and who wrote it last
  sidecar dashboard --config sidecar.yaml    the page of all groups, for a browser
  sidecar contract --url http://…            play the protocol against an application under test`
