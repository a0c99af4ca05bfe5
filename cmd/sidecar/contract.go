package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/internal/contract"
)

const contractHelp = `Plays requests of the protocol against an application, as the sidecar would send them, and prints one
line for each thing it looked at: "ok", "note" for what is allowed and worth a thought, or "fail" with what was
answered, what that would lead to and what to do. It needs neither Kafka nor Consul and reads no configuration.

THE APPLICATION SEES MADE-UP RECORDS and will treat them as real ones: use a test instance. Their group is
"contract", their topics begin with "contract-", and each run uses new ones. (Bodies that are malformed on
purpose may name others.)

An application may reject records that it does not understand, by naming them in "failures"; that is counted and
no failure. With --sample records get a value that it does understand, wherever a special one is not needed.

Exit codes: 0 nothing failed, 1 something failed or the application can't be reached, 2 usage.`

const contractExamples = `  sidecar contract --url http://127.0.0.1:8080/batches
  sidecar contract --url http://127.0.0.1:8080/batches --sample '{"order":1,"total":9.5}'
  sidecar contract --url unix:/run/app.sock:/batches --token-file token --format columns -o json`

func newContract() *cobra.Command {
	cfg := contract.DefaultConfig()
	var token secret
	var output string
	cmd := &cobra.Command{
		Use:     "contract",
		Short:   "Play the protocol against an application and say what it gets wrong",
		Long:    contractHelp,
		Example: contractExamples,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o must be text or json (got %s)", shown(output))
			}
			player, err := newPlayer(cfg, &token)
			if err != nil {
				return err
			}
			return playContract(cmd.Context(), cmd.OutOrStdout(), player, output)
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.URL, "url", "", "where batches are posted, as app.url: http://host:port/path or unix:/socket:/path; may hold {topic}")
	f.StringVar(&token.value, "token", "", "sent as Authorization: Bearer; the app must then refuse requests without it")
	f.StringVar(&token.file, "token-file", "", "file with the token")
	f.StringVar(&cfg.Format, "format", cfg.Format, "format of bodies: json or columns")
	f.StringVar(&cfg.Value, "value", cfg.Value, "how values are written, as batch.value: auto, json or base64 (columns ignores it)")
	f.StringVar(&cfg.Sample, "sample", cfg.Sample, "`text` that the app understands as the value of a record")
	f.DurationVar(&cfg.Timeout, "timeout", cfg.Timeout, "of one request, as app.timeout")
	f.StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

// flagNames are what pkg/deliver's settings are called here.
var flagNames = strings.NewReplacer("configure the app: ", "", "app.url: ", "--url ", "app.timeout: ", "--timeout ", "batch.format: ", "--format ", "batch.value: ", "--value ")

func newPlayer(cfg contract.Config, token *secret) (*contract.Player, error) {
	if strings.ContainsFunc(token.value, unprintable) {
		return nil, errors.New("--token must be one line of printable text")
	}
	var err error
	if cfg.Token, err = token.open(); err != nil {
		return nil, fmt.Errorf("--token-file %w", err)
	}
	player, err := contract.New(cfg)
	if err != nil {
		return nil, errors.New(flagNames.Replace(err.Error()))
	}
	return player, nil
}

// playContract prints findings as they come (text) or when all are there (json).
func playContract(ctx context.Context, out io.Writer, player *contract.Player, output string) error {
	report := struct {
		URL      string             `json:"url"`
		Findings []contract.Finding `json:"findings"`
		Summary  contract.Summary   `json:"summary"`
	}{URL: player.URL()}
	var broken error // of the output
	report.Summary = player.Run(ctx, func(f contract.Finding) {
		report.Findings = append(report.Findings, f)
		if output == "text" && broken == nil {
			_, broken = fmt.Fprintf(out, "%-4s  %s: %s\n", f.Result, f.Name, oneLine(f))
		}
	})
	if output == "json" {
		broken = writeJSON(out, report)
	} else if broken == nil {
		_, broken = fmt.Fprintf(out, "\n%s\n", report.Summary)
	}
	switch {
	case broken != nil:
		return failed(broken)
	case report.Summary.Failed > 0 || report.Summary.NotPlayed > 0:
		return &exitError{code: exitFailed}
	}
	return nil
}

// oneLine is a finding in words: what was answered, what that leads to; what to do.
func oneLine(f contract.Finding) string {
	text := f.Detail
	if f.Why != "" {
		text += ": " + f.Why
	}
	if f.Hint != "" {
		text += "; " + f.Hint
	}
	return strings.ReplaceAll(text, "\n", " ")
}
