package imports

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What Spark writes, shortened: see TestSparkCheckpointOfAKilledQuery in test/sdk for the real thing.
const (
	metadata = `{"batchWatermarkMs":0,"batchTimestampMs":1732430000000,"conf":{"spark.sql.shuffle.partitions":"200"}}`
	commit   = "v1\n" + `{"nextBatchWatermarkMs":0}`
	begun    = "\x00v1\n" + `{"orders":{"0":3,"1":4}}`
)

func batch(sources ...string) string {
	return "v1\n" + metadata + "\n" + strings.Join(sources, "\n")
}

// folder writes files, name and content, and returns their folder. A name with / at its end is an empty folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			require.NoError(t, os.MkdirAll(path, 0o755))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return dir
}

func TestCheckpoint(t *testing.T) {
	first, second, third := `{"orders":{"0":10,"1":11}}`, `{"orders":{"0":20,"1":21}}`, `{"orders":{"0":30,"1":31}}`
	for name, tc := range map[string]struct {
		files  map[string]string
		source int
		want   next
		notes  []string // how each begins
	}{
		"all done": {
			files: map[string]string{"metadata": `{"id":"x"}`, "offsets/0": batch(first), "commits/0": commit, "offsets/1": batch(second), "commits/1": commit, "sources/0/0": begun},
			want:  next{tp("orders", 0): 20, tp("orders", 1): 21},
		},
		"one in flight": {
			files: map[string]string{"offsets/0": batch(first), "commits/0": commit, "offsets/1": batch(second)},
			want:  next{tp("orders", 0): 10, tp("orders", 1): 11},
			notes: []string{"offsets/1 has no commit: that batch was in flight; starting at its beginning"},
		},
		"several in flight": {
			files: map[string]string{"offsets/3": batch(first), "commits/3": commit, "offsets/4": batch(second), "offsets/5": batch(third)},
			want:  next{tp("orders", 0): 10, tp("orders", 1): 11},
			notes: []string{"offsets/4 has no commit", "offsets/5 has no commit"},
		},
		"10 is above 9": {
			files: map[string]string{"offsets/9": batch(first), "commits/9": commit, "offsets/10": batch(second), "commits/10": commit},
			want:  next{tp("orders", 0): 20, tp("orders", 1): 21},
		},
		"names that are no batches": {
			files: map[string]string{
				"offsets/7": batch(first), "commits/7": commit, "offsets/.8.crc": "crc", "commits/.7.crc": "crc", "commits/8.tmp": "", "commits/.8.5a.tmp": "",
				"commits/9.compact": "", "commits/+9": "", "commits/-9": "", "commits/08": "", "commits/99999999999999999999": "", "commits/8_copy": "", "commits/９": "",
			},
			want: next{tp("orders", 0): 10, tp("orders", 1): 11},
		},
		"old batches are purged": {
			files: map[string]string{"offsets/4711": batch(first), "commits/4711": commit, "offsets/4712": batch(second), "commits/4712": commit},
			want:  next{tp("orders", 0): 20, tp("orders", 1): 21},
		},
		"no commit yet": {
			files: map[string]string{"offsets/0": batch(first), "commits/": "", "sources/0/0": begun},
			want:  next{tp("orders", 0): 3, tp("orders", 1): 4},
			notes: []string{"no batch is done (commits/ is empty): starting where the query began (sources/0/0)", "offsets/0 has no commit: that batch was in flight; starting at its beginning"},
		},
		"not even a batch": {
			files: map[string]string{"sources/0/0": begun},
			want:  next{tp("orders", 0): 3, tp("orders", 1): 4},
			notes: []string{"no batch is done"},
		},
		"Spark 2.1.0": {
			files: map[string]string{"offsets/0": batch(first), "offsets/41": batch(second), "sources/0/0": "\x18" + `{"orders":{"0":3,"1":4}}`},
			want:  next{tp("orders", 0): 3, tp("orders", 1): 4},
			notes: []string{"no batch is done", "offsets/ has batches up to 41 all the same: Spark 2.1 kept no commits, or they were deleted. If batch 41 was the newest that ran, import the line of offsets/40"},
		},
		"a 0 byte without a version": {
			files: map[string]string{"sources/0/0": "\x00" + `{"orders":{"0":3}}`},
			want:  next{tp("orders", 0): 3},
			notes: []string{"no batch is done"},
		},
		"no metadata": {
			files: map[string]string{"offsets/0": "v1\n\n" + first, "commits/0": commit},
			want:  next{tp("orders", 0): 10, tp("orders", 1): 11},
		},
		"opened on Windows": {
			files: map[string]string{"offsets/0": "v1\r\n" + metadata + "\r\n" + first + "\r\n", "commits/0": "v1\r\n{}"},
			want:  next{tp("orders", 0): 10, tp("orders", 1): 11},
		},
		"newer commits": {
			files: map[string]string{"offsets/0": batch(first), "commits/0": "v2\n" + `{"nextBatchWatermarkMs":0,"stateUniqueIds":{}}`},
			want:  next{tp("orders", 0): 10, tp("orders", 1): 11},
		},
		"several sources": {
			files:  map[string]string{"offsets/0": batch(`{"logOffset":3}`, first, `{"payments":{"0":7},"refunds":{"0":9}}`), "commits/0": commit, "sources/2/0": begun},
			source: 2,
			want:   next{tp("payments", 0): 7, tp("refunds", 0): 9},
		},
		"a source without data": {
			files:  map[string]string{"offsets/0": batch(first, "-"), "commits/0": commit, "offsets/1": batch(first, "-"), "sources/1/0": begun},
			source: 1,
			want:   next{tp("orders", 0): 3, tp("orders", 1): 4},
			notes:  []string{"source 1 had no data up to batch 0: starting where it began (sources/1/0)", "offsets/1 has no commit"},
		},
		"several sources, no commit": {
			files:  map[string]string{"offsets/0": batch("-", first), "sources/1/0": begun},
			source: 1,
			want:   next{tp("orders", 0): 3, tp("orders", 1): 4},
			notes:  []string{"no batch is done", "offsets/0 has no commit"},
		},
		"several sources, no batch": {
			files:  map[string]string{"sources/0/0": begun, "sources/1/0": begun},
			source: 1,
			want:   next{tp("orders", 0): 3, tp("orders", 1): 4},
			notes:  []string{"no batch is done"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			sources := []int{tc.source}
			if tc.source == 0 {
				sources = []int{-1, 0} // the only one, and by its number
			}
			for _, source := range sources {
				got, err := Checkpoint(folder(t, tc.files), source)
				require.NoError(t, err)
				require.Equal(t, tc.want, got.Next)
				require.Len(t, got.Notes, len(tc.notes), "%q", got.Notes)
				for i, note := range tc.notes {
					require.True(t, strings.HasPrefix(got.Notes[i], note), "%q\n%q", got.Notes[i], note)
				}
			}
		})
	}
}

func TestCheckpointRefuses(t *testing.T) {
	good := `{"orders":{"0":10}}`
	of := func(files ...string) map[string]string { // of batch 7, with its commit
		m := map[string]string{"commits/7": commit}
		for i := 0; i < len(files); i += 2 {
			m[files[i]] = files[i+1]
		}
		return m
	}
	for name, tc := range map[string]struct {
		files   map[string]string
		source  int
		message string
	}{
		"nothing there":             {map[string]string{}, -1, "is no checkpoint of Structured Streaming: it has none of the folders offsets, commits and sources"},
		"its parent":                {map[string]string{"words/offsets/0": batch(good)}, -1, "/words may be: name one"},
		"empty folders":             {map[string]string{"offsets/": "", "commits/": ""}, -1, "sources/0/0, where the source began, is missing: there is nothing to go on from"},
		"offsets is a file":         {map[string]string{"offsets": "", "commits/": ""}, -1, "/offsets: not a directory"},
		"offsets are missing":       {of("offsets/6", batch(good)), -1, "batch 7 is done (commits/7), but offsets/7, which says where it ended, is missing"},
		"a folder for a batch":      {of("offsets/7/", ""), -1, "/offsets/7 is no file"},
		"empty commit":              {map[string]string{"commits/7": "", "offsets/7": batch(good)}, -1, "/commits/7: line 1: `` instead of the version: it can't be seen whether the batch was done"},
		"commit v3":                 {map[string]string{"commits/7": "v3\n{}", "offsets/7": batch(good)}, -1, "/commits/7: line 1: version `v3`, only v1 and v2 are understood"},
		"empty":                     {of("offsets/7", ""), -1, "/offsets/7: it is empty: the file is cut"},
		"cut after the version":     {of("offsets/7", "v1"), -1, "/offsets/7: 1 lines: the file is cut"},
		"cut after the metadata":    {of("offsets/7", "v1\n"+metadata+"\n"), -1, "/offsets/7: 2 lines: the file is cut"},
		"cut in the metadata":       {of("offsets/7", "v1\n"+metadata[:30]+"\n"+good), -1, "/offsets/7: line 2: `" + metadata[:30] + "` is no metadata of a batch"},
		"cut in the offsets":        {of("offsets/7", batch(good[:15])), -1, "/offsets/7: source 0 is not of Kafka, or damaged: line 3, column 15: no JSON: unexpected end"},
		"cut by a source":           {of("offsets/7", batch(good), "sources/0/0", begun, "sources/1/0", begun), -1, "has the lines of 1 sources, but sources/1 exists: the file is cut"},
		"a line is lost":            {of("offsets/7", "v1\n"+good+"\n"+good), -1, "/offsets/7: line 2: `" + good + "` is no metadata"},
		"version 2":                 {of("offsets/7", "v2\n"+metadata+"\n0:"+good), -1, "/offsets/7: line 1: version `v2`, only v1 is understood: put the JSON of the source's line into a file and import that as json"},
		"version 12":                {of("offsets/7", "v12\n"+metadata+"\n"+good), -1, "version `v12`"},
		"no version":                {of("offsets/7", metadata+"\n"+good), -1, "/offsets/7: line 1: `{\"batchWatermarkMs\":0"},
		"version alone":             {of("offsets/7", "v\n"+metadata+"\n"+good), -1, "line 1: `v` instead of the version, v1"},
		"byte order mark":           {of("offsets/7", "\ufeff"+batch(good)), -1, "line 1: \"\\ufeffv1\" instead of the version, v1"},
		"Java":                      {of("offsets/7", "\xac\xed\x00\x05sr"), -1, "/offsets/7: it is Java serialisation (AC ED), as Spark 2.0 wrote it"},
		"too long":                  {of("offsets/7", batch(strings.Repeat(" ", 17<<20))), -1, "/offsets/7 is longer than 16 MiB"},
		"long line":                 {of("offsets/7", batch(`{"orders":{"0":`+strings.Repeat("9", 10<<20)+"}}")), -1, "line 3: orders/0: `999"},
		"other source":              {of("offsets/7", batch(`{"logOffset":3}`)), -1, "/offsets/7: source 0 is not of Kafka, or damaged: line 3: topic logOffset: `3` instead of"},
		"no partitions":             {of("offsets/7", batch("{}")), -1, "/offsets/7: line 3: source 0 has no partitions"},
		"latest":                    {of("offsets/7", batch(`{"orders":{"0":-1}}`)), -1, "line 3: orders/0: `-1` is no offset: a whole number from 0 to 9223372036854775807"},
		"earliest":                  {of("offsets/7", batch(`{"orders":{"0":-2}}`)), -1, "orders/0: `-2` is no offset"},
		"too large":                 {of("offsets/7", batch(`{"orders":{"0":9223372036854775808}}`)), -1, "orders/0: `9223372036854775808` is no offset"},
		"twice":                     {of("offsets/7", batch(`{"orders":{"0":1,"0":2}}`)), -1, "orders/0 is there twice, with 1 and 2"},
		"several sources":           {of("offsets/7", batch(good, "-", `{"logOffset":3}`, `{"b":{"0":1},"a":{"0":1}}`)), -1, "the query has 4 sources: say which one with its number."},
		"several sources, listed":   {of("offsets/7", batch(good, "-", `{"logOffset":3}`, `{"b":{"0":1},"a":{"0":1}}`)), -1, "/offsets/7 has source 0 (topics orders), source 1 (no data yet), source 2 (another kind of source), source 3 (topics a b)"},
		"no such source":            {of("offsets/7", batch(good)), 1, "the query has no source 1. "},
		"negative source":           {of("offsets/7", batch(good)), -2, "source -2: the sources are numbered from 0"},
		"no data, no beginning":     {of("offsets/7", batch("-")), -1, "source 0 has no data up to batch 7 and sources/0/0 is missing"},
		"several sources, no batch": {map[string]string{"sources/0/0": begun, "sources/1/0": begun}, -1, "the query has 2 sources or more ("},
		"several, no commit":        {map[string]string{"offsets/0": batch(good, good)}, -1, "the query has 2 sources"},
		"no commit, bad batch":      {map[string]string{"offsets/0": "v1\n"}, -1, "/offsets/0: 1 lines: the file is cut"},
		"no beginning":              {map[string]string{"offsets/0": batch(good)}, -1, "no batch is done (commits/ is empty) and sources/0/0"},
		"beginning empty":           {map[string]string{"sources/0/0": ""}, -1, "/sources/0/0: it is empty: the file is cut"},
		"beginning cut":             {map[string]string{"sources/0/0": begun[:20]}, -1, "/sources/0/0: not of Kafka, or damaged: line 2, column 16: no JSON: unexpected end"},
		"beginning v2":              {map[string]string{"sources/0/0": "\x00v2\n{}"}, -1, "/sources/0/0: line 1: version `v2`, only v1"},
		"beginning without a byte":  {map[string]string{"sources/0/0": "v1\n" + good}, -1, "/sources/0/0: byte 1 is 118: neither 0 nor the length"},
		"beginning, another byte":   {map[string]string{"sources/0/0": "\x01v1\n" + good}, -1, "/sources/0/0: byte 1 is 1 instead of 0"},
		"beginning of 2.1.0, cut":   {map[string]string{"sources/0/0": "\x20" + good}, -1, "/sources/0/0: byte 1 is 32: neither 0 nor the length of what follows"},
		"beginning of no topic":     {map[string]string{"sources/0/0": "\x00v1\n{}"}, -1, "/sources/0/0: it holds no offsets"},
		"DStream":                   {map[string]string{"checkpoint-1732430000000": "LZ4Block", "checkpoint-1732430000000.bk": ""}, -1, "is the checkpoint of a DStream job"},
		"DStream, how":              {map[string]string{"checkpoint-1732430000000.bk": ""}, -1, `offsetRanges.foreach(r => println(s"${r.topic},${r.partition},${r.untilOffset}"))`},
		"DStream, by its content":   {map[string]string{"renamed": "\xac\xed\x00\x05"}, -1, "the application's own classes in Java serialisation, which can't be read from outside"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Checkpoint(folder(t, tc.files), tc.source)
			require.ErrorContains(t, err, tc.message)
			require.Less(t, len(err.Error()), 1000)
			require.Equal(t, Offsets{}, got)
		})
	}
}

func TestCheckpointElsewhere(t *testing.T) {
	for path, message := range map[string]string{
		"hdfs://nn:8020/jobs/words":            "hdfs://nn:8020/jobs/words is not on this machine, and only local folders are read: with the query stopped copy it (hadoop fs -copyToLocal hdfs://nn:8020/jobs/words ./checkpoint)",
		"hdfs:///jobs/words":                   "(hadoop fs -copyToLocal hdfs:///jobs/words ./checkpoint)",
		"s3a://bucket/words":                   "(aws s3 cp --recursive s3://bucket/words ./checkpoint)",
		"s3://bucket/words":                    "(aws s3 cp --recursive s3://bucket/words ./checkpoint)",
		"gs://bucket/words":                    "(gcloud storage cp -r gs://bucket/words ./checkpoint)",
		"abfss://c@a.dfs.core.windows.net/job": "(hadoop fs -copyToLocal abfss://c@a.dfs.core.windows.net/job ./checkpoint)",
		"dbfs:/jobs/words":                     "(databricks fs cp -r dbfs:/jobs/words ./checkpoint)",
	} {
		_, err := Checkpoint(path, -1)
		require.ErrorContains(t, err, message)
	}
	dir := folder(t, map[string]string{"commits/0": commit, "offsets/0": batch(`{"orders":{"0":1}}`)})
	for _, form := range []string{"file:", "file://"} {
		got, err := Checkpoint(form+dir, -1)
		require.NoError(t, err)
		require.Equal(t, next{tp("orders", 0): 1}, got.Next)
	}
}

func TestCheckpointThatIsNoFolder(t *testing.T) {
	dir := folder(t, map[string]string{"checkpoint-1732430000000": "", "offsets/0": batch("-")})
	_, err := Checkpoint(filepath.Join(dir, "missing"), -1)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, dir)
	_, err = Checkpoint(filepath.Join(dir, "offsets", "0"), -1)
	require.ErrorContains(t, err, "/offsets/0 is a file: name the folder that has offsets/ and commits/")
	_, err = Checkpoint(filepath.Join(dir, "checkpoint-1732430000000"), -1)
	require.ErrorContains(t, err, "is the checkpoint of a DStream job")
}
