package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgressWritesEachMarkOnce(t *testing.T) {
	var out bytes.Buffer
	p := progress{out: &out, expect: 10}
	for range 4 {
		p.add(4)
	}
	var names []string
	for line := range strings.Lines(out.String()) {
		m, err := parseMark(line)
		require.NoError(t, err)
		require.False(t, m.at.IsZero())
		names = append(names, m.name)
	}
	require.Equal(t, []string{markFirst, markHalf, markDone}, names)
}

func TestDeliveryComesBackAsItWasWritten(t *testing.T) {
	var out bytes.Buffer
	d := delivery{partition: 3, from: 10, until: 12, at: time.Unix(7, 8)}
	d.write(&out)
	got, err := parseDelivery(strings.TrimSpace(out.String()))
	require.NoError(t, err)
	require.Equal(t, d, got)
	_, err = parseDelivery("done 1 2")
	require.Error(t, err)
}

func TestRangesOfABody(t *testing.T) {
	body := `{"batch":"5f0c","partitions":[
		{"topic":"orders","partition":3,"fromOffset":1200,"untilOffset":1204,"fence":17,
		 "records":[{"offset":1200,"value":"{\"partition\":9,\"fromOffset\":1,\"untilOffset\":2}"}]},
		{"topic":"orders","partition":12,"fromOffset":0,"untilOffset":1,"fence":17,"records":1}]}`
	var got []delivery
	eachRange([]byte(body), func(partition int32, from, until int64) {
		got = append(got, delivery{partition: partition, from: from, until: until})
	})
	require.Equal(t, []delivery{{partition: 3, from: 1200, until: 1204}, {partition: 12, from: 0, until: 1}}, got)
}

func TestDelaysAreOfRecordsAcknowledgedInTheWindow(t *testing.T) {
	at := time.UnixMilli
	p := &pace{acked: map[place]time.Time{{0, 1}: at(10), {0, 2}: at(20), {1, 1}: at(30)}}
	got := []delivery{{partition: 0, from: 1, until: 4, at: at(25)}, {partition: 1, from: 0, until: 2, at: at(29)}}
	require.Equal(t, series{5, -1}, p.delays(got, at(20)), "one before the window, two not ours, one delivered before its acknowledgement")
}
