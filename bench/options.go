package main

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"
)

// options are the flags of the command.
type options struct {
	rounds   int
	cases    []string // names or their beginnings; none = all
	records  int64    // of 1 KiB
	window   time.Duration
	down     time.Duration
	check    bool
	out      string
	profiles string   // folder; "" = none
	given    []string // as they were given, for the report
}

func parseOptions(args []string) (options, error) {
	o := options{given: args}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.IntVar(&o.rounds, "rounds", 9, "how often each case is run; 3 with -check")
	names := flags.String("cases", "", "only cases that are named or begin so, separated by commas, and what they are compared with")
	flags.Int64Var(&o.records, "records", 2_000_000, "records of 1 KiB in a topic that is read to its end; half with -check")
	flags.DurationVar(&o.window, "window", 20*time.Second, "how long a steady rate is looked at; 10s with -check")
	flags.DurationVar(&o.down, "down", 10*time.Minute, "how long the app is away; 1m with -check")
	flags.BoolVar(&o.check, "check", false, "run what the goals are about, and exit with 1 when one is missed")
	flags.StringVar(&o.out, "out", "", "document whose tables are replaced")
	flags.StringVar(&o.profiles, "profiles", "", "folder for CPU profiles of the sidecar; figures are not comparable then")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *names != "" {
		o.cases = strings.Split(*names, ",")
	}
	if o.check {
		o.shorten(flags)
	}
	if o.rounds < 1 || o.records < 1000 || o.window < 2*time.Second {
		return o, errors.New("-rounds must be at least 1, -records 1000, -window 2s")
	}
	return o, nil
}

// shorten makes the defaults those of a check, and the cases those that have goals.
func (o *options) shorten(flags *flag.FlagSet) {
	set := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { set[f.Name] = true })
	if !set["rounds"] {
		o.rounds = 3
	}
	if !set["records"] {
		o.records /= 2
	}
	if !set["window"] {
		o.window = 10 * time.Second
	}
	if !set["down"] {
		o.down = time.Minute
	}
	if !set["cases"] {
		for _, g := range goals(nil) {
			o.cases = append(o.cases, g.of)
			if g.base != "" {
				o.cases = append(o.cases, g.base)
			}
		}
	}
}

// command is what a reader runs to get the same tables.
func (o options) command() string {
	return strings.Join(append([]string{"go run ./bench"}, o.given...), " ")
}
