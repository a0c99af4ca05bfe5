package main

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

const exportHelp = `Prints the next offset of each partition: as lines topic,partition,offset, which are those of kafka-consumer-groups
--export and which its --from-file reads, or as {"orders":{"0":23}}, as Spark writes it. Both can be given to "sidecar offsets
reset --from-file", and to the setting "start" the second.`

func (o *offsetsCLI) newExport() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Print the offsets for kafka-consumer-groups, for Spark, or to come back to",
		Long:    exportHelp,
		Example: "  sidecar offsets export --config sidecar.yaml > offsets.csv\n  sidecar offsets export --config sidecar.yaml -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd, "GET /v1/status", func(ctx context.Context, d *desk) error {
				positions, err := exported(ctx, d)
				if err != nil {
					return err
				}
				return writeExport(cmd.OutOrStdout(), positions, o.output)
			})
		},
	}
	o.topicFlag(cmd, "`topic`, or some of its partitions: orders or orders:0,1")
	o.outputFlag(cmd, "csv", "json")
	return cmd
}

// position is the next offset of a partition.
type position struct {
	record.TopicPartition
	offset int64
}

// exported reads where everything stands. It leaves nothing out silently: what is printed may become the group's offsets elsewhere.
func exported(ctx context.Context, d *desk) ([]position, error) {
	var all []position
	for _, chosen := range d.chosen {
		topic, parts, err := d.look(ctx, chosen)
		if err != nil {
			return nil, err
		}
		if topic.Replaced() {
			return nil, fmt.Errorf("the stored offsets of topic %s are of another log: it was recreated, or this is another cluster; reset it first", chosen.name)
		}
		for _, n := range parts {
			p := &topic.Partitions[n]
			switch {
			case p.Bad != nil:
				return nil, fmt.Errorf("the key of %s can't be read: %w; mend it, or name the other partitions with --topic", p.TopicPartition, p.Bad)
			case p.Next >= 0:
				all = append(all, position{p.TopicPartition, p.Next})
			}
		}
	}
	return all, nil
}

// look reads a topic and checks the partitions that are meant.
func (d *desk) look(ctx context.Context, chosen chosenTopic) (*control.Topic, []int32, error) {
	topic, err := d.Look(ctx, chosen.name)
	if err != nil {
		return nil, nil, err
	}
	parts, err := topic.Choose(chosen.parts)
	return topic, parts, err
}

func writeExport(w io.Writer, positions []position, form string) error {
	if form == "json" {
		byTopic := map[string]map[int32]int64{}
		for _, p := range positions {
			if byTopic[p.Topic] == nil {
				byTopic[p.Topic] = map[int32]int64{}
			}
			byTopic[p.Topic][p.Partition] = p.offset
		}
		return writeJSON(w, byTopic)
	}
	out := bufio.NewWriter(w)
	for _, p := range positions {
		fmt.Fprintf(out, "%s,%d,%d\n", quotedLikeKafka(p.Topic), p.Partition, p.offset)
	}
	return out.Flush()
}

// unquoted is how long a text may be that kafka-consumer-groups writes without quotes. Source: CsvEncoder of Jackson, MAX_QUOTE_CHECK.
const unquoted = 24

// quotedLikeKafka writes a topic as the tool does. The letters of a topic's name need no quotes; the tool does not look at a long one.
func quotedLikeKafka(topic string) string {
	if len(topic) > unquoted {
		return `"` + topic + `"`
	}
	return topic
}
