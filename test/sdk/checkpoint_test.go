package sdk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/imports"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// TestSparkCheckpointOfAKilledQuery kills a query of Structured Streaming in the middle of a batch, the first and a later one.
// What is read from its checkpoint is where that batch began, as the query has seen it and as Spark itself begins again.
func TestSparkCheckpointOfAKilledQuery(t *testing.T) {
	q := newHeldQuery(t)
	q.words.produce(6 * sparkBatch)

	var stopped next
	for _, held := range []int{0, 2} {
		job := q.start(held)
		first := q.waitBatches(job, held)
		if stopped != nil {
			require.Equal(t, stopped, first, "where Spark went on, and what the import said")
		}
		job.kill()
		got, err := imports.Checkpoint(q.checkpoint, -1)
		require.NoError(t, err)
		require.Equal(t, q.beginning(held), got.Next)
		require.Contains(t, got.Notes[len(got.Notes)-1], fmt.Sprintf("offsets/%d has no commit: that batch was in flight; starting at its beginning", held))
		stopped = got.Next
	}
	for p, offset := range stopped {
		require.Positive(t, offset, "%s: batch 2 was to begin later than the query", p)
	}

	job := q.start(-1)
	end := next{}
	for partition, offset := range q.words.kafka.EndOffsets(q.words.topic) {
		end[q.partition(partition)] = offset
	}
	testenv.Eventually(t, sparkSoon, "the checkpoint to have the last batch", func() error {
		got, err := imports.Checkpoint(q.checkpoint, 0)
		if err == nil && (len(got.Notes) > 0 || !maps.Equal(got.Next, end)) {
			err = fmt.Errorf("it has %v, %q", got.Next, got.Notes)
		}
		return job.unlessEnded(err)
	})
}

type next = map[record.TopicPartition]int64

// heldQuery runs apps/python/held_query.py, again and again with one checkpoint.
type heldQuery struct {
	words      *wordCount
	checkpoint string
	log        string // path of the query's own log
}

func newHeldQuery(t *testing.T) *heldQuery {
	t.Helper()
	w := newWordCount(t)
	return &heldQuery{words: w, checkpoint: filepath.Join(w.dir, "checkpoint"), log: filepath.Join(w.dir, "batches.log")}
}

// start runs the query with an empty log; it stays in the batch held.
func (q *heldQuery) start(held int) *sparkJob {
	w := q.words
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(q.log, nil, 0o600))
	return w.job("test/sdk/apps/python/held_query.py", "unused.db", w.submitArgs(), "BROKERS="+w.kafka.Addr(), "TOPIC="+w.topic,
		fmt.Sprintf("MAX_OFFSETS=%d", sparkBatch), fmt.Sprintf("HOLD=%d", held), "LOG="+q.log)
}

func (q *heldQuery) partition(p int32) record.TopicPartition {
	return record.TopicPartition{Topic: q.words.topic, Partition: p}
}

// seenBatch is a line of the query's log.
type seenBatch struct {
	Batch  int
	Ranges map[int32][2]int64
}

func (q *heldQuery) batches() []seenBatch {
	text, err := os.ReadFile(q.log)
	require.NoError(q.words.t, err)
	var all []seenBatch
	for line := range bytes.Lines(text) {
		var b seenBatch
		if bytes.HasSuffix(line, []byte("\n")) { // the last one may still be written
			require.NoError(q.words.t, json.Unmarshal(line, &b))
			all = append(all, b)
		}
	}
	return all
}

// waitBatches waits until the query is in the batch held, and returns where its first batch of this run began.
func (q *heldQuery) waitBatches(job *sparkJob, held int) next {
	q.words.t.Helper()
	testenv.Eventually(q.words.t, sparkSoon, fmt.Sprintf("batch %d", held), func() error {
		if all := q.batches(); len(all) > 0 && all[len(all)-1].Batch == held {
			return nil
		}
		return job.unlessEnded(errors.New("not yet"))
	})
	return q.begins(q.batches()[0])
}

// beginning is where a batch began by the query's log.
func (q *heldQuery) beginning(batch int) next {
	for _, b := range q.batches() {
		if b.Batch == batch {
			return q.begins(b)
		}
	}
	q.words.t.Fatalf("batch %d is not in %v", batch, q.batches())
	return nil
}

func (q *heldQuery) begins(b seenBatch) next {
	require.Len(q.words.t, b.Ranges, sparkPartitions, "each batch was to have records of all partitions")
	begins := next{}
	for p, offsets := range b.Ranges {
		begins[q.partition(p)] = offsets[0]
	}
	return begins
}
