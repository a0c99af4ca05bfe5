package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOffsetsResetPlanAndExecute(t *testing.T) {
	s := newOffsetsScene(t)
	plan := `seek orders
PARTITION  FROM  TO  SKIPPED  REPEATED  LOG START  LOG END  PAUSED
        0    50  55        5         0         10      100  no
        1    60  55        0         5         10      100  yes
        2    20  55       35         0         10      100  no
total: 3 partitions, 40 skipped, 5 repeated
`
	require.Equal(t, plan+"nothing was written; add --execute to do it\n", s.must("reset", "--to-offset", "55"))
	require.Equal(t, "50, 60 paused, -", s.standing())
	require.Equal(t, plan+"done: seek of 3 partitions of orders, revision 2\n", s.must("reset", "--to-offset", "55", "--execute"))
	require.Equal(t, "55, 55 paused, 55", s.standing())
	log := s.must("log", "-o", "csv")
	require.Regexp(t, `^time,who,what,topic,partition,before,after,pausedBefore,pausedAfter,revision
\S+Z,bob@laptop,seek,orders,0,50,55,false,false,2
\S+Z,bob@laptop,seek,orders,1,60,55,true,true,2
\S+Z,bob@laptop,seek,orders,2,,55,false,false,2
$`, log)
}

func TestOffsetsResetTargets(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string // of partition 0, which stands at 50
	}{
		{[]string{"--to-earliest"}, "10"},
		{[]string{"--to-latest"}, "100"},
		{[]string{"--to-offset", "77"}, "77"},
		{[]string{"--shift-by", "-40"}, "10"},
		{[]string{"--shift-by=50"}, "100"},
		{[]string{"--to-datetime", "2024-11-29T10:30:00Z"}, "30"},
		{[]string{"--to-datetime", "2024-11-29T11:31:00.000+01:00"}, "31"},
		{[]string{"--to-datetime", "2024-11-29T11:32:00.000+0100"}, "32"},
		{[]string{"--to-datetime", "2024-11-29T11:33:00+01"}, "33"},
		{[]string{"--by-duration", "P100000D"}, "10"},
		{[]string{"--by-duration", "1s"}, "100"},
		{[]string{"--to-offset", "5", "--force"}, "5"},
	} {
		s := newOffsetsScene(t)
		s.must(append([]string{"reset", "--topic", "orders:0", "--execute"}, c.args...)...)
		require.Equal(t, c.want+", 60 paused, -", s.standing(), "%v", c.args)
	}
}

func TestOffsetsPlansForScripts(t *testing.T) {
	s := newOffsetsScene(t)
	require.JSONEq(t, `[{"what":"seek","topic":"orders","executed":false,"notes":[],"partitions":[
		{"partition":0,"from":50,"to":10,"skipped":0,"repeated":40,"paused":false,"logStart":10,"logEnd":100}]}]`,
		s.must("reset", "--topic", "orders:0", "--to-earliest", "-o", "json"))
	require.JSONEq(t, `[{"what":"pause","topic":"orders","executed":true,"revision":2,"notes":[],"partitions":[
		{"partition":0,"from":50,"to":50,"skipped":0,"repeated":0,"paused":true,"logStart":10,"logEnd":100}]}]`,
		s.must("pause", "--topic", "orders:0,1", "-o", "json", "--execute"))
	require.Equal(t, `what,topic,partition,from,to,skipped,repeated,paused,logStart,logEnd,executed
seek,orders,0,50,10,0,40,true,10,100,true
`, s.must("reset", "--topic", "orders:0", "--to-earliest", "--execute", "-o", "csv"))
	require.Equal(t, "10 paused, 60 paused, -", s.standing())
}

func TestOffsetsPauseAndResume(t *testing.T) {
	s := newOffsetsScene(t)
	require.Equal(t, `pause orders
PARTITION  FROM  TO  SKIPPED  REPEATED  LOG START  LOG END  PAUSED
        0    50  50        0         0         10      100  no -> yes
        2    20  20        0         0         10      100  no -> yes
total: 2 partitions, 0 skipped, 0 repeated
done: pause of 2 partitions of orders, revision 2
`, s.must("pause", "--execute"))
	require.Equal(t, "50 paused, 60 paused, 20 paused", s.standing())
	require.Equal(t, "pause orders\nnothing to do\n", s.must("pause"))
	require.Equal(t, "pause orders\nnothing to do\n", s.must("pause", "--execute"))
	require.Contains(t, s.must("resume", "--topic", "orders:1", "--execute"), "yes -> no\ntotal: 1 partition, ")
	require.Equal(t, "50 paused, 60, 20 paused", s.standing())
}

func TestOffsetsDelete(t *testing.T) {
	s := newOffsetsScene(t)
	require.Equal(t, `delete orders
PARTITION  FROM  TO  SKIPPED  REPEATED  LOG START  LOG END
        0    50   -        0         0          -        -
        1    60   -        0         0          -        -
        2     -   -        0         0          -        -
total: 3 partitions, 0 skipped, 0 repeated
note: the next start of the group is a first start of this topic
done: delete of 3 partitions of orders
`, s.must("delete", "--topic", "orders", "--execute"))
	require.Equal(t, "-, -, -", s.standing())
	require.Contains(t, s.refused("list"), "the store has no offsets of topic orders for this group")
	require.Regexp(t, `^TIME +WHO +WHAT +TOPIC +PARTITION +BEFORE +AFTER
\S+Z  bob@laptop  delete  orders  +0  +50  +-
\S+Z  bob@laptop  delete  orders  +1  60 paused  +-
\S+Z  bob@laptop  delete  orders  +2  +-  +-
$`, s.must("log", "--topic", "orders"))
	require.Equal(t, "no operator has changed anything\n", s.must("log", "--topic", "payments"))
	require.Equal(t, "[]\n", s.must("log", "--topic", "payments", "-o", "json"))
	require.Contains(t, s.must("log", "-o", "json"), `"before": {
          "offset": 60,
          "paused": true
        },
        "after": null`)
}

// A refusal says what to do, and no topic is changed when one of them is refused.
func TestOffsetsRefusals(t *testing.T) {
	s := newOffsetsScene(t)
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"reset", "--to-offset", "5"}, "offset 5 of orders/0 is outside the log, which starts at 10 and ends at 100; choose an offset between them, or force it"},
		{[]string{"reset", "--shift-by", "1000"}, "offset 1050 of orders/0 is outside the log"},
		{[]string{"reset", "--topic", "orders", "--topic", "payments", "--to-earliest", "--execute"}, "the store has no offsets of topic payments"},
		{[]string{"reset", "--topic", "order", "--to-earliest"}, "the store has no offsets of topic order "},
		{[]string{"pause", "--topic", "orders:0,7"}, "there is no partition orders/7; the topic has 3"},
	} {
		require.Contains(t, s.refused(c.args...), c.says)
	}
	require.Equal(t, "50, 60 paused, -", s.standing())
}

// Mistakes of usage end with 2 before anything is asked.
func TestOffsetsUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"nonsense"}, `unknown command "nonsense" for "sidecar offsets"`},
		{[]string{"list", "orders"}, `orders`},
		{[]string{"list"}, "kafka.topics: is required"},
		{[]string{"list", "--topic", "orders"}, "group: is required"},
		{[]string{"list", "-o", "xml"}, "must be table, json or csv"},
		{[]string{"export", "-o", "table"}, "must be csv or json"},
		{[]string{"list", "--topic", "a b"}, `invalid argument "a b" for "--topic" flag: must be a legal topic name`},
		{[]string{"list", "--topic", "orders:0,x"}, "must have partition numbers after the colon, such as orders:0,1 (got x)"},
		{[]string{"list", "--topic", "orders:"}, "must have partition numbers after the colon, such as orders:0,1 (got nothing)"},
		{[]string{"list", "--topic", "orders:-1"}, "(got -1)"},
		{[]string{"list", "--topic", "orders:0", "--topic", "orders:1"}, "names orders a second time"},
		{[]string{"list", "--set", "group=g", "--topic", "orders", "--as", "a/b"}, "--as must be at most 200 bytes of printable text without spaces and / (got a/b)"},
		{[]string{"reset"}, "it is not said where to go: add one of --to-earliest, --to-latest"},
		{[]string{"reset", "--to-earliest", "--to-offset", "5"}, "--to-earliest and --to-offset contradict one another: keep one"},
		{[]string{"reset", "--to-earliest=no"}, "takes no value"},
		{[]string{"reset", "--to-offset", "5x"}, `invalid argument "5x" for "--to-offset" flag: must be a whole number`},
		{[]string{"reset", "--to-offset", "-1"}, "must be 0 or more; for the ends of the log there are --to-earliest and --to-latest"},
		{[]string{"reset", "--to-offset", "9223372036854775808"}, "must be between -9223372036854775808 and 9223372036854775807"},
		{[]string{"reset", "--shift-by", "1.5"}, "must be a whole number"},
		{[]string{"reset", "--to-datetime", "2026-11-29T10:00:00.000"}, `invalid argument "2026-11-29T10:00:00.000" for "--to-datetime" flag: has no zone`},
		{[]string{"reset", "--to-datetime", "2026-11-29"}, "has no zone"},
		{[]string{"reset", "--to-datetime", "yesterday"}, "must be a time with its zone"},
		{[]string{"reset", "--by-duration", "P1Y"}, "must be a duration above 0"},
		{[]string{"reset", "--from-file", ""}, "must not be empty"},
		{[]string{"delete"}, "--topic must be given"},
		{[]string{"delete", "--topic", "orders:0"}, "--topic must be a topic without partitions here"},
	} {
		code, out, errs := command(append([]string{"offsets"}, c.args...)...)
		require.Equal(t, exitUsage, code, "%v: %s", c.args, errs)
		require.Empty(t, out)
		require.Contains(t, errs, c.says, "%v", c.args)
	}
}
