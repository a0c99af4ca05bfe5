package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

const pauseHelp = `Keeps partitions from being delivered. They stay with the sidecar that has them, their offsets stay, and the pause
holds over restarts and rebalances until "sidecar offsets resume". A request in flight is left to end; its records come
again after the resume.`

const resumeHelp = `Has paused partitions delivered again, from the offset where they stand.`

func (o *offsetsCLI) newPause() *cobra.Command {
	return o.newPausing("pause", "Stop delivering partitions, until they are resumed", pauseHelp, (*control.Control).Pause)
}

func (o *offsetsCLI) newResume() *cobra.Command {
	return o.newPausing("resume", "Deliver paused partitions again", resumeHelp, (*control.Control).Resume)
}

func (o *offsetsCLI) newPausing(
	name, short, long string, plan func(c *control.Control, ctx context.Context, topic string, parts []int32) (*control.Plan, error),
) *cobra.Command {
	c := change{offsetsCLI: o}
	cmd := &cobra.Command{
		Use:     name,
		Short:   short,
		Long:    long,
		Example: "  sidecar offsets " + name + " --config sidecar.yaml --topic orders:0,1 --execute",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.run(cmd, "POST /v1/"+name, func(ctx context.Context, d *desk) ([]*control.Plan, error) {
				return eachTopic(d.chosen, func(t chosenTopic) (*control.Plan, error) { return plan(d.Control, ctx, t.name, t.parts) })
			})
		},
	}
	o.topicFlag(cmd, "`topic`, or some of its partitions: orders or orders:0,1")
	c.flags(cmd)
	return cmd
}
