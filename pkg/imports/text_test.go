package imports

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

type next = map[record.TopicPartition]int64

func tp(topic string, partition int32) record.TopicPartition {
	return record.TopicPartition{Topic: topic, Partition: partition}
}

func TestText(t *testing.T) {
	long := strings.Repeat("t", 249)
	for name, tc := range map[string]struct {
		format, text string
		want         next
	}{
		"csv":                       {CSV, "orders,0,23\norders,1,0\npayments,0,9223372036854775807\n", next{tp("orders", 0): 23, tp("orders", 1): 0, tp("payments", 0): 9223372036854775807}},
		"csv, no newline at end":    {CSV, "orders,2147483647,23", next{tp("orders", 2147483647): 23}},
		"csv, header":               {CSV, "topic,partition,offset\norders,0,23\n", next{tp("orders", 0): 23}},
		"csv, header of a person":   {CSV, "Topic, Partition, Offset\norders, 0 , 23\n", next{tp("orders", 0): 23}},
		"csv, Windows":              {CSV, "\ufefftopic,partition,offset\r\norders,0,23\r\n\r\n", next{tp("orders", 0): 23}},
		"csv, quotes":               {CSV, "\"a-topic-with-a-long-name-of-more-than-24\",1,2\n\n\n", next{tp("a-topic-with-a-long-name-of-more-than-24", 1): 2}},
		"csv, one of several":       {CSV, "billing,orders,0,23\nbilling,orders,1,24\n", next{tp("orders", 0): 23, tp("orders", 1): 24}},
		"csv, groups with a header": {CSV, "group,topic,partition,offset\nbilling,orders,0,23\n", next{tp("orders", 0): 23}},
		"csv, latest and earliest":  {CSV, "orders,0,-1\norders,1,-2\n", next{tp("orders", 0): Latest, tp("orders", 1): Earliest}},
		"csv, a topic named topic":  {CSV, "topic,0,1\n", next{tp("topic", 0): 1}},
		"csv, longest name":         {CSV, long + ",0,1\n", next{tp(long, 0): 1}},
		"json":                      {JSON, `{"orders":{"0":23,"1":-2},"a.b_c-D":{"0":-1}}`, next{tp("orders", 0): 23, tp("orders", 1): Earliest, tp("a.b_c-D", 0): Latest}},
		"json, spread out":          {JSON, "\ufeff{\r\n  \"orders\": {\r\n    \"0\": 9223372036854775807\r\n  }\r\n}\r\n", next{tp("orders", 0): 9223372036854775807}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Text(strings.NewReader(tc.text), tc.format)
			require.NoError(t, err)
			require.Equal(t, Offsets{Next: tc.want}, got)
		})
	}
}

func TestTextRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ format, text, message string }{
		"format":                   {"xml", "x", "the format must be csv or json (got `xml`)"},
		"csv, empty":               {CSV, "", "it is empty"},
		"csv, only space":          {CSV, "\ufeff \r\n", "it is empty"},
		"csv, only a header":       {CSV, "topic,partition,offset\n", "it holds no offsets"},
		"csv, UTF-16":              {CSV, "\xff\xfeo\x00", "it is UTF-16: save it as UTF-8"},
		"csv, two fields":          {CSV, "orders,0\n", "line 1: 2 fields (`orders,0`) instead of topic,partition,offset"},
		"csv, semicolons":          {CSV, "orders;0;23\n", "line 1: 1 fields (`orders;0;23`) instead of topic,partition,offset"},
		"csv, five fields":         {CSV, "c,billing,orders,0,23\n", "line 1: 5 fields"},
		"csv, widths differ":       {CSV, "orders,0,23\nbilling,orders,1,24\n", "line 2: 4 fields (`billing,orders,1,24`) instead of 3"},
		"csv, cut":                 {CSV, "orders,0,23\norders,1,", "line 2: field offset: `` is no offset"},
		"csv, cut before a field":  {CSV, "orders,0,23\norders,1", "line 2: 2 fields (`orders,1`) instead of 3"},
		"csv, open quote":          {CSV, "orders,0,23\n\"orders,1,2\n", "line 2, column 13: extraneous or missing \" in quoted-field"},
		"csv, header in the midst": {CSV, "orders,0,23\ntopic,partition,offset\n", "line 2: field partition: `partition` is no partition"},
		"csv, other header":        {CSV, "partition,topic,offset\n0,orders,23\n", "line 1: field partition: `topic` is no partition"},
		"csv, partition twice":     {CSV, "orders,0,23\norders,1,1\norders,0,24\n", "line 3: orders/0 is there twice, with 23 and 24"},
		"csv, the same twice":      {CSV, "orders,0,23\norders,0,23\n", "line 2: orders/0 is there twice"},
		"csv, two groups":          {CSV, "billing,orders,0,23\nmail,orders,1,24\n", "line 2: field group: lines of `billing` and of `mail`: keep those of one group"},
		"csv, no group":            {CSV, ",orders,0,23\n", "line 1: field group: it is empty"},
		"csv, no topic":            {CSV, ",0,23\n", "line 1: field topic: `` is no name of a topic"},
		"csv, topic":               {CSV, "or/ders,0,23\n", "line 1: field topic: `or/ders` is no name of a topic: up to 249 letters"},
		"csv, dots":                {CSV, "..,0,23\n", "line 1: field topic: `..` is no name of a topic"},
		"csv, long topic":          {CSV, strings.Repeat("t", 250) + ",0,23\n", "is no name of a topic"},
		"csv, line in a topic":     {CSV, "\"or\nders\",0,23\n", "line 1: field topic: \"or\\nders\" is no name of a topic"},
		"csv, partition negative":  {CSV, "orders,-1,23\n", "line 1: field partition: `-1` is no partition: a whole number from 0 to 2147483647"},
		"csv, partition too large": {CSV, "orders,2147483648,23\n", "`2147483648` is no partition"},
		"csv, partition padded":    {CSV, "orders,00,23\n", "`00` is no partition"},
		"csv, partition signed":    {CSV, "orders,+0,23\n", "`+0` is no partition"},
		"csv, offset -3":           {CSV, "orders,0,-3\n", "line 1: field offset: `-3` is no offset: a whole number from 0 to 9223372036854775807, -1 (latest) or -2 (earliest)"},
		"csv, offset too large":    {CSV, "orders,0,9223372036854775808\n", "`9223372036854775808` is no offset"},
		"csv, offset fraction":     {CSV, "orders,0,1.0\n", "`1.0` is no offset"},
		"csv, offset exponent":     {CSV, "orders,0,1e3\n", "`1e3` is no offset"},
		"csv, offset with commas":  {CSV, "orders,0,\"1,000\"\n", "`1,000` is no offset"},
		"csv, offset in words":     {CSV, "orders,0,latest\n", "`latest` is no offset"},
		"csv, long line":           {CSV, "orders,0,23\norders,1," + strings.Repeat("9", 10<<20) + "\n", "line 2: field offset: `" + strings.Repeat("9", 60) + "`… (10485760 bytes) is no offset"},
		"csv, too long":            {CSV, strings.Repeat("orders,0,23\n", 1<<21), "it is longer than 16 MiB"},
		"csv, warning of the tool": {CSV, "WARN: No action will be performed\norders,0,23\n", "line 1: 1 fields (`WARN: No action will be performed`)"},

		"json, empty":               {JSON, "\n", "it is empty"},
		"json, no topics":           {JSON, "{}", "it holds no offsets"},
		"json, no partitions":       {JSON, "{\n\"orders\":{}}", "line 2: topic orders has no partitions"},
		"json, cut":                 {JSON, "{\"orders\":{\"0\":23,\n\"1\":", "line 2, column 4: no JSON: unexpected end of JSON input"},
		"json, comma":               {JSON, "{\"orders\":\n{\"0\":23,}}", "line 2, column 9: no JSON: invalid character '}'"},
		"json, two values":          {JSON, "{\"orders\":{\"0\":23}}\n{}", "line 2, column 1: no JSON: invalid character '{' after top-level value"},
		"json, csv":                 {JSON, "orders,0,23\n", "line 1, column 1: no JSON"},
		"json, array":               {JSON, "[1]", "line 1: `[` instead of an object of topics"},
		"json, null":                {JSON, "null", "line 1: `null` instead of an object of topics"},
		"json, string":              {JSON, `"orders"`, "line 1: `\"orders\"` instead of an object of topics"},
		"json, partitions an array": {JSON, `{"orders":[23]}`, "line 1: topic orders: `[` instead of an object of partitions"},
		"json, offset of a source":  {JSON, `{"logOffset":3}`, "line 1: topic logOffset: `3` instead of an object of partitions"},
		"json, topic twice":         {JSON, `{"orders":{"0":23},"orders":{"1":24}}`, "topic orders is there twice"},
		"json, partition twice":     {JSON, "{\"orders\":{\"0\":23,\n\"0\":24}}", "line 2: orders/0 is there twice, with 23 and 24"},
		"json, partition word":      {JSON, `{"orders":{"zero":23}}`, "topic orders: `zero` is no partition"},
		"json, partition escaped":   {JSON, `{"orders":{"\u0030":1,"0":2}}`, "orders/0 is there twice"},
		"json, topic":               {JSON, `{"or ders":{"0":23}}`, "`or ders` is no name of a topic"},
		"json, text for a number":   {JSON, `{"orders":{"0":"23"}}`, "orders/0: `\"23\"` is no offset"},
		"json, fraction":            {JSON, `{"orders":{"0":23.0}}`, "orders/0: `23.0` is no offset"},
		"json, exponent":            {JSON, `{"orders":{"0":2e1}}`, "orders/0: `2e1` is no offset"},
		"json, minus zero":          {JSON, `{"orders":{"0":-0}}`, "orders/0: `-0` is no offset"},
		"json, -3":                  {JSON, `{"orders":{"0":-3}}`, "orders/0: `-3` is no offset"},
		"json, too large":           {JSON, `{"orders":{"0":9223372036854775808}}`, "orders/0: `9223372036854775808` is no offset"},
		"json, true":                {JSON, `{"orders":{"0":true}}`, "orders/0: `true` is no offset"},
		"json, offset null":         {JSON, `{"orders":{"0":null}}`, "orders/0: `null` is no offset"},
		"json, offset an object":    {JSON, `{"orders":{"0":{"offset":23}}}`, "orders/0: `{` is no offset"},
		"json, deep":                {JSON, strings.Repeat(`{"a":`, 1<<20), "no JSON"},
		"json, long number":         {JSON, `{"orders":{"0":` + strings.Repeat("9", 10<<20) + `}}`, "`… (10485760 bytes) is no offset"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Text(strings.NewReader(tc.text), tc.format)
			require.ErrorContains(t, err, tc.message)
			require.Less(t, len(err.Error()), 400)
			require.Equal(t, Offsets{}, got)
		})
	}
}

func TestTextThatCanNotBeRead(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, err := Text(io.MultiReader(strings.NewReader("orders,0,23\n"), readError{broken}), CSV)
	require.ErrorIs(t, err, broken)
}

type readError struct{ error }

func (r readError) Read([]byte) (int, error) { return 0, r.error }

// What kafka-consumer-groups of the real Kafka exports, of one group and of several, is what a consumer has committed.
func TestTextReadsKafkasExport(t *testing.T) {
	kafka := testenv.SharedKafka(t)
	short, long := "orders", testenv.Name(t, "a-topic-with-a-name-of-more-than-24-characters")
	kafka.CreateTopic(short, 1)
	kafka.CreateTopic(long, 2)
	kafka.Produce(short, 1, 5, "a")
	kafka.Produce(long, 2, 7, "b")
	groups := []string{testenv.Name(t, "one"), testenv.Name(t, "two")}
	for _, group := range groups {
		commitAll(t, kafka, group, 12, short, long)
	}
	want := next{tp(short, 0): 5, tp(long, 0): 4, tp(long, 1): 3}

	export := func(groups ...string) string {
		args := []string{"--bootstrap-server", kafka.Addr(), "--all-topics", "--reset-offsets", "--to-current", "--dry-run", "--export"}
		for _, group := range groups {
			args = append(args, "--group", group)
		}
		return kafka.Tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", args...)
	}
	got, err := Text(strings.NewReader(export(groups[0])), CSV)
	require.NoError(t, err)
	require.Equal(t, Offsets{Next: want}, got)

	both := export(groups...)
	_, err = Text(strings.NewReader(both), CSV)
	require.ErrorContains(t, err, "keep those of one group")
	require.ErrorContains(t, err, groups[0])
	require.ErrorContains(t, err, groups[1])
	var one []string
	for line := range strings.Lines(both) {
		if strings.Contains(line, groups[1]) {
			one = append(one, line)
		}
	}
	got, err = Text(strings.NewReader(strings.Join(one, "")), CSV)
	require.NoError(t, err)
	require.Equal(t, Offsets{Next: want}, got)
}

// commitAll consumes n records as a member of group, commits and leaves.
func commitAll(t *testing.T, kafka *testenv.KafkaServer, group string, n int, topics ...string) {
	t.Helper()
	consumer := kafka.Client(kgo.ConsumerGroup(group), kgo.ConsumeTopics(topics...), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for n > 0 {
		n -= consumer.PollFetches(t.Context()).NumRecords()
	}
	require.NoError(t, consumer.CommitUncommittedOffsets(t.Context()))
	require.NoError(t, consumer.LeaveGroupContext(t.Context()))
}
