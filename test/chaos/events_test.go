package chaos

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// The lines are those of a real sidecar.
func TestEventsOfALog(t *testing.T) {
	log := strings.Join([]string{
		`{"level":"info","topic":"orders","partition":1,"offset":4,"epoch":9,"owner":"vm/1","time":"2026-11-24T21:00:00.001Z","message":"claimed"}`,
		`{"level":"warn","topic":"orders","partition":1,"offset":4,"to":"orders.dead","status":"rejected","time":"2026-11-24T21:00:00.002Z","message":"record dead-lettered"}`,
		`{"level":"warn","topic":"orders","partition":1,"offset":5,"status":"500","reason":"no","time":"2026-11-24T21:00:00.003Z","message":"record dropped by dead_letter.policy"}`,
		`{"level":"warn","topic":"orders","partition":1,"reason":"offset_out_of_range","from":6,"to":9,"records":3,"policy":"earliest","time":"2026-11-24T21:00:00.004Z","message":"records are lost; policy.data_loss moved the offset"}`,
		`{"level":"warn","topic":"orders","partition":1,"offset":9,"reason":"poison","detail":"no","time":"2026-11-24T21:00:00.005Z","message":"partition blocked"}`,
		`{"level":"info","topic":"orders","partition":1,"reason":"poison","time":"2026-11-24T21:00:00.006Z","message":"partition goes on"}`,
		`{"level":"warn","topic":"orders","partition":1,"offset":9,"reason":"app_failing","time":"2026-11-24T21:00:00.007Z","message":"record keeps failing and nothing shows that the record and not the app is at fault; trying on at the longest back-off"}`,
		`{"level":"info","topic":"orders","partition":1,"reason":"app_failing","time":"2026-11-24T21:00:00.008Z","message":"partition let go"}`,
		`{"level":"info","topic":"orders","from":2,"partitions":1,"time":"2026-11-24T21:00:00.009Z","message":"recreated topic: baseline replaced by policy.topic_recreated"}`,
		`panic: torn`,
	}, "\n")
	found := events(log, func(oracle.Nanos) string { return "s1/1" })
	for i := range found {
		require.EqualValues(t, i+2, found[i].Time/1e6%1000, "milliseconds")
		found[i].Time = 0
	}
	require.Equal(t, []oracle.Event{
		{Proc: "s1/1", What: oracle.DeadLettered, Topic: "orders", Partition: 1, Offset: 4},
		{Proc: "s1/1", What: oracle.Dropped, Topic: "orders", Partition: 1, Offset: 5, Reason: "no"},
		{Proc: "s1/1", What: oracle.Lost, Topic: "orders", Partition: 1, Offset: 6, Until: 9, Count: 3, Reason: "offset_out_of_range"},
		{Proc: "s1/1", What: oracle.Blocked, Topic: "orders", Partition: 1, Reason: "poison"},
		{Proc: "s1/1", What: oracle.Unblocked, Topic: "orders", Partition: 1},
		{Proc: "s1/1", What: oracle.Blocked, Topic: "orders", Partition: 1, Reason: "app_failing"},
		{Proc: "s1/1", What: oracle.Unblocked, Topic: "orders", Partition: 1},
		{Proc: "s1/1", What: oracle.Recreated, Topic: "orders", Partition: -1},
	}, found)
}
