package fetch_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// One record of a batch, of a transaction that was committed, and none of one that was aborted, of its markers, or outside the log.
func TestRecord(t *testing.T) {
	kafka, cfg, topic := scene(t, 1)
	cluster, err := fetch.NewCluster(cfg)
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	producer := kafka.Client(kgo.TransactionalID(testenv.Name(t, "tx")))
	for i, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} { // offsets 0-1 with marker 2, 3-4 with 5, 6-7 with 8
		require.NoError(t, producer.BeginTransaction())
		require.NoError(t, producer.ProduceSync(t.Context(),
			&kgo.Record{Topic: topic, Key: []byte{byte(i)}, Value: []byte("a"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("v")}}},
			&kgo.Record{Topic: topic, Value: nil}).FirstErr())
		require.NoError(t, producer.EndTransaction(t.Context(), commit))
	}
	r, err := cluster.Record(t.Context(), tp(topic, 0), 6)
	require.NoError(t, err)
	require.Equal(t, []any{int64(6), []byte{2}, []byte("a"), []record.Header{{Name: "h", Value: []byte("v")}}}, []any{r.Offset, r.Key, r.Value, r.Headers})
	require.Positive(t, r.Timestamp)
	r, err = cluster.Record(t.Context(), tp(topic, 0), 1)
	require.NoError(t, err)
	require.Nil(t, r.Value)
	for offset, says := range map[int64]string{2: "marker", 3: "not committed", 5: "marker", 9: "ends at 9", 100: "ends at 9", -1: "starts at 0"} {
		_, err = cluster.Record(t.Context(), tp(topic, 0), offset)
		var none *record.NoRecordError
		require.ErrorAs(t, err, &none, "offset %d", offset)
		require.ErrorContains(t, err, says)
	}
}
