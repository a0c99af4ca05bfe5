package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// offsetsScene is a broker with the topic orders, whose three logs hold the offsets 10 to 99, and a file store of the group billing, which
// stands at 50 in partition 0, is paused at 60 in partition 1 and has not claimed partition 2, which begins at 20.
type offsetsScene struct {
	t      *testing.T
	broker string
	folder string
	id     string // of the topic
}

var sceneTime = time.Date(2024, 11, 29, 10, 0, 0, 0, time.UTC)

func newOffsetsScene(t *testing.T) *offsetsScene {
	t.Helper()
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.ClusterID("kafka-1"), kfake.SeedTopics(3, "orders", "payments"))
	require.NoError(t, err)
	t.Cleanup(kafka.Close)
	s := &offsetsScene{t: t, broker: kafka.ListenAddrs()[0], folder: t.TempDir()}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	defer client.Close()
	for partition := range int32(3) {
		for n := range 100 {
			client.Produce(t.Context(), &kgo.Record{Topic: "orders", Partition: partition, Timestamp: sceneTime.Add(time.Duration(n) * time.Minute)}, func(_ *kgo.Record, err error) { require.NoError(t, err) })
		}
	}
	require.NoError(t, client.Flush(t.Context()))
	adm := kadm.NewClient(client)
	before := kadm.Offsets{}
	for partition := range int32(3) {
		before.AddOffset("orders", partition, 10, -1)
	}
	deleted, err := adm.DeleteRecords(t.Context(), before)
	require.NoError(t, err)
	require.NoError(t, deleted.Error())
	topics, err := adm.ListTopics(t.Context(), "orders")
	require.NoError(t, err)
	id := topics["orders"].ID
	s.id = base64.RawURLEncoding.EncodeToString(id[:])
	s.write(record.Write{Topic: &record.Topic{
		Name: "orders", TopicID: s.id, ClusterID: "kafka-1", Partitions: 3, Baseline: map[int32]int64{0: 20, 1: 20, 2: 20}, Start: "latest", Revision: 1, CreatedAt: sceneTime,
	}}, s.entry(0, 50), s.paused(1, 60))
	return s
}

func (s *offsetsScene) entry(partition int32, offset int64) record.Write {
	return record.Write{Entry: &record.Entry{
		TopicPartition: record.TopicPartition{Topic: "orders", Partition: partition}, Offset: offset, LeaderEpoch: 0, TopicID: s.id,
		Owner: "pod-7f4/9c1e04a2b7d01f33", Epoch: 7, CommittedAt: sceneTime,
	}}
}

func (s *offsetsScene) paused(partition int32, offset int64) record.Write {
	w := s.entry(partition, offset)
	w.Entry.Owner, w.Entry.Paused, w.Entry.PausedBy, w.Entry.PausedAt = "operator/ann@desk/0123456789abcdef", true, "ann@desk", sceneTime.Add(time.Hour)
	return w
}

// store is opened for fn alone: the commands need its lock.
func (s *offsetsScene) store(fn func(*offsets.File)) {
	s.t.Helper()
	store, err := offsets.NewFile(offsets.FileConfig{Path: s.folder, Group: "billing"})
	require.NoError(s.t, err)
	require.NoError(s.t, store.Open())
	defer func() { require.NoError(s.t, store.Close()) }()
	fn(store)
}

func (s *offsetsScene) write(writes ...record.Write) {
	s.t.Helper()
	s.store(func(f *offsets.File) {
		_, err := f.Write(context.Background(), writes)
		require.NoError(s.t, err)
	})
}

// standing is "offset" or "offset paused" of each partition, "-" without a key.
func (s *offsetsScene) standing() string {
	s.t.Helper()
	var all []string
	s.store(func(f *offsets.File) {
		for partition := range int32(3) {
			entries, err := f.Entries(context.Background(), []record.TopicPartition{{Topic: "orders", Partition: partition}})
			require.NoError(s.t, err)
			text := "-"
			if e := entries[0]; e.Index != 0 {
				text = fmt.Sprint(e.Offset)
				if e.Paused {
					text += " paused"
				}
			}
			all = append(all, text)
		}
	})
	return strings.Join(all, ", ")
}

// spoil makes a key unreadable.
func (s *offsetsScene) spoil(key string) {
	s.t.Helper()
	path := filepath.Join(s.folder, "billing.json")
	data, err := os.ReadFile(path)
	require.NoError(s.t, err)
	var doc map[string]any
	require.NoError(s.t, json.Unmarshal(data, &doc))
	doc["keys"].(map[string]any)[key].(map[string]any)["value"] = map[string]any{"v": 9}
	data, err = json.Marshal(doc)
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(path, data, 0o600))
}

// recreate deletes the topic and makes another of its name, with two partitions.
func (s *offsetsScene) recreate() {
	s.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker))
	require.NoError(s.t, err)
	defer client.Close()
	adm := kadm.NewClient(client)
	deleted, err := adm.DeleteTopic(s.t.Context(), "orders")
	require.NoError(s.t, errors.Join(err, deleted.Err))
	created, err := adm.CreateTopic(s.t.Context(), 2, 1, nil, "orders")
	require.NoError(s.t, errors.Join(err, created.Err))
}

// run runs `sidecar offsets …` on the scene.
func (s *offsetsScene) run(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	return command(append(append([]string{"offsets"}, args...), s.settings()...)...)
}

func (s *offsetsScene) settings() []string {
	return []string{
		"--set", "group=billing", "--set", "kafka.topics=orders", "--set", "kafka.brokers=" + s.broker,
		"--set", "offsets.store=file", "--set", "offsets.file.path=" + s.folder, "--as", "bob@laptop",
	}
}

// must is the output of a command that succeeds and has nothing to complain about.
func (s *offsetsScene) must(args ...string) string {
	s.t.Helper()
	code, out, errs := s.run(args...)
	require.Equal(s.t, exitOK, code, errs)
	require.Empty(s.t, errs)
	return out
}

// refused is what a command says that ends with 1 and prints nothing.
func (s *offsetsScene) refused(args ...string) string {
	s.t.Helper()
	code, out, errs := s.run(args...)
	require.Equal(s.t, exitFailed, code, out+errs)
	require.Empty(s.t, out)
	return errs
}
