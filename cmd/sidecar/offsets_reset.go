package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

const resetHelp = `Makes the group go on from another offset. The flags are those of kafka-consumer-groups --reset-offsets, but the group
may run meanwhile.

An offset outside the log is refused with both bounds, never moved to one of them; with --force it is written as it
is. With --force a key that can't be read is written over, too. When the topic was recreated its offsets can only
be replaced for all partitions at once.`

const resetExamples = `  sidecar offsets reset --config sidecar.yaml --topic orders --to-earliest
  sidecar offsets reset --config sidecar.yaml --topic orders:0,1 --shift-by -100 --execute
  sidecar offsets reset --config sidecar.yaml --topic orders --by-duration PT1H --execute
  sidecar offsets reset --config sidecar.yaml --from-file offsets.csv --execute`

func (o *offsetsCLI) newReset() *cobra.Command {
	c := change{offsetsCLI: o}
	w := &where{}
	var force bool
	cmd := &cobra.Command{
		Use:     "reset",
		Short:   "Go on from another offset",
		Long:    resetHelp,
		Example: resetExamples,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := w.check(); err != nil {
				return err
			}
			return c.run(cmd, "POST /v1/seek", func(ctx context.Context, d *desk) ([]*control.Plan, error) {
				return eachTopic(d, func(t chosenTopic) (*control.Plan, error) { return d.Seek(ctx, t.name, t.parts, w.to, force) })
			})
		},
	}
	o.topicFlag(cmd, "`topic`, or some of its partitions: orders or orders:0,1")
	w.register(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "take an offset outside the log as it is, and write over a key that can't be read")
	c.flags(cmd)
	return cmd
}
