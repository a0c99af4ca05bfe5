package consulproxy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// log is the proxy's log in memory.
type log struct {
	sync.Mutex
	bytes.Buffer
}

func (l *log) Write(line []byte) (int, error) {
	l.Lock()
	defer l.Unlock()
	return l.Buffer.Write(line)
}

// writes are the lines of keys below a prefix.
func (l *log) writes(t *testing.T, prefix string) []oracle.Write {
	t.Helper()
	l.Lock()
	defer l.Unlock()
	var found []oracle.Write
	lines := bufio.NewScanner(bytes.NewReader(l.Bytes()))
	for lines.Scan() {
		var w oracle.Write
		require.NoError(t, json.Unmarshal(lines.Bytes(), &w))
		if strings.HasPrefix(w.Key, prefix) {
			found = append(found, w)
		}
	}
	return found
}

// client is a client of Consul's API; its requests end within a few seconds.
type client struct {
	addr string
	http *http.Client
}

func newClient(addr string) client {
	return client{addr, &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
}

func (c client) do(method, path, body string) (status int, answer string, err error) {
	r, err := http.NewRequest(method, "http://"+c.addr+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(all), err
}

// cas writes keys in one transaction, each from the version it has; the answer has their new versions, none when it lost.
func (c client) cas(values map[string]string, versions map[string]uint64) (map[string]uint64, error) {
	type kv struct {
		Verb, Key string
		Value     []byte
		Index     uint64
	}
	var ops []map[string]kv
	for key, value := range values {
		ops = append(ops, map[string]kv{"KV": {"cas", key, []byte(value), versions[key]}})
	}
	body, err := json.Marshal(ops)
	if err != nil {
		return nil, err
	}
	status, answer, err := c.do(http.MethodPut, txnPath, string(body))
	if err != nil {
		return nil, err
	}
	switch status {
	case http.StatusOK:
		return txnIndexes([]byte(answer)), nil
	case http.StatusConflict:
		return nil, nil
	}
	return nil, fmt.Errorf("Consul answered %d: %s", status, answer)
}

// versions reads the indexes of all keys below a prefix.
func (c client) versions(prefix string) (map[string]uint64, error) {
	status, text, err := c.do(http.MethodGet, kvPath+prefix+"?recurse&consistent", "")
	if err != nil {
		return nil, err
	}
	entries, err := decodeEntries(&answer{status: status, body: []byte(text)})
	at := map[string]uint64{}
	for _, e := range entries {
		at[e.Key] = e.ModifyIndex
	}
	return at, err
}

// account is what a writer knows of its own successful writes.
type account map[string]map[uint64]string

func (a account) add(key string, index uint64, value string) {
	if a[key] == nil {
		a[key] = map[uint64]string{}
	}
	a[key][index] = value
}

func TestEveryVersionOfEveryKeyIsRecordedOnce(t *testing.T) {
	const writers, rounds, keys = 4, 40, 3
	consul := testenv.SharedConsul(t)
	written := &log{}
	p := New(written)
	prefix := testenv.Name(t, "p") + "/"
	watch, stop := context.WithCancel(t.Context())
	watched := make(chan error)
	go func() { watched <- p.Watch(watch, consul.Addr(), prefix, "") }()

	accounts, failures := make([]account, writers), make([]error, writers)
	var all sync.WaitGroup
	for i := range writers {
		d, err := p.Open(testenv.FreeAddr(t), consul.Addr(), fmt.Sprintf("s%d/1", i))
		require.NoError(t, err)
		accounts[i] = account{}
		all.Go(func() { failures[i] = write(newClient(d.Addr()), prefix, i, rounds, keys, accounts[i]) })
	}
	all.Wait()
	stop()
	require.NoError(t, <-watched)
	require.NoError(t, p.Close())
	for _, err := range failures {
		require.NoError(t, err)
	}
	known, total := account{}, 0
	for i, mine := range accounts {
		for key, versions := range mine {
			for index, value := range versions {
				known.add(key, index, value+fmt.Sprintf(" by s%d/1", i))
				total++
			}
		}
	}
	recorded := account{}
	lines := 0
	for _, w := range written.writes(t, prefix) {
		if w.Seen { // the watch was faster than the answer
			require.Contains(t, known[w.Key], w.Index)
			continue
		}
		recorded.add(w.Key, w.Index, w.Value+" by "+w.Writer)
		require.LessOrEqual(t, w.Sent, w.Done)
		lines++
	}
	require.Equal(t, known, recorded)
	require.Equal(t, total, lines)
}

// write fights for the keys with compare-and-set until it has won so many rounds.
func write(c client, prefix string, writer, rounds, keys int, mine account) error {
	for won := 0; won < rounds; {
		at, err := c.versions(prefix)
		if err != nil {
			return err
		}
		values := map[string]string{}
		for k := range keys {
			if (won+k)%2 == 0 {
				values[fmt.Sprintf("%sorders/%d", prefix, k)] = fmt.Sprintf("writer %d, round %d", writer, won)
			}
		}
		made, err := c.cas(values, at)
		if err != nil {
			return err
		}
		for key, index := range made {
			mine.add(key, index, values[key])
		}
		if made != nil {
			won++
		}
	}
	return nil
}

func TestWritesByHandAreRecordedToo(t *testing.T) {
	consul := testenv.SharedConsul(t)
	written := &log{}
	p := New(written)
	d, err := p.Open(testenv.FreeAddr(t), consul.Addr(), oracle.Operator)
	require.NoError(t, err)
	c := newClient(d.Addr())
	key := testenv.Name(t, "p") + "/orders/0"
	send := func(method, query, body, want string) {
		t.Helper()
		_, answer, err := c.do(method, kvPath+key+query, body)
		require.NoError(t, err)
		require.Equal(t, want, strings.TrimSpace(answer))
	}
	send(http.MethodPut, "", "one", "true")
	send(http.MethodPut, "", "one", "true") // no new version
	send(http.MethodPut, "?cas=1", "lost", "false")
	send(http.MethodDelete, "", "", "true")
	send(http.MethodPut, "?cas=0", "two", "true")
	at, err := c.versions(key)
	require.NoError(t, err)

	status, _, err := c.do(http.MethodDelete, kvPath+key+"?recurse", "")
	require.NoError(t, err)
	require.Equal(t, http.StatusNotImplemented, status)
	require.NoError(t, p.Close())

	log := written.writes(t, key)
	require.Len(t, log, 3)
	require.Equal(t, []string{"one", "", "two"}, []string{log[0].Value, log[1].Value, log[2].Value})
	require.True(t, log[1].Deleted)
	require.Less(t, log[0].Index, log[1].Index)
	require.Less(t, log[1].Index, log[2].Index)
	require.Equal(t, at[key], log[2].Index)
	require.Equal(t, oracle.Operator, log[0].Writer)
}

func TestTheWatchSeesWhatWentPastTheProxy(t *testing.T) {
	consul := testenv.SharedConsul(t)
	written := &log{}
	p := New(written)
	d, err := p.Open(testenv.FreeAddr(t), consul.Addr(), "s1/1")
	require.NoError(t, err)
	prefix := testenv.Name(t, "p") + "/"
	_, _, err = newClient(d.Addr()).do(http.MethodPut, kvPath+prefix+"known", "1")
	require.NoError(t, err)
	_, _, err = newClient(d.Addr()).do(http.MethodPut, kvPath+prefix+"removed", "1")
	require.NoError(t, err)

	ctx, stop := context.WithCancel(t.Context())
	watched := make(chan error)
	go func() { watched <- p.Watch(ctx, consul.Addr(), prefix, "") }()
	consul.Put(prefix+"unknown", []byte("2"))
	testenv.Eventually(t, 10*time.Second, "the write to be seen", func() error {
		if n := len(written.writes(t, prefix+"unknown")); n != 1 {
			return fmt.Errorf("%d lines", n)
		}
		return nil
	})
	consul.Delete(prefix + "removed")
	stop()
	require.NoError(t, <-watched)
	require.NoError(t, p.Close())
	unknown := written.writes(t, prefix+"unknown")
	require.True(t, unknown[0].Seen)
	require.Equal(t, "2", unknown[0].Value)
	require.Len(t, written.writes(t, prefix+"known"), 1)
	removed := written.writes(t, prefix+"removed")
	require.Len(t, removed, 2)
	require.True(t, removed[1].Seen && removed[1].Deleted)
	require.Greater(t, removed[1].Index, removed[0].Index)
}
