package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

const listHelp = `Prints where each partition stands: the next offset to deliver as the store has it, the bounds of the log, and who
wrote it last: a sidecar (<host>/<claim>) or an operator (operator/<user>@<host>/<write>).

States: ok; paused; no key (it was not claimed yet and begins at the offset shown); out of range (the log no longer has
the offset, or not yet); unreadable (the key can't be decoded: the partition blocks); other log (the topic was
recreated, or this is another cluster); missing (Kafka has no such partition).`

func (o *offsetsCLI) newList() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "Print where each partition stands, its lag, and who wrote it last",
		Long:    listHelp,
		Example: "  sidecar offsets list --config sidecar.yaml\n  sidecar offsets list --config sidecar.yaml --topic orders -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd, "GET /v1/status", func(ctx context.Context, d *desk) error { return o.list(ctx, d, cmd.OutOrStdout()) })
		},
	}
	o.topicFlag(cmd, "`topic`, or some of its partitions: orders or orders:0,1")
	o.outputFlag(cmd, "table", "json", "csv")
	return cmd
}

// list prints the topics that can be read, and then fails with why the others are refused.
func (o *offsetsCLI) list(ctx context.Context, d *desk, out io.Writer) error {
	var topics []topicDocument
	var wrong []error
	for _, chosen := range d.chosen {
		topic, parts, err := d.look(ctx, chosen)
		var refused *control.Refusal
		switch {
		case err == nil:
			topics = append(topics, documentOf(topic, parts))
		case errors.As(err, &refused):
			wrong = append(wrong, err)
		default:
			return err
		}
	}
	var err error
	switch o.output {
	case "json":
		err = writeJSON(out, listDocument{d.group, append([]topicDocument{}, topics...)})
	case "csv":
		err = writeListCSV(out, topics)
	default:
		err = writeList(out, newPainter(out), topics)
	}
	return errors.Join(append(wrong, err)...)
}

func writeList(w io.Writer, p painter, topics []topicDocument) error {
	if len(topics) == 0 {
		return nil
	}
	t := &table{columns: []column{
		{"TOPIC", false}, {"PARTITION", true}, {"COMMITTED", true}, {"LOG START", true}, {"LOG END", true}, {"LAG", true}, {"OWNER", false}, {"COMMITTED AT", false}, {"STATE", false},
	}}
	for _, topic := range topics {
		for i := range topic.Partitions {
			t.add(topic.Partitions[i].row(topic.Topic)...)
		}
	}
	if err := t.write(w, p); err != nil {
		return err
	}
	for _, topic := range topics {
		fmt.Fprintf(w, "%s: %s, lag %d, revision %d\n", topic.Topic, count(len(topic.Partitions), "partition"), topic.Lag, topic.Revision)
	}
	return nil
}

func (d *partitionDocument) row(topic string) []cell {
	at, state := "", cell{text: d.State}
	if d.CommittedAt != nil {
		at = secondsOf(*d.CommittedAt)
	}
	switch d.State {
	case "ok":
	case "no key":
		state.text += ": " + d.Detail
	case "paused":
		state.text, state.style = strings.TrimSpace(d.State+" "+d.Detail), styleYellow
	default:
		state.text, state.style = d.State+": "+d.Detail, styleRed
	}
	return []cell{
		{text: topic}, offsetCell(int64(d.Partition)), offsetCell(d.Committed), offsetCell(d.LogStart), offsetCell(d.LogEnd), offsetCell(d.Lag), plainCell(d.Owner), plainCell(at), state,
	}
}

func writeListCSV(w io.Writer, topics []topicDocument) error {
	rows := [][]string{{"topic", "partition", "committed", "logStart", "logEnd", "lag", "owner", "committedAt", "state", "detail"}}
	for _, topic := range topics {
		for i := range topic.Partitions {
			d := &topic.Partitions[i]
			at := ""
			if d.CommittedAt != nil {
				at = d.CommittedAt.Format(time.RFC3339Nano)
			}
			rows = append(rows, []string{
				topic.Topic, strconv.Itoa(int(d.Partition)), offsetText(d.Committed), offsetText(d.LogStart), offsetText(d.LogEnd), offsetText(d.Lag), d.Owner, at, d.State, d.Detail,
			})
		}
	}
	return csv.NewWriter(w).WriteAll(rows)
}
