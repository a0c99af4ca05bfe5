package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

const deleteHelp = `Forgets the group's offsets of a topic: the next start is a first start and begins where the key "start" says. It is
refused while a sidecar has written the topic's offsets within the last minute. Kafka is not asked, and what the
sidecar mirrored to the Kafka group stays there.`

func (o *offsetsCLI) newDelete() *cobra.Command {
	c := change{offsetsCLI: o}
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Forget the offsets of a topic: the next start is a first start",
		Long:    deleteHelp,
		Example: "  sidecar offsets delete --config sidecar.yaml --topic orders --execute",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(o.topics) == 0 {
				return errors.New("--topic must be given: what is forgotten is named")
			}
			if err := o.topics.whole(); err != nil {
				return err
			}
			return c.run(cmd, "", func(ctx context.Context, d *desk) ([]*control.Plan, error) {
				return eachTopic(d.chosen, func(t chosenTopic) (*control.Plan, error) { return d.Delete(ctx, t.name) })
			})
		},
	}
	cmd.Flags().Func("topic", "`topic` to forget; may be repeated", o.topics.set)
	c.flags(cmd)
	return cmd
}
