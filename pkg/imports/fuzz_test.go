package imports

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// checkUnderstood holds for whatever is taken for offsets: they are possible ones, and written down again they mean the same.
func checkUnderstood(t *testing.T, o Offsets, lowest int64) {
	t.Helper()
	require.NotEmpty(t, o.Next)
	topics := map[string]map[string]int64{}
	var lines strings.Builder
	for _, p := range slices.SortedFunc(maps.Keys(o.Next), record.TopicPartition.Compare) { // sorted: else coverage differs by itself
		offset := o.Next[p]
		require.NoError(t, checkTopic(p.Topic))
		require.GreaterOrEqual(t, p.Partition, int32(0))
		require.GreaterOrEqual(t, offset, lowest)
		if topics[p.Topic] == nil {
			topics[p.Topic] = map[string]int64{}
		}
		topics[p.Topic][strconv.Itoa(int(p.Partition))] = offset
		fmt.Fprintf(&lines, "%s,%d,%d\n", p.Topic, p.Partition, offset)
	}
	written, err := json.Marshal(topics)
	require.NoError(t, err)
	for _, text := range []struct{ format, text string }{{JSON, string(written)}, {CSV, lines.String()}} {
		again, err := Text(strings.NewReader(text.text), text.format)
		require.NoError(t, err)
		require.True(t, maps.Equal(o.Next, again.Next))
	}
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"orders,0,23\norders,1,-2\n", "topic,partition,offset\r\norders,0,23\r\n", "\ufeffbilling,\"orders\",0,23\n", "a,0,1\na,0,1\n", "\"", "a,0,99999999999999999999",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if o, err := Text(bytes.NewReader(data), CSV); err == nil {
			checkUnderstood(t, o, Earliest)
		}
	})
}

func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"orders":{"0":23,"1":-2},"payments":{"0":-1}}`, `{"a":{"0":1,"0":2}}`, `{"a":{"\u0030":1}}`, `{"a":{"0":1e3}}`, `{"a":{}}`, "\ufeff{}", `{"a":{"0":`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := Text(bytes.NewReader(data), JSON)
		if err == nil {
			checkUnderstood(t, o, Earliest)
			var plain map[string]map[string]int64 // an independent reader understands the same
			require.NoError(t, json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &plain))
			for p, offset := range o.Next {
				require.Equal(t, plain[p.Topic][strconv.Itoa(int(p.Partition))], offset)
			}
		}
	})
}

// FuzzCheckpoint reads its input as a file of offsets/ and as one of sources/<i>/.
func FuzzCheckpoint(f *testing.F) {
	for _, seed := range []string{
		batch(`{"orders":{"0":10}}`), batch("-", `{"orders":{"0":10}}`), "v1\n\n{}", "v2\n", begun, "\x13" + `{"orders":{"0":3}}`, "\xac\xed", "\x00v1", "\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if sources, err := parseOffsetLog(data); err == nil {
			require.NotEmpty(t, sources)
			log := offsetLog{path: "offsets/0", sources: sources}
			require.Len(t, log.describe(), len(sources))
			for i := range sources {
				if o, err := log.offsets(i); err == nil {
					checkUnderstood(t, o, 0)
				} else {
					require.ErrorContains(t, err, fmt.Sprintf("source %d", i))
				}
			}
		}
		if o, err := parseBeginning(data); err == nil {
			checkUnderstood(t, o, 0)
		}
	})
}
