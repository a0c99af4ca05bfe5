package consulproxy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

const (
	kvPath  = "/v1/kv/"
	txnPath = "/v1/txn"
)

// change is what a request wants to do to one key.
type change struct {
	key     string
	value   []byte
	deleted bool
}

// changes are what a request wants to write; none = it only reads. The error is for requests whose writes can't be recorded.
func changes(r *http.Request, body []byte) ([]change, error) {
	switch {
	case r.Method == http.MethodPut && r.URL.Path == txnPath:
		return txnChanges(body)
	case r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, kvPath):
		if query := r.URL.Query(); query.Has("acquire") || query.Has("release") {
			return nil, fmt.Errorf("the recording proxy knows no sessions")
		}
		return []change{{key: strings.TrimPrefix(r.URL.Path, kvPath), value: body}}, nil
	case r.Method == http.MethodDelete && strings.HasPrefix(r.URL.Path, kvPath):
		if r.URL.Query().Has("recurse") {
			return nil, fmt.Errorf("the recording proxy deletes single keys only")
		}
		return []change{{key: strings.TrimPrefix(r.URL.Path, kvPath), deleted: true}}, nil
	}
	return nil, nil
}

func txnChanges(body []byte) ([]change, error) {
	var ops []struct {
		KV *struct {
			Verb, Key string
			Value     []byte
		}
	}
	if json.Unmarshal(body, &ops) != nil {
		return nil, nil // Consul will refuse it
	}
	var found []change
	for _, op := range ops {
		if op.KV == nil {
			continue
		}
		switch op.KV.Verb {
		case "set", "cas":
			found = append(found, change{key: op.KV.Key, value: op.KV.Value})
		case "delete", "delete-cas":
			found = append(found, change{key: op.KV.Key, deleted: true})
		case "lock", "unlock", "delete-tree":
			return nil, fmt.Errorf("the recording proxy does not record the verb %s", op.KV.Verb)
		}
	}
	return found, nil
}

// outcome is what Consul's answer says of the changes of a request.
type outcome int

const (
	refused outcome = iota // nothing was written
	applied
	unknown // the answer did not come, or says that something failed inside of Consul
)

func outcomeOf(path string, a *answer, err error) outcome {
	switch {
	case err != nil:
		return unknown
	case a.status >= 500:
		return unknown
	case a.status != http.StatusOK:
		return refused
	case path != txnPath && strings.TrimSpace(string(a.body)) != "true":
		return refused // a lost compare-and-set
	}
	return applied
}

// recordChanges logs what a request has done. A single write's answer has no index, nor has a deletion's: they are read back.
func (d *Door) recordChanges(f *forwarded, found []change) {
	result := outcomeOf(f.request.URL.Path, f.answer, f.err)
	if result == refused {
		return
	}
	var indexes map[string]uint64
	if result == applied && f.request.URL.Path == txnPath {
		indexes = txnIndexes(f.answer.body)
	}
	for _, c := range found {
		w := oracle.Write{
			Key: c.key, Value: string(c.value), Deleted: c.deleted, Writer: f.writer,
			Sent: f.sent, Done: f.done, Index: indexes[c.key],
		}
		if result == applied && w.Index == 0 {
			w.Index = d.readBack(f.request, c)
		}
		d.proxy.record(w)
	}
}

// txnIndexes are the versions that a transaction made. Results of reads are among them and do no harm.
func txnIndexes(body []byte) map[string]uint64 {
	var answer struct {
		Results []struct {
			KV *struct {
				Key         string
				ModifyIndex uint64
			}
		}
	}
	indexes := map[string]uint64{}
	if json.Unmarshal(body, &answer) != nil {
		return indexes
	}
	for _, r := range answer.Results {
		if r.KV != nil {
			indexes[r.KV.Key] = r.KV.ModifyIndex
		}
	}
	return indexes
}

// readBack finds the index of a change that was applied; 0 when it was overwritten before anybody could look, or can't be read.
//
// An absent key is answered with the newest index of the whole store, which may be above that of the deletion, but lies between
// those of the key's versions before and after it.
func (d *Door) readBack(r *http.Request, c change) uint64 {
	ctx, cancel := context.WithTimeout(d.proxy.ctx, forwardWithin)
	defer cancel()
	path := (&url.URL{Path: kvPath + c.key, RawQuery: "consistent"}).String()
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody)
	if err != nil {
		return 0
	}
	get.Header = r.Header.Clone()
	a, err := d.forward(get, nil)
	if err != nil {
		return 0
	}
	if a.status == http.StatusNotFound && c.deleted {
		index, _ := strconv.ParseUint(a.header.Get("X-Consul-Index"), 10, 64) // 0 = not known
		return index
	}
	entries, err := decodeEntries(a)
	if err != nil || len(entries) == 0 {
		return 0
	}
	switch at := entries[0]; {
	case c.deleted:
		return at.CreateIndex - 1 // made anew meanwhile
	case string(at.Value) == string(c.value):
		return at.ModifyIndex
	}
	return 0
}

// entry is a key as Consul answers it.
type entry struct {
	Key                      string
	Value                    []byte
	CreateIndex, ModifyIndex uint64
}

// decodeEntries reads the answer to a GET; a 404 is no entries.
func decodeEntries(a *answer) ([]entry, error) {
	switch a.status {
	case http.StatusNotFound:
		return nil, nil
	case http.StatusOK:
		var entries []entry
		err := json.Unmarshal(a.body, &entries)
		return entries, err
	}
	return nil, fmt.Errorf("answered by Consul with %d: %s", a.status, strings.TrimSpace(string(a.body)))
}
