package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// offsetsFile writes a file of offsets and returns its path.
func offsetsFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "offsets.txt")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestOffsetsResetFromFile(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"csv":    {"orders,0,70\norders,2,-2\n", "70, 60 paused, 10"},
		"quoted": {"\"orders\",2,70\n\n", "50, 60 paused, 70"},
		"json":   {` {"orders":{"0":-1,"1":20}}`, "100, 20 paused, -"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newOffsetsScene(t)
			require.Contains(t, s.must("reset", "--from-file", offsetsFile(t, c.text), "--execute"), "done: seek of ")
			require.Equal(t, c.want, s.standing())
		})
	}
}

func TestOffsetsResetFromFileOfSomePartitions(t *testing.T) {
	s := newOffsetsScene(t)
	path := offsetsFile(t, "orders,0,70\norders,1,70\n")
	s.must("reset", "--topic", "orders:1", "--from-file", path, "--execute")
	require.Equal(t, "50, 70 paused, -", s.standing())
	require.Contains(t, s.refused("reset", "--topic", "orders:0,2", "--from-file", path), "no offset is given for orders/2; name its offset, or only the partitions that are meant")
	require.Contains(t, s.refused("reset", "--topic", "payments", "--from-file", path), path+": it has no offsets of topic payments")
}

func TestOffsetsResetFromABadFile(t *testing.T) {
	s := newOffsetsScene(t)
	for text, says := range map[string]string{
		"orders,0,x\n":             "line 1: field offset: `x` is no offset",
		"orders,0,50\norders,0\n":  "line 2: 2 fields (`orders,0`) instead of 3",
		"orders,7,50\n":            "there is no partition orders/7; the topic has 3",
		"orders,0,5\n":             "offset 5 of orders/0 is outside the log, which starts at 10 and ends at 100",
		`{"orders":{"0":"later"}}`: "later",
		`{"orders":{}}`:            "topic orders has no partitions",
		"":                         "it is empty",
	} {
		require.Contains(t, s.refused("reset", "--from-file", offsetsFile(t, text)), says, text)
	}
	require.Contains(t, s.refused("reset", "--from-file", "none.csv"), "none.csv")
}

func TestOffsetsImport(t *testing.T) {
	s := newOffsetsScene(t)
	path := offsetsFile(t, "orders,0,70\norders,1,71\npayments,0,0\n")
	require.Contains(t, s.refused("import", "--from", "csv", "--path", path, "--execute"), "the store has offsets of topic orders for this group already (partitions [0 1]); with overwrite they are replaced")
	require.Equal(t, `import orders
PARTITION  FROM  TO  SKIPPED  REPEATED  LOG START  LOG END  PAUSED
        0    50  70       20         0         10      100  no
        1    60  71       11         0         10      100  yes
        2    20  10        0        10         10      100  no
total: 3 partitions, 31 skipped, 10 repeated
note: the source has other topics, which are left out: payments
note: the source does not know partitions [2]; they begin at the log start
nothing was written; add --execute to do it
`, s.must("import", "--from", "csv", "--path", path, "--overwrite"))
	require.Equal(t, "50, 60 paused, -", s.standing())
	require.Contains(t, s.must("import", "--from", "csv", "--path", path, "--overwrite", "--execute"), "done: import of 3 partitions of orders, revision 2\n")
	require.Equal(t, "70, 71 paused, 10", s.standing())
	require.Contains(t, s.refused("import", "--from", "json", "--path", path), path+": ")
}

// A topic that was never tracked: there is nothing to write over.
func TestOffsetsImportOfANewTopic(t *testing.T) {
	s := newOffsetsScene(t)
	path := offsetsFile(t, `{"payments":{"0":0,"1":-1}}`)
	require.Contains(t, s.refused("import", "--from", "json", "--path", path), "the source has no offsets of topic orders, but of payments; name those that are meant with --topic")
	require.Equal(t, `import payments
PARTITION  FROM  TO  SKIPPED  REPEATED  LOG START  LOG END
        0     -   0        0         0          0        0
        1     -   0        0         0          0        0
        2     -   0        0         0          0        0
total: 3 partitions, 0 skipped, 0 repeated
note: the source does not know partitions [2]; they begin at the log start
done: import of 3 partitions of payments, revision 1
`, s.must("import", "--topic", "payments", "--from", "json", "--path", path, "--execute"))
	require.Contains(t, s.must("list", "--topic", "payments"), "operator/bob@laptop/")
}

func TestOffsetsImportFromAKafkaGroup(t *testing.T) {
	s := newOffsetsScene(t)
	require.Contains(t, s.refused("import", "--from", "kafka-group", "--group", "legacy"), "group legacy")
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker))
	require.NoError(t, err)
	defer client.Close()
	commits := kadm.Offsets{}
	commits.AddOffset("orders", 0, 42, -1)
	commits.AddOffset("orders", 1, 43, -1)
	require.NoError(t, kadm.NewClient(client).CommitAllOffsets(t.Context(), "legacy", commits))
	s.must("import", "--from", "kafka-group", "--group", "legacy", "--overwrite", "--execute")
	require.Equal(t, "42, 43 paused, 10", s.standing())
}

func TestOffsetsImportFromACheckpoint(t *testing.T) {
	s := newOffsetsScene(t)
	dir := t.TempDir()
	for path, text := range map[string]string{
		"commits/4": "v1\n{}",
		"offsets/4": "v1\n{\"batchWatermarkMs\":0,\"batchTimestampMs\":1732874400000}\n{\"orders\":{\"0\":80,\"1\":81,\"2\":82}}",
		"offsets/5": "v1\n{\"batchWatermarkMs\":0,\"batchTimestampMs\":1732874401000}\n{\"orders\":{\"0\":90,\"1\":91,\"2\":92}}",
	} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(text), 0o600))
	}
	out := s.must("import", "--from", "spark-checkpoint", "--path", dir, "--overwrite", "--execute")
	require.Contains(t, out, "note: offsets/5 has no commit: that batch was in flight")
	require.Equal(t, "80, 81 paused, 82", s.standing())
	require.Contains(t, s.refused("import", "--from", "spark-checkpoint", "--path", dir, "--source-index", "1", "--overwrite"), "the query has no source 1")
}

func TestOffsetsImportUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "it is not said what to import: add --from with kafka-group, zookeeper, dibbhatt, zk-string, spark-checkpoint, csv or json"},
		{[]string{"--from", "hbase"}, "--from must be kafka-group, zookeeper, dibbhatt, zk-string, spark-checkpoint, csv or json (got hbase)"},
		{[]string{"--from", "kafka-group"}, "--from kafka-group needs --group"},
		{[]string{"--from", "zookeeper", "--group", "g"}, "--from zookeeper needs --zookeeper and --group"},
		{[]string{"--from", "zk-string", "--zookeeper", "zk", "--path", "/o"}, "--from zk-string needs --zookeeper and --path and --topic"},
		{[]string{"--from", "csv", "--path", "f", "--zookeeper", "zk"}, "--zookeeper has no meaning with --from csv"},
		{[]string{"--from", "csv", "--path", "f", "--source-index", "0"}, "--source-index has no meaning with --from csv"},
		{[]string{"--from", "csv", "--path", "f", "--topic", "orders:0"}, "--topic must be a topic without partitions here"},
		{[]string{"--from", "zk-string", "--zookeeper", "zk", "--path", "/o", "--topic", "a", "--topic", "b"}, "--from zk-string takes one --topic"},
	} {
		code, out, errs := command(append([]string{"offsets", "import", "--set", "group=g"}, c.args...)...)
		require.Equal(t, exitUsage, code, "%v: %s", c.args, errs)
		require.Empty(t, out)
		require.Contains(t, errs, c.says, "%v", c.args)
	}
}
