package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
)

func TestOffsetsList(t *testing.T) {
	s := newOffsetsScene(t)
	require.Equal(t, `TOPIC   PARTITION  COMMITTED  LOG START  LOG END  LAG  OWNER                               COMMITTED AT          STATE
orders          0         50         10      100   50  pod-7f4/9c1e04a2b7d01f33            2024-11-29T10:00:00Z  ok
orders          1         60         10      100   40  operator/ann@desk/0123456789abcdef  2024-11-29T10:00:00Z  paused by ann@desk at 2024-11-29T11:00:00Z
orders          2         20         10      100   80  -                                   -                     no key: not claimed yet
orders: 3 partitions, lag 170, revision 1
`, s.must("list"))
	require.Equal(t, `topic,partition,committed,logStart,logEnd,lag,owner,committedAt,state,detail
orders,2,20,10,100,80,,,no key,not claimed yet
`, s.must("list", "--topic", "orders:2", "-o", "csv"))
	require.JSONEq(t, `{"group":"billing","topics":[{"topic":"orders","topicId":"`+s.id+`","revision":1,"lag":40,"partitions":[
		{"partition":1,"committed":60,"logStart":10,"logEnd":100,"lag":40,"owner":"operator/ann@desk/0123456789abcdef","committedAt":"2024-11-29T10:00:00Z",
		 "state":"paused","detail":"by ann@desk at 2024-11-29T11:00:00Z","pausedBy":"ann@desk","pausedAt":"2024-11-29T11:00:00Z"}]}]}`,
		s.must("list", "--topic", "orders:1", "-o", "json"))
}

func TestOffsetsListStates(t *testing.T) {
	s := newOffsetsScene(t)
	s.write(s.entry(2, 5))
	s.spoil("orders/0")
	states := func() (all []string, errs string) {
		_, out, errs := s.run("list", "-o", "json")
		var list listDocument
		require.NoError(t, json.Unmarshal([]byte(out), &list))
		for _, topic := range list.Topics {
			for _, p := range topic.Partitions {
				all = append(all, p.State)
			}
		}
		return all, errs
	}
	all, _ := states()
	require.Equal(t, []string{"unreadable", "paused", "out of range"}, all)
	require.Contains(t, s.must("list"), "unreadable: ")

	s.recreate()
	all, _ = states()
	require.Equal(t, []string{"unreadable", "other log", "missing"}, all, "two partitions of another log")
}

// Topics that are refused do not hide the others.
func TestOffsetsListOfATopicThatIsNotTracked(t *testing.T) {
	s := newOffsetsScene(t)
	code, out, errs := s.run("list", "--topic", "orders", "--topic", "payments")
	require.Equal(t, exitFailed, code)
	require.Contains(t, out, "orders: 3 partitions, lag 170")
	require.Equal(t, "sidecar: the store has no offsets of topic payments for this group; see the topic's name, the group and offsets.prefix; "+
		"a group that has never run has none: start it, or import them\n", errs)
	require.Contains(t, s.refused("list", "--topic", "orders:3"), "there is no partition orders/3; the topic has 3, numbered from 0")
}

func TestOffsetsExport(t *testing.T) {
	s := newOffsetsScene(t)
	require.Equal(t, "orders,0,50\norders,1,60\norders,2,20\n", s.must("export"))
	require.Equal(t, "orders,1,60\n", s.must("export", "--topic", "orders:1"))
	require.JSONEq(t, `{"orders":{"0":50,"1":60,"2":20}}`, s.must("export", "-o", "json"))

	s.spoil("orders/1")
	require.Contains(t, s.refused("export"), "the key of orders/1 can't be read")
	require.Equal(t, "orders,0,50\norders,2,20\n", s.must("export", "--topic", "orders:2,0"))
	s.recreate()
	require.Contains(t, s.refused("export", "--topic", "orders:0"), "the stored offsets of topic orders are of another log")
}

// The tool of Kafka writes a long name in quotes; the end-to-end test compares with the tool itself.
func TestOffsetsExportQuotesLikeKafka(t *testing.T) {
	require.Equal(t, strings.Repeat("a", 24), quotedLikeKafka(strings.Repeat("a", 24)))
	require.Equal(t, `"`+strings.Repeat("a", 25)+`"`, quotedLikeKafka(strings.Repeat("a", 25)))
}

// The running sidecar has the file store; only it may write.
func TestOffsetsOfALockedStore(t *testing.T) {
	s := newOffsetsScene(t)
	s.store(func(*offsets.File) {
		for _, c := range []struct {
			args []string
			says string
		}{
			{[]string{"list"}, "its admin API at 127.0.0.1:7400 takes the order: GET /v1/status"},
			{[]string{"reset", "--to-earliest"}, "its admin API at 127.0.0.1:7400 takes the order: POST /v1/seek"},
			{[]string{"pause"}, "POST /v1/pause"},
			{[]string{"resume"}, "POST /v1/resume"},
			{[]string{"delete", "--topic", "orders"}, "stop it and repeat the command"},
			{[]string{"log"}, "stop it and repeat the command"},
		} {
			errs := s.refused(c.args...)
			require.Contains(t, errs, "the running sidecar (pid ")
			require.Contains(t, errs, c.says)
		}
	})
}
