package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Colours are no part of the width.
func TestTable(t *testing.T) {
	tab := &table{columns: []column{{"TOPIC", false}, {"LAG", true}, {"STATE", false}}}
	tab.add(cell{text: "orders"}, cell{"1234", styleRed}, cell{text: "ok"})
	tab.add(cell{"é", styleYellow}, offsetCell(-1), plainCell(""))
	var plain, coloured strings.Builder
	require.NoError(t, tab.write(&plain, false))
	require.Equal(t, "TOPIC    LAG  STATE\norders  1234  ok\né          -  -\n", plain.String())
	require.NoError(t, tab.write(&coloured, true))
	require.Contains(t, coloured.String(), "orders  \x1b[1;31m1234\x1b[0m  ok\n\x1b[33mé\x1b[0m          -  -\n")
	for _, style := range []string{styleBold, styleRed, styleYellow} {
		require.Contains(t, coloured.String(), "\x1b["+style+"m")
	}
}
