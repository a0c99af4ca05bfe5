package offsets

import (
	"context"
	"fmt"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/layout"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// Tracked reads all topics of the group, in the order of their names. The error wraps record.ErrUnavailable.
func (f *File) Tracked(ctx context.Context) ([]record.Tracked, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.ready(ctx); err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	return layout.Tracked(f.table.Keys, f.path+": "), nil
}

// Groups is the one group that the file holds: the files beside it belong to others. The error wraps record.ErrUnavailable.
func (f *File) Groups(ctx context.Context) ([]record.Group, error) {
	topics, err := f.Tracked(ctx)
	if err != nil || len(topics) == 0 {
		return nil, err
	}
	return []record.Group{{Name: f.cfg.Group, Topics: topics}}, nil
}
