package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/admin"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
)

const dashboardHelp = `Serves the page of the admin listener for every group under offsets.prefix, without consuming anything. It shows
what the store and Kafka know; what replicas do, and why a partition is blocked, is on the pages of the replicas. Orders are
writes to the store, which the replicas follow within watch.interval.

Give it the same --config, variables or --set as a sidecar. Only kafka.*, offsets.* and admin.token are looked at. A file store
belongs to one process and has one group: while its sidecar runs, the page is at admin.listen.

Exit codes: 0 ended by a signal, 1 a port is taken or the file store is held, 2 usage or configuration.`

func (c *cli) newDashboard() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:     "dashboard",
		Short:   "Serve the page for all groups, without consuming",
		Long:    dashboardHelp,
		Example: "  sidecar dashboard --config sidecar.yaml\n  sidecar dashboard --set kafka.brokers=kafka:9092 --set offsets.consul.address=consul:8500",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, problems := load(c.sources())
			if problems = append(problems, config.finishForDashboard(listen)...); len(problems) > 0 {
				return problems
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return config.dashboard(ctx, listen, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:7480", "`address` of the page: host:port, or unix:/path; other than loopback needs admin.token")
	return cmd
}

// finishForDashboard is finish for a command that has no group, no topics and no app.
func (c *configuration) finishForDashboard(listen string) configError {
	problems := c.finishForControl()
	var err error
	if c.admin.Token, err = c.adminToken.open(); err != nil {
		problems = append(problems, c.wrong("admin.token_file", "%s", err))
	}
	if err := admin.CheckListen(listen, c.adminToken.set()); err != nil {
		problems = append(problems, problem{text: fmt.Sprintf("--listen: %s %s", listen, err)})
	}
	if c.store == "file" && c.relay.Group == "" {
		problems = append(problems, c.wrong("group", "is required: a file holds one group"))
	}
	return problems
}

// dashboard serves until ctx ends.
func (c *configuration) dashboard(ctx context.Context, listen string, out io.Writer) error {
	kafka := c.fetch
	kafka.Log = nothing()
	cluster, err := fetch.NewCluster(kafka)
	if err != nil {
		return describe("kafka", err)
	}
	defer cluster.Close()
	shelf, err := c.openShelf()
	if err != nil {
		return err
	}
	defer shelf.shut()
	d := admin.NewDashboard(admin.DashboardConfig{
		Listen: listen, Token: c.admin.Token, Kind: c.store, Version: versionText(),
		Groups: admin.Groups{Store: shelf.all, Cluster: cluster},
		Group:  func(group string) admin.GroupStore { return shelf.group(group) }, // a nil stays nil
		Operators: func(group, who string) admin.Operator {
			if !strings.Contains(who, "@") {
				who = cmp.Or(who, "dashboard") + "@" + hostName()
			}
			return control.New(shelf.group(group), cluster, who)
		},
	})
	if err := d.Listen(); err != nil {
		return failed(err)
	}
	fmt.Fprintf(out, "the groups of %s are at http://%s\n", shelf.place, d.Addr())
	return failed(d.Run(ctx))
}

// shelf is where all groups are kept.
type shelf struct {
	all   admin.GroupLister
	group func(name string) groupStore // nil = there is no such group
	place string                       // for people
	shut  func()
}

// groupStore is one group of it.
type groupStore interface {
	control.Store
	admin.GroupStore
}

func (c *configuration) openShelf() (*shelf, error) {
	if c.store != "file" {
		config := c.consul
		config.Log = nothing()
		all, err := offsets.NewConsulPrefix(config)
		if err != nil {
			return nil, describe("offsets.consul", err)
		}
		return &shelf{all, func(name string) groupStore { return all.Group(name) }, all.Location(), func() { _ = all.Close() }}, nil
	}
	file, err := offsets.NewFile(c.file)
	if err != nil {
		return nil, describe("offsets.file", err)
	}
	if err := file.Open(); err != nil {
		return nil, failed(held(err, c.admin.AdminListen, "open its page there"))
	}
	only := func(name string) groupStore {
		if name != c.file.Group {
			return nil
		}
		return file
	}
	return &shelf{file, only, file.Location(), func() { _ = file.Close() }}, nil
}
