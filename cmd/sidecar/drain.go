package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

const drainHelp = `Asks the sidecar that runs here to drain, and waits: it stops taking records, waits for requests in
flight up to shutdown.grace, commits and leaves the group. It then stays up, not ready, until SIGTERM.

The address and the token are those of the configuration (admin.listen, admin.token, admin.token_file),
so give it the same --config, variables or --set as the sidecar itself; nothing else of it is looked at.

Exit codes: 0 drained, 1 not drained, 2 usage or configuration.`

func (c *cli) newDrain() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "drain",
		Short:   "Make the running sidecar finish, commit and leave the group",
		Long:    drainHelp,
		Example: "  sidecar drain --config sidecar.yaml\n  sidecar drain --set admin.listen=unix:/run/sidecar/admin.sock --timeout 1m",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, problems := load(c.sources())
			token, err := config.adminToken.open()
			if err != nil {
				problems = append(problems, config.wrong("admin.token_file", "%s", err))
			}
			if len(problems) > 0 {
				return problems
			}
			if !cmd.Flags().Changed("timeout") {
				timeout = config.drainTimeout()
			}
			if timeout <= 0 {
				return errors.New("--timeout must be above 0s")
			}
			if err := drain(cmd.Context(), config.admin.AdminListen, token, timeout); err != nil {
				return failed(err)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "drained")
			return nil
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 0, "how long to wait (default: shutdown.grace + 5s)")
	return cmd
}

// drain orders a drain at the admin listener and waits for its end. The error says what happened.
func drain(ctx context.Context, listen string, token func() string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	network, addr := dialTarget(listen)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost/v1/drain", nil)
	if err != nil {
		return err
	}
	if token != nil {
		req.Header.Set("Authorization", "Bearer "+token())
	}
	resp, err := transport.RoundTrip(req)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("drain %s: not done within %s; the sidecar goes on draining", listen, duration(timeout))
	case err != nil:
		return fmt.Errorf("drain %s: %w; is the sidecar running, and admin.listen the same as its?", listen, err)
	}
	defer resp.Body.Close()
	return drainAnswer(listen, resp)
}

func drainAnswer(listen string, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	var answer struct {
		Error struct{ Message, Hint string }
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer); err != nil || answer.Error.Message == "" {
		return fmt.Errorf("drain %s: answered %s, which is not a sidecar's answer", listen, resp.Status)
	}
	text := answer.Error.Message
	if answer.Error.Hint != "" {
		text += "; " + answer.Error.Hint
	}
	return fmt.Errorf("drain %s: %s", listen, text)
}

// dialTarget is where a listener is reached from this host: one on all interfaces is on loopback too.
func dialTarget(listen string) (network, addr string) {
	if path, unix := strings.CutPrefix(listen, "unix:"); unix {
		return "unix", path
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil { // the configuration was checked
		return "tcp", listen
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return "tcp", net.JoinHostPort(host, port)
}
