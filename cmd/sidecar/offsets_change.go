package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
)

// change is what all commands that change something share: plan, show, and carry out with --execute.
type change struct {
	*offsetsCLI
	execute bool
}

func (c *change) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&c.execute, "execute", false, "do it; without it nothing is written")
	c.outputFlag(cmd, "table", "json", "csv")
}

// run makes all plans first, so that a refusal leaves every topic as it is.
func (c *change) run(cmd *cobra.Command, instead string, plan func(ctx context.Context, d *desk) ([]*control.Plan, error)) error {
	return c.offsetsCLI.run(cmd, instead, func(ctx context.Context, d *desk) error {
		plans, err := plan(ctx, d)
		if err != nil {
			return err
		}
		out := cmd.OutOrStdout()
		switch c.output {
		case "json", "csv":
			done, err := c.carryOut(ctx, d, plans)
			write := writePlansJSON
			if c.output == "csv" {
				write = writePlansCSV
			}
			if failed := write(out, plans, done); err == nil {
				err = failed
			}
			return err
		}
		return c.talk(ctx, d, plans, out)
	})
}

// talk shows the plans to people before anything is written.
func (c *change) talk(ctx context.Context, d *desk, plans []*control.Plan, out io.Writer) error {
	p := newPainter(out)
	for _, plan := range plans {
		if err := writePlan(out, p, plan); err != nil {
			return err
		}
	}
	if !c.execute && slices.ContainsFunc(plans, func(plan *control.Plan) bool { return len(plan.Steps) > 0 }) {
		fmt.Fprintln(out, p.paint(styleYellow, "nothing was written; add --execute to do it"))
	}
	done, err := c.carryOut(ctx, d, plans)
	for _, plan := range plans[:done] {
		if len(plan.Steps) > 0 {
			fmt.Fprintln(out, p.paint(styleGreen, doneText(plan)))
		}
	}
	return err
}

// carryOut applies the plans with --execute, and says how many of them are done.
func (c *change) carryOut(ctx context.Context, d *desk, plans []*control.Plan) (done int, err error) {
	if !c.execute {
		return 0, nil
	}
	for i, plan := range plans {
		if err := d.Apply(ctx, plan); err != nil {
			return i, err
		}
	}
	return len(plans), nil
}

func doneText(plan *control.Plan) string {
	text := fmt.Sprintf("done: %s of %s of %s", plan.What, count(len(plan.Steps), "partition"), plan.Topic)
	if plan.Revision > 0 {
		text += fmt.Sprintf(", revision %d", plan.Revision)
	}
	return text
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// eachTopic makes a plan for every topic.
func eachTopic(topics []chosenTopic, plan func(t chosenTopic) (*control.Plan, error)) ([]*control.Plan, error) {
	plans := make([]*control.Plan, len(topics))
	for i, t := range topics {
		var err error
		if plans[i], err = plan(t); err != nil {
			return nil, err
		}
	}
	return plans, nil
}
