package page

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// The page before a thousand partitions, a blocked one among them, and hostile texts.
func TestStagedPage(t *testing.T) {
	s := newStage(t)
	browse(t, "staged.test.mjs", "PAGE=http://"+s.addr, "DIRECTOR="+s.direct(t))
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, []record.TopicPartition{{Topic: "orders", Partition: blocked}}, s.retried, "by the page, once")
	require.Equal(t, []int64{logEnd - 90}, s.letters, "of orders/9, once")
}
