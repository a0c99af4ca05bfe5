package consulproxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// Watch follows the keys below a prefix by blocking queries at Consul itself, past all doors, until ctx ends. Versions that are
// not in the log are logged as seen: writes with an unknown outcome, and writes that went past the proxy. At the end it compares
// the store with the log once more, keys that are gone as well; the error says that Consul could not be asked then.
func (p *Proxy) Watch(ctx context.Context, addr, prefix, token string) error {
	index := "0"
	for ctx.Err() == nil {
		a, err := p.list(ctx, addr, prefix, token, url.Values{"index": {index}, "wait": {"10s"}})
		if err == nil {
			_, err = p.see(a)
		}
		if err != nil { // Consul is down, or has no leader
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
			continue
		}
		index = a.header.Get("X-Consul-Index")
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	a, err := p.list(end, addr, prefix, token, url.Values{"consistent": {""}})
	if err != nil {
		return fmt.Errorf("compare the store with its log: %w", err)
	}
	there, err := p.see(a)
	if err != nil {
		return fmt.Errorf("compare the store with its log: %w", err)
	}
	p.seeGone(prefix, there)
	return nil
}

func (p *Proxy) list(ctx context.Context, addr, prefix, token string, query url.Values) (*answer, error) {
	query.Set("recurse", "")
	where := url.URL{Scheme: "http", Host: addr, Path: kvPath + prefix, RawQuery: query.Encode()}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, where.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("X-Consul-Token", token)
	resp, err := p.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, err
}

// see logs the versions in an answer that are not in the log, and returns the keys in it.
func (p *Proxy) see(a *answer) (map[string]bool, error) {
	entries, err := decodeEntries(a)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.Key] = true
		p.record(oracle.Write{Key: e.Key, Index: e.ModifyIndex, Value: string(e.Value), Done: now(), Seen: true})
	}
	return there, nil
}

// seeGone logs keys that are not in the store though the log does not say that they were deleted; the index is the lowest that the
// deletion can have had.
func (p *Proxy) seeGone(prefix string, there map[string]bool) {
	p.mu.Lock()
	var gone []oracle.Write
	for key, w := range p.last {
		if strings.HasPrefix(key, prefix) && !there[key] && !w.Deleted {
			gone = append(gone, oracle.Write{Key: key, Index: w.Index + 1, Deleted: true, Done: now(), Seen: true})
		}
	}
	p.mu.Unlock()
	for _, w := range gone {
		p.record(w)
	}
}
