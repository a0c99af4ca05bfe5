package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReportReplacesTheOneBefore(t *testing.T) {
	document := "# Title\n\n" + beginMark + "\nold\n" + endMark + "\n\nprose\n"
	once, err := replaceReport(document, "new\n")
	require.NoError(t, err)
	require.Equal(t, "# Title\n\n"+beginMark+"\n\nnew\n\n"+endMark+"\n\nprose\n", once)
	twice, err := replaceReport(once, "new\n")
	require.NoError(t, err)
	require.Equal(t, once, twice)
}

func TestReportNeedsItsPlace(t *testing.T) {
	for _, document := range []string{"", beginMark, endMark + beginMark} {
		_, err := replaceReport(document, "new")
		require.Error(t, err, document)
	}
}
