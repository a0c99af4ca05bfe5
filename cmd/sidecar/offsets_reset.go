package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

const resetHelp = `Makes the group go on from another offset. The flags are those of kafka-consumer-groups --reset-offsets, but the group
may run meanwhile.

An offset outside the log is refused with both bounds, never moved to one of them; with --force it is written as it
is. With --force a key that can't be read is written over, too. When the topic was recreated its offsets can only
be replaced for all partitions at once.

With --from-file the topics and partitions of the file are meant, or those of them that --topic names.`

const resetExamples = `  sidecar offsets reset --config sidecar.yaml --topic orders --to-earliest
  sidecar offsets reset --config sidecar.yaml --topic orders:0,1 --shift-by -100 --execute
  sidecar offsets reset --config sidecar.yaml --topic orders --by-duration PT1H --execute
  sidecar offsets reset --config sidecar.yaml --from-file offsets.csv --execute`

// reset is one `offsets reset`.
type reset struct {
	change
	where where
	force bool
}

func (o *offsetsCLI) newReset() *cobra.Command {
	r := &reset{change: change{offsetsCLI: o}}
	cmd := &cobra.Command{
		Use:     "reset",
		Short:   "Go on from another offset",
		Long:    resetHelp,
		Example: resetExamples,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := r.where.check(); err != nil {
				return err
			}
			return r.run(cmd, "POST /v1/seek", r.plan)
		},
	}
	o.topicFlag(cmd, "`topic`, or some of its partitions: orders or orders:0,1")
	r.where.register(cmd)
	cmd.Flags().BoolVar(&r.force, "force", false, "take an offset outside the log as it is, and write over a key that can't be read")
	r.flags(cmd)
	return cmd
}

func (r *reset) plan(ctx context.Context, d *desk) ([]*control.Plan, error) {
	if r.where.file != "" {
		return r.fromFile(ctx, d)
	}
	return eachTopic(d.chosen, func(t chosenTopic) (*control.Plan, error) { return d.Seek(ctx, t.name, t.parts, r.where.to, r.force) })
}

// fromFile leaves partitions that the file does not name where they are.
func (r *reset) fromFile(ctx context.Context, d *desk) ([]*control.Plan, error) {
	source, err := readOffsetsFile(r.where.file, "")
	if err != nil {
		return nil, err
	}
	offsets := byTopic(source)
	return eachTopic(r.topics.or(offsets.topics()), func(t chosenTopic) (*control.Plan, error) {
		given, ok := offsets[t.name]
		if !ok {
			return nil, fmt.Errorf("%s: it has no offsets of topic %s", r.where.file, t.name)
		}
		if t.parts == nil {
			t.parts = slices.Sorted(maps.Keys(given))
		}
		return d.Seek(ctx, t.name, t.parts, control.Each(given), r.force)
	})
}
