package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/spf13/cobra"
)

const logHelp = `Prints what operators changed, the newest first: when, who, what, and each partition's offset before and after, with
"paused" where it was or is. A dash is for no key: there was none, or it was forgotten. A change of many partitions
has a line for each 62 of them. The newest 200 lines are kept.`

func (o *offsetsCLI) newLog() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "log",
		Short:   "Print the operators' log: who changed what, before and after",
		Long:    logHelp,
		Example: "  sidecar offsets log --config sidecar.yaml\n  sidecar offsets log --config sidecar.yaml --topic orders -o json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.topics.whole(); err != nil {
				return err
			}
			return o.run(cmd, "", func(ctx context.Context, d *desk) error {
				lines, err := d.Log(ctx)
				if err != nil {
					return err
				}
				if len(o.topics) > 0 {
					lines = slices.DeleteFunc(lines, func(a record.Audit) bool { return !slices.Contains(o.topics.names(), a.Topic) })
				}
				return writeLog(cmd.OutOrStdout(), lines, o.output)
			})
		},
	}
	cmd.Flags().Func("topic", "`topic` to look at; may be repeated (default: all that there are)", o.topics.set)
	o.outputFlag(cmd, "table", "json", "csv")
	return cmd
}

func writeLog(out io.Writer, lines []record.Audit, form string) error {
	switch form {
	case "json":
		return writeLogJSON(out, lines)
	case "csv":
		return writeLogCSV(out, lines)
	}
	if len(lines) == 0 {
		fmt.Fprintln(out, "no operator has changed anything")
		return nil
	}
	t := &table{columns: []column{
		{"TIME", false}, {"WHO", false}, {"WHAT", false}, {"TOPIC", false}, {"PARTITION", true}, {"BEFORE", true}, {"AFTER", true},
	}}
	for i := range lines {
		a := &lines[i]
		for _, c := range a.Changes {
			t.add(cell{text: secondsOf(a.Time)}, plainCell(a.Who), plainCell(a.What), plainCell(a.Topic), offsetCell(int64(c.Partition)), standingCell(c.Before), standingCell(c.After))
		}
	}
	return t.write(out, newPainter(out))
}

func standingCell(s *record.Standing) cell {
	if s == nil {
		return plainCell("")
	}
	text := strconv.FormatInt(s.Offset, 10)
	if s.Paused {
		text += " paused"
	}
	return cell{text: text}
}

// logDocument is one line of the log as scripts get it.
type logDocument struct {
	Time     time.Time        `json:"time"`
	Who      string           `json:"who"`
	What     string           `json:"what"`
	Topic    string           `json:"topic"`
	Revision int64            `json:"revision"`
	Changes  []changeDocument `json:"changes"`
}

type changeDocument struct {
	Partition int32             `json:"partition"`
	Before    *standingDocument `json:"before"` // null = there was no key
	After     *standingDocument `json:"after"`  // null = there is none any more
}

type standingDocument struct {
	Offset int64 `json:"offset"`
	Paused bool  `json:"paused"`
}

func writeLogJSON(w io.Writer, lines []record.Audit) error {
	documents := make([]logDocument, len(lines))
	for i, a := range lines {
		documents[i] = logDocument{a.Time.UTC(), a.Who, a.What, a.Topic, a.Revision, make([]changeDocument, len(a.Changes))}
		for j, c := range a.Changes {
			documents[i].Changes[j] = changeDocument{c.Partition, (*standingDocument)(c.Before), (*standingDocument)(c.After)}
		}
	}
	return writeJSON(w, documents)
}

func writeLogCSV(w io.Writer, lines []record.Audit) error {
	rows := [][]string{{"time", "who", "what", "topic", "partition", "before", "after", "pausedBefore", "pausedAfter", "revision"}}
	standing := func(s *record.Standing) (offset, paused string) {
		if s == nil {
			return "", "false"
		}
		return strconv.FormatInt(s.Offset, 10), strconv.FormatBool(s.Paused)
	}
	for i := range lines {
		a := &lines[i]
		for _, c := range a.Changes {
			before, wasPaused := standing(c.Before)
			after, paused := standing(c.After)
			rows = append(rows, []string{
				a.Time.UTC().Format(time.RFC3339Nano), a.Who, a.What, a.Topic, strconv.Itoa(int(c.Partition)), before, after, wasPaused, paused, strconv.FormatInt(a.Revision, 10),
			})
		}
	}
	return csv.NewWriter(w).WriteAll(rows)
}
