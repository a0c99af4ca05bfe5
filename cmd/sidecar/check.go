package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const checkHelp = `Looks at everything the configuration names and prints one line for each thing: "ok", or "fail" with
what is wrong and what to do. It looks at the configuration, each broker, the topics, the rights on topics
and group, the dead-letter topic, the store (Consul: it creates, reads and deletes
<prefix>/<group>/_check) and the application.

It joins no group and writes no offset, so it can be run beside a running sidecar.

Exit codes: 0 all is well, 1 something failed, 2 the configuration can't be used.`

// checkTimeout bounds the look at one system.
const checkTimeout = 20 * time.Second

func (c *cli) newCheck() *cobra.Command {
	var offline bool
	var output string
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Look at everything the configuration names and say what to do about what fails",
		Long:    checkHelp,
		Example: "  sidecar check --config sidecar.yaml\n  sidecar check --config sidecar.yaml --offline      the configuration only\n  sidecar check --config sidecar.yaml -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o must be text or json (got %s)", shown(output))
			}
			findings, code := c.check(cmd.Context(), cmd.ErrOrStderr(), offline)
			if err := printFindings(cmd.OutOrStdout(), findings, output); err != nil {
				return failed(err)
			}
			if code != exitOK {
				return &exitError{code: code}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&offline, "offline", false, "look at the configuration only, ask nobody")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// check looks at everything and returns the exit code, too.
func (c *cli) check(ctx context.Context, warnings io.Writer, offline bool) ([]record.Finding, int) {
	config, err := c.ready()
	var parts *checkParts
	if err == nil {
		parts, err = newCheckParts(config)
	}
	if err != nil {
		return configFindings(err), exitUsage
	}
	for _, w := range config.warnings {
		fmt.Fprintln(warnings, "warning: "+w)
	}
	findings := []record.Finding{{Name: "configuration", OK: true, Detail: fmt.Sprintf("%d of %d keys are set", len(config.origin), len(config.keys))}}
	if !offline {
		for _, look := range parts.looks {
			findings = append(findings, bounded(ctx, look)...)
		}
	}
	parts.close()
	for _, f := range findings {
		if !f.OK {
			return findings, exitFailed
		}
	}
	return findings, exitOK
}

func bounded(ctx context.Context, look func(context.Context) []record.Finding) []record.Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return look(ctx)
}

// configFindings is one line for each problem of the configuration.
func configFindings(err error) []record.Finding {
	var problems configError
	if !errors.As(err, &problems) {
		problems = configError{{text: err.Error()}}
	}
	findings := make([]record.Finding, len(problems))
	for i, p := range problems {
		findings[i] = record.Finding{Name: "configuration", Detail: p.String()}
	}
	return findings
}

// checkParts are the systems to look at, in the order of a start.
type checkParts struct {
	looks []func(ctx context.Context) []record.Finding
	shut  []func()
}

func (p *checkParts) close() {
	for _, shut := range p.shut {
		shut()
	}
}

func newCheckParts(c *configuration) (*checkParts, error) {
	p := &checkParts{}
	store, _, err := newStore(c, nothing())
	if err != nil {
		return nil, err
	}
	app, err := deliver.New(c.deliver)
	if err != nil {
		return nil, describe("app", err)
	}
	lookAtKafka, shut, err := newKafkaCheck(c)
	if err != nil {
		return nil, err
	}
	p.looks = append(p.looks, lookAtKafka, store.Check, func(ctx context.Context) []record.Finding { return []record.Finding{checkApp(ctx, app)} })
	p.shut = append(p.shut, shut, app.Close, func() { _ = store.Close() }) // nothing was opened that could be left behind
	return p, nil
}

func checkApp(ctx context.Context, app *deliver.App) record.Finding {
	f := record.Finding{Name: "app", OK: true, Detail: app.URL() + " is ready"}
	if err := app.Ready(ctx); err != nil {
		f.OK, f.Detail, f.Hint = false, err.Error(), "start the application, or correct app.url and app.ready_url; the sidecar itself would wait for it"
	}
	return f
}

func printFindings(w io.Writer, findings []record.Finding, output string) error {
	if output == "json" {
		return writeJSON(w, findings)
	}
	for _, f := range findings {
		word, text := "ok", f.Detail
		if !f.OK {
			word = "fail"
			if f.Hint != "" {
				text += "; " + f.Hint
			}
		}
		if _, err := fmt.Fprintf(w, "%-4s  %s: %s\n", word, f.Name, strings.ReplaceAll(text, "\n", " ")); err != nil {
			return err
		}
	}
	return nil
}
