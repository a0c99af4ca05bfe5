package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/imports"
)

const importHelp = `Begins where another consumer stood. Stop that one first, and import before the sidecar's first start.

Each number is checked against the log. Partitions that the source does not know begin at the log start. Offsets that
are there already are not written over without --overwrite. Topics of the source that are not meant are left out,
with a note. A topic takes effect as a whole: its document is written last.

Kinds:
`

const importExamples = `  sidecar offsets import --config sidecar.yaml --from kafka-group --group billing-old
  sidecar offsets import --config sidecar.yaml --from spark-checkpoint --path /data/checkpoints/orders --execute
  sidecar offsets import --config sidecar.yaml --from zookeeper --zookeeper zk1:2181,zk2:2181/kafka --group billing-old
  sidecar offsets import --config sidecar.yaml --from csv --path offsets.csv --execute`

// importing is one `offsets import`.
type importing struct {
	change
	source    source
	overwrite bool
}

func (o *offsetsCLI) newImport() *cobra.Command {
	c := &importing{change: change{offsetsCLI: o}}
	var kinds strings.Builder
	for _, k := range sourceKinds() {
		fmt.Fprintf(&kinds, "  %-17s %s\n", k.name, k.reads)
	}
	cmd := &cobra.Command{
		Use:     "import",
		Short:   "Begin where another consumer stood: Kafka, ZooKeeper, a Spark checkpoint, a file",
		Long:    importHelp + strings.TrimSuffix(kinds.String(), "\n"),
		Example: importExamples,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.source.check(cmd); err != nil {
				return err
			}
			if err := o.topics.whole(); err != nil {
				return err
			}
			if c.source.kind == imports.ZKString && len(o.topics) > 1 { // a znode has no names of topics
				return errors.New("--from zk-string takes one --topic")
			}
			return c.run(cmd, "", c.plan)
		},
	}
	o.topicFlag(cmd, "`topic` to import")
	c.source.register(cmd)
	cmd.Flags().BoolVar(&c.overwrite, "overwrite", false, "write over offsets that are there already")
	c.flags(cmd)
	return cmd
}

func (c *importing) plan(ctx context.Context, d *desk) ([]*control.Plan, error) {
	topic := ""
	if len(c.topics) == 1 {
		topic = c.topics[0].name
	}
	found, err := c.source.read(ctx, d, topic)
	if err != nil {
		return nil, err
	}
	offsets, notes := byTopic(found), found.Notes
	if others := slices.DeleteFunc(offsets.topics(), d.means); len(others) > 0 {
		notes = append(notes, "the source has other topics, which are left out: "+strings.Join(others, ", "))
	}
	plans, err := eachTopic(d.chosen, func(t chosenTopic) (*control.Plan, error) {
		next, ok := offsets[t.name]
		if !ok {
			return nil, fmt.Errorf("the source has no offsets of topic %s, but of %s; name those that are meant with --topic", t.name, strings.Join(offsets.topics(), ", "))
		}
		return d.Import(ctx, t.name, next, c.overwrite)
	})
	if err == nil {
		plans[0].Notes = append(notes, plans[0].Notes...)
	}
	return plans, err
}

// means says whether a topic is one of those that the command is about.
func (d *desk) means(topic string) bool {
	return slices.ContainsFunc(d.chosen, func(t chosenTopic) bool { return t.name == topic })
}
