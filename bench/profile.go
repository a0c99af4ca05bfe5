package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// profileSeconds is short enough for a topic that is soon at its end.
const profileSeconds = 2

// profile writes a CPU profile of the sidecar to dir: where the time goes. Figures of such a run are not comparable.
func (s *sidecar) profile(ctx context.Context, dir, name string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.admin, profileSeconds)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s.failed(fmt.Errorf("profile the sidecar: %w", err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile the sidecar: status %d: %w", resp.StatusCode, err)
	}
	path := filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".pb.gz")
	return os.WriteFile(path, body, 0o644)
}
