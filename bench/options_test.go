package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckIsShortUnlessToldOtherwise(t *testing.T) {
	o, err := parseOptions([]string{"-check", "-rounds", "5"})
	require.NoError(t, err)
	require.Equal(t, 5, o.rounds)
	require.EqualValues(t, 1_000_000, o.records)
	require.Contains(t, o.cases, "consul/columns")
	require.Contains(t, o.cases, "bare")
	require.Equal(t, "go run ./bench -check -rounds 5", o.command())
}

func TestOptionsThatMeasureNothing(t *testing.T) {
	for _, args := range [][]string{{"-rounds", "0"}, {"-records", "1"}, {"-window", "1s"}, {"more"}} {
		_, err := parseOptions(args)
		require.Error(t, err, args)
	}
}

func TestSelectedCasesBringWhatTheyAreComparedWith(t *testing.T) {
	all := []benchCase{{name: "bare"}, {name: "bare/lz4"}, {name: "consul/json", base: "bare"}, {name: "consul/json/lz4", base: "bare/lz4"}}
	names := func(wanted ...string) (names []string) {
		chosen, err := selectCases(all, wanted)
		require.NoError(t, err)
		for _, c := range chosen {
			names = append(names, c.name)
		}
		return names
	}
	require.Equal(t, []string{"bare", "consul/json"}, names("consul/json"))
	require.Equal(t, []string{"bare", "bare/lz4", "consul/json", "consul/json/lz4"}, names("consul/"))
	require.Len(t, names(), len(all))
	_, err := selectCases(all, []string{"nothing"})
	require.Error(t, err)
}
