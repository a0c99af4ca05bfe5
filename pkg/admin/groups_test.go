package admin

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets/offsetstest"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// shelf has the groups billing and shipping, with the same content.
type shelf struct {
	store *offsetstest.Memory
	err   error
}

func (s *shelf) Groups(ctx context.Context) ([]record.Group, error) {
	if s.err != nil {
		return nil, s.err
	}
	topics, err := s.store.Tracked(ctx)
	return []record.Group{{Name: "billing", Topics: topics}, {Name: "shipping", Topics: topics}}, err
}

func (d *desk) groups() groupsAnswer {
	w := call(d.server.adminHandler(), "GET", "/v1/groups", "")
	require.Equal(d.t, 200, w.Code, w.Body)
	var a groupsAnswer
	require.NoError(d.t, json.Unmarshal(w.Body.Bytes(), &a))
	return a
}

func TestGroups(t *testing.T) {
	d := newDesk(t)
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	d.store.Put("orders/1", `{"v":1,"offset":40,"topicId":"id","owner":"operator/ann@host/1","epoch":8,"paused":true,"committedAt":"2026-01-31T12:00:00Z"}`)
	a := d.groups()
	require.Equal(t, []any{"billing", "", 2}, []any{a.Own, a.KafkaError, len(a.Groups)})
	require.Equal(t, "shipping", a.Groups[1].Group)
	lag := int64(50 + 60)
	require.Equal(t, []topicAnswer{{Topic: "orders", Partitions: 2, Lag: &lag, Paused: 1, LastCommit: &at, Owners: []string{"pod"}, Revision: 1}}, a.Groups[0].Topics)
}

// What the store holds is known without Kafka, and without a topic's document.
func TestGroupsWithoutTheRest(t *testing.T) {
	d := newDesk(t)
	d.kafka.down = errors.New("dial tcp: refused")
	a := d.groups()
	require.Equal(t, "dial tcp: refused", a.KafkaError)
	require.Nil(t, a.Groups[0].Topics[0].Lag)
	d.kafka.down = nil
	for value, says := range map[string]string{
		`{"v":9}`: "written by a newer sidecar",
		"":        "its document is missing in the store",
		`{"v":1,"topicId":"other","partitions":2,"baseline":{}}`: "it was recreated",
	} {
		d.store.Put("orders/_topic", value)
		if value == "" {
			d.store.Delete("orders/_topic")
		}
		require.Contains(t, d.groups().Groups[0].Topics[0].Error, says)
	}
	d.store.Put("orders/0", `{"v":9}`)
	require.Nil(t, d.groups().Groups[0].Topics[0].Lag, "where a partition stands is not known")
}
