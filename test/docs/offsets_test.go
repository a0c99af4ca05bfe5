package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// TestOffsetsPageRuns does what docs/offsets.md says, block by block, on a group that runs, and compares what is printed.
// go test ./test/docs -run OffsetsPage -update writes what is printed into the page.
func TestOffsetsPageRuns(t *testing.T) {
	s := newOffsetsSession(t)
	const path = "docs/offsets.md"
	page := read(t, path)
	var output string // of the newest command
	for _, b := range blocks(page) {
		switch b.info {
		case "sh":
			var err error
			output, err = s.run(b.text)
			require.NoError(t, err)
		case "sh fails":
			out, err := s.run(b.text)
			require.ErrorContains(t, err, "exit status 1")
			output = out
		case "text":
			if *update {
				page = strings.Replace(page, "```text\n"+b.text+"```", "```text\n"+output+"```", 1)
				continue
			}
			require.Equal(t, shape(b.text), shape(output))
		default:
			t.Fatalf("%s has a block of the kind %q that nobody runs:\n%s", path, b.info, b.text)
		}
	}
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(root(t), path), []byte(page), 0o644))
	}
}

// newOffsetsSession is where the README ends: the files that it has, the app and the sidecar up, and 100 records in each partition, delivered.
func newOffsetsSession(t *testing.T) *session {
	t.Helper()
	s := newSession(t)
	s.must(`export PATH="` + filepath.Dir(testenv.SidecarPath(t)) + `:$PATH"`)
	for _, b := range blocks(read(t, "README.md")) {
		if b.info == "yaml" || b.info == "python" {
			s.write(b.text)
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "consul-token"), []byte(managementToken), 0o600))
	s.must("kafka-topics.sh --bootstrap-server localhost:9092 --create --topic orders --partitions 3")
	client, err := kgo.NewClient(kgo.SeedBrokers(s.ports.Replace("localhost:9092")), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	for i := range 300 {
		client.Produce(t.Context(), &kgo.Record{Topic: "orders", Partition: int32(i % 3), Value: fmt.Append(nil, i)}, func(_ *kgo.Record, err error) { require.NoError(t, err) })
	}
	require.NoError(t, client.Flush(t.Context()))
	s.serve("python3 app.py")
	s.serve("sidecar run --config sidecar.yaml --set start=earliest")
	testenv.Eventually(t, time.Minute, "the offsets of 300 records in Consul", func() error {
		out, err := s.run("consul kv get -recurse kafka-sidecar/billing")
		if sum := offsetsIn(out); err == nil && sum != 300 {
			err = fmt.Errorf("the offsets add up to %d:\n%s", sum, out)
		}
		return err
	})
	return s
}

var (
	aTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)
	anOwner = regexp.MustCompile(`\S+/[0-9a-f]{16}\b`)
	aWho    = regexp.MustCompile(`[^\s/]+@[^\s/]+`)
	aPlace  = regexp.MustCompile(`\borders/\d`)
	spaces  = regexp.MustCompile(` +`)
)

// shape is an output without what differs from run to run: times, claims, people, and the widths that follow from them.
func shape(output string) string {
	output = aTime.ReplaceAllString(output, "TIME")
	output = anOwner.ReplaceAllString(output, "OWNER")
	output = aWho.ReplaceAllString(output, "WHO")
	output = aPlace.ReplaceAllString(output, "orders/N") // whichever was written last
	return spaces.ReplaceAllString(output, " ")
}
