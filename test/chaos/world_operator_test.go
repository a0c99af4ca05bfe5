package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// keyOf is the key of a partition.
func (w *world) keyOf(partition int32) string {
	return fmt.Sprintf("%s%s/%d", w.prefix(), w.topic, partition)
}

// document is what the store holds of a partition, to be edited.
func (w *world) document(partition int32) (doc map[string]any) {
	w.t.Helper()
	value, ok := w.consul.Get(w.keyOf(partition))
	require.True(w.t, ok, "key of partition %d", partition)
	numbers := json.NewDecoder(bytes.NewReader(value))
	numbers.UseNumber()
	require.NoError(w.t, numbers.Decode(&doc))
	return doc
}

// moveOffset edits the offset in a partition's key by hand and leaves the rest as it is found.
func (w *world) moveOffset(partition int32, offset int64) {
	w.t.Helper()
	doc := w.document(partition)
	doc["offset"] = offset
	value, err := json.Marshal(doc)
	require.NoError(w.t, err)
	w.byHand(http.MethodPut, partition, string(value))
}

// byHand writes or deletes a partition's key as an operator does, whatever stands there.
func (w *world) byHand(method string, partition int32, value string) {
	w.t.Helper()
	door, err := w.store.Open(testenv.FreeAddr(w.t), w.consul.Addr(), oracle.Operator)
	require.NoError(w.t, err)
	req, err := http.NewRequest(method, "http://"+door.Addr()+"/v1/kv/"+w.keyOf(partition), strings.NewReader(value))
	require.NoError(w.t, err)
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, "200 true", fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(body))))
}
