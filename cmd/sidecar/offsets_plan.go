package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

// writePlan prints a plan for people.
func writePlan(w io.Writer, p painter, plan *control.Plan) error {
	fmt.Fprintln(w, p.paint(styleBold, plan.What+" "+plan.Topic))
	if len(plan.Steps) == 0 {
		fmt.Fprintln(w, "nothing to do")
		return nil
	}
	t := &table{columns: []column{
		{"PARTITION", true}, {"FROM", true}, {"TO", true}, {"SKIPPED", true}, {"REPEATED", true}, {"LOG START", true}, {"LOG END", true},
	}}
	paused := plan.What != control.Delete && slices.ContainsFunc(plan.Steps, func(s control.Step) bool { return s.WasPaused || s.Paused })
	if paused {
		t.columns = append(t.columns, column{"PAUSED", false})
	}
	for _, s := range plan.Steps {
		row := []cell{
			offsetCell(int64(s.Partition)), offsetCell(s.From), offsetCell(s.To), countCell(s.Skipped(), styleRed), countCell(s.Repeated(), styleYellow),
			offsetCell(s.LogStart), offsetCell(s.LogEnd),
		}
		if paused {
			row = append(row, cell{text: pausedText(s)})
		}
		t.add(row...)
	}
	if err := t.write(w, p); err != nil {
		return err
	}
	fmt.Fprintf(w, "total: %s, %d skipped, %d repeated\n", count(len(plan.Steps), "partition"), plan.Skipped(), plan.Repeated())
	for _, note := range plan.Notes {
		fmt.Fprintln(w, "note: "+note)
	}
	return nil
}

// countCell draws the eye to a number above 0.
func countCell(n int64, style string) cell {
	if n == 0 {
		style = ""
	}
	return cell{strconv.FormatInt(n, 10), style}
}

func pausedText(s control.Step) string {
	was, is := yesOrNo(s.WasPaused), yesOrNo(s.Paused)
	if was == is {
		return is
	}
	return was + " -> " + is
}

func yesOrNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// planDocument is a plan as scripts get it, here and from the admin listener.
type planDocument struct {
	What     string         `json:"what"`
	Topic    string         `json:"topic"`
	Executed bool           `json:"executed"`
	Revision int64          `json:"revision,omitempty"` // of the topic's document after it was carried out, or a part of it
	Steps    []stepDocument `json:"partitions"`
	Notes    []string       `json:"notes"`
}

type stepDocument struct {
	Partition int32 `json:"partition"`
	From      int64 `json:"from"` // -1 = none is known
	To        int64 `json:"to"`   // -1 = it is forgotten
	Skipped   int64 `json:"skipped"`
	Repeated  int64 `json:"repeated"`
	Paused    bool  `json:"paused"`   // after the change
	LogStart  int64 `json:"logStart"` // -1 = not asked
	LogEnd    int64 `json:"logEnd"`
}

// writePlansJSON prints a list of plans, of which the first are done.
func writePlansJSON(w io.Writer, plans []*control.Plan, done int) error {
	documents := make([]planDocument, len(plans))
	for i, p := range plans {
		d := planDocument{
			What: p.What, Topic: p.Topic, Executed: i < done, Revision: p.Revision,
			Steps: make([]stepDocument, len(p.Steps)), Notes: append([]string{}, p.Notes...),
		}
		for j, s := range p.Steps {
			d.Steps[j] = stepDocument{s.Partition, s.From, s.To, s.Skipped(), s.Repeated(), s.Paused, s.LogStart, s.LogEnd}
		}
		documents[i] = d
	}
	return writeJSON(w, documents)
}

// writePlansCSV prints a line for each partition, below a heading.
func writePlansCSV(w io.Writer, plans []*control.Plan, done int) error {
	rows := [][]string{{"what", "topic", "partition", "from", "to", "skipped", "repeated", "paused", "logStart", "logEnd", "executed"}}
	for i, p := range plans {
		for _, s := range p.Steps {
			rows = append(rows, []string{
				p.What, p.Topic, strconv.Itoa(int(s.Partition)), offsetText(s.From), offsetText(s.To), offsetText(s.Skipped()), offsetText(s.Repeated()),
				strconv.FormatBool(s.Paused), offsetText(s.LogStart), offsetText(s.LogEnd), strconv.FormatBool(i < done),
			})
		}
	}
	return csv.NewWriter(w).WriteAll(rows)
}

// offsetText is an offset for CSV; empty where there is none.
func offsetText(n int64) string {
	if n < 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
