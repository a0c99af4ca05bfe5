package control

import (
	"context"
	"slices"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// KeptLines is how many lines of the operators' log are kept.
const KeptLines = 200

// Log reads the operators' log, the newest line first.
func (c *Control) Log(ctx context.Context) ([]record.Audit, error) {
	lines, err := c.store.Audits(ctx)
	slices.Reverse(lines)
	return lines, err
}

// prune deletes the oldest lines. What it can't delete, the next write will.
func (c *Control) prune(ctx context.Context) {
	lines, err := c.store.Audits(ctx)
	if err != nil || len(lines) <= KeptLines {
		return
	}
	var writes []record.Write
	for i := range min(len(lines)-KeptLines, record.MaxWrites) {
		writes = append(writes, record.Write{Audit: &lines[i], Delete: true})
	}
	_, _ = c.store.Write(ctx, writes)
}
