package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// benchCase is one line of a table.
type benchCase struct {
	name  string
	table string // title of the table it stands in
	base  string // the case of the same round that it is compared with; "" = none
	once  bool   // in the first round only: it takes long, or hardly varies
	runner
}

// runner runs a case once.
type runner interface {
	topics() []topic // to be there before the first round
	run(ctx context.Context, w *world) (result, error)
}

// allCases are in the order of the tables and of a round.
func allCases(o options) []benchCase {
	return slices.Concat(drainCases(o), sdkCases(o), pacedCases())
}

// selectCases are those that are named, or whose names begin so if there is no such name, and what they are compared with. No
// name = all.
func selectCases(all []benchCase, names []string) ([]benchCase, error) {
	if len(names) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	for _, name := range names {
		exact := slices.ContainsFunc(all, func(c benchCase) bool { return c.name == name })
		found := false
		for _, c := range all {
			if c.name == name || !exact && strings.HasPrefix(c.name, name) {
				found = true
				wanted[c.name] = true
				wanted[c.base] = true
			}
		}
		if !found {
			return nil, fmt.Errorf("-cases: no case is named, or begins with, %q", name)
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(c benchCase) bool { return !wanted[c.name] }), nil
}
