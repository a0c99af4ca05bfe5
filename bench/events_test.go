package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrderEventsAreJSONOfTheirSize(t *testing.T) {
	for _, size := range []int{100, 1 << 10, 10 << 10} {
		events := orderEvents(size)
		require.Len(t, events, distinctEvents)
		for _, e := range events {
			require.Len(t, e, size)
			require.True(t, json.Valid(e), string(e))
		}
		require.Equal(t, events, orderEvents(size), "the same on every run")
	}
}
