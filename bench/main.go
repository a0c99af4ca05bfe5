package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// caseWithin is the deadline of one run of a case, beside what it waits for by itself.
const caseWithin = 10 * time.Minute

func main() {
	if err := command(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// command is the bench, or one of the programs that it measures.
func command(args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "bare":
			return bareMain(args[1:])
		case "app":
			return appMain(args[1:])
		}
	}
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	cases, err := selectCases(allCases(o), o.cases)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return inScope(func(s *scope) error { return bench(ctx, s, o, cases) })
}

func bench(ctx context.Context, s *scope, o options, cases []benchCase) error {
	w, err := newWorld(s, o)
	if err != nil {
		return err
	}
	measured, failed := w.rounds(ctx, cases) // what was measured before a failure is shown as well
	text := report(o, cases, measured)
	fmt.Println(text)
	if failed != nil {
		return failed
	}
	if o.out != "" {
		if err := writeReport(o.out, text); err != nil {
			return err
		}
	}
	if names := missedGoals(measured); o.check && len(names) > 0 {
		return fmt.Errorf("goals are missed:\n  %s", strings.Join(names, "\n  "))
	}
	return nil
}

// rounds runs the cases in turns.
func (w *world) rounds(ctx context.Context, cases []benchCase) (results, error) {
	measured := results{}
	for _, c := range cases {
		for _, t := range c.topics() {
			if err := w.fill(ctx, t); err != nil {
				return measured, err
			}
		}
	}
	for round := range w.options.rounds {
		for _, c := range cases {
			if c.once && round > 0 {
				continue
			}
			w.note("round %d of %d: %s", round+1, w.options.rounds, c.name)
			within, cancel := context.WithTimeout(ctx, caseWithin+w.options.down)
			r, err := c.run(within, w)
			cancel()
			if err != nil {
				return measured, fmt.Errorf("case %s: %w", c.name, err)
			}
			measured[c.name] = append(measured[c.name], r)
		}
	}
	return measured, nil
}
