package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

const adminToken = "s3cret"

// admin makes one request of a sidecar's admin API and returns the status and the answer. args belong to the body, or to a GET's path.
func (s *scene) admin(p *testenv.SidecarProcess, method, path string, body string, args ...any) (int, map[string]any) {
	s.t.Helper()
	if method == http.MethodPost {
		body = fmt.Sprintf(body, args...)
	} else {
		path = fmt.Sprintf(path, args...)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, "http://"+p.Admin()+path, strings.NewReader(body))
	require.NoError(s.t, err)
	req.Header.Set("Authorization", "Bearer "+adminToken)
	client := http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	var answer map[string]any
	require.NoError(s.t, json.Unmarshal(raw, &answer), string(raw))
	return resp.StatusCode, answer
}

// state is a partition's state and reason in the status, "" when it is not there.
func state(s relay.Status, partition int32) string {
	for i := range s.Partitions {
		if p := &s.Partitions[i]; p.Partition == partition {
			return strings.TrimSpace(p.State + " " + p.Reason)
		}
	}
	return ""
}

// statusOf is the status as the token's bearer gets it.
func (s *scene) statusOf(p *testenv.SidecarProcess) (status relay.Status) {
	s.t.Helper()
	code, answer := s.admin(p, "GET", "/v1/status", "")
	require.Equal(s.t, 200, code, answer)
	raw, err := json.Marshal(answer)
	require.NoError(s.t, err)
	require.NoError(s.t, json.Unmarshal(raw, &status))
	return status
}

// waitState waits until the status shows a partition so.
func (s *scene) waitState(p *testenv.SidecarProcess, partition int32, want string) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("partition %d to be %s", partition, want), func() error {
		if got := state(s.statusOf(p), partition); got != want {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
}

// A record that the app rejects blocks its partition; an operator looks at it, tries it again, and skips it.
func TestOperatorSkipsARecord(t *testing.T) {
	s := newScene(t, 1)
	s.rejectOffset(0, 5)
	s.kafka.Produce(s.topic, 1, 10, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"), testenv.Set("retry.max", "10m"), testenv.Set("admin.token", adminToken))
	sidecar.WaitReady()
	s.waitState(sidecar, 0, "blocked poison")
	code, answer := s.admin(sidecar, "GET", "/v1/record?topic=%s&partition=0&offset=5", "", s.topic)
	require.Equal(t, 200, code, answer)
	record := answer["partitions"].([]any)[0].(map[string]any)["records"].([]any)[0].(map[string]any)
	require.EqualValues(t, 5, record["offset"])
	for body, want := range map[string]int{
		`{"topic":%q,"partition":0,"offset":5,"to":"dead_letter"}`: 409, // the policy is block
		`{"topic":%q,"partition":0,"offset":4,"to":"drop"}`:        409,
		`{"topic":%q,"partition":7,"offset":4,"to":"drop"}`:        404,
	} {
		code, answer = s.admin(sidecar, "POST", "/v1/skip", body, s.topic)
		require.Equal(t, want, code, answer)
	}
	before := len(s.app.Deliveries())
	code, answer = s.admin(sidecar, "POST", "/v1/retry", `{"topic":%q,"partition":0}`, s.topic)
	require.Equal(t, 200, code, answer)
	s.waitDelivery(before + 1)
	code, answer = s.admin(sidecar, "POST", "/v1/skip", `{"topic":%q,"partition":0,"offset":5,"to":"drop","as":"ann@desk"}`, s.topic)
	require.Equal(t, 200, code, answer)
	s.waitStored(0, 10)
	require.Subset(t, s.eventsOf(sidecar), []string{"kafka_up", "store_up", "app_up", "claimed", "blocked", "operator", "unblocked"})
}

// eventsOf are the types of a sidecar's events.
func (s *scene) eventsOf(p *testenv.SidecarProcess) (types []string) {
	s.t.Helper()
	code, answer := s.admin(p, "GET", "/v1/events?since=0", "")
	require.Equal(s.t, 200, code)
	for _, e := range answer["events"].([]any) {
		types = append(types, e.(map[string]any)["type"].(string))
	}
	return types
}

// Pause and seek by the API of a replica that owns nothing of it, while the owner runs: no restart, no rebalance.
func TestOperatorPausesAndSeeksThroughAnotherReplica(t *testing.T) {
	s := newScene(t, 1)
	s.kafka.Produce(s.topic, 1, 100, "v")
	owner := s.sidecar(testenv.Set("start", "earliest"))
	s.waitStored(0, 100)
	spare := s.sidecar(testenv.Set("admin.token", adminToken))
	spare.WaitReady()
	if len(s.statusOf(spare).Partitions) == 1 { // the group decides; what follows must not care
		owner, spare = spare, owner
	}
	api := s.sidecars[1]
	code, answer := s.admin(api, "POST", "/v1/pause", `{"topic":%q,"partitions":[0],"as":"ann@desk"}`, s.topic)
	require.Equal(t, 200, code, answer)
	s.waitState(owner, 0, "paused paused")
	require.Contains(t, s.statusOf(owner).Partitions[0].LastError, "paused by ann@desk at 20")
	s.kafka.Produce(s.topic, 1, 10, "while paused")
	code, answer = s.admin(api, "POST", "/v1/seek", `{"topic":%q,"to":{"shift":-50},"dryRun":true}`, s.topic)
	require.Equal(t, 200, code, answer)
	require.EqualValues(t, 50, answer["partitions"].([]any)[0].(map[string]any)["repeated"])
	code, answer = s.admin(api, "POST", "/v1/seek", `{"topic":%q,"to":{"shift":-50}}`, s.topic)
	require.Equal(t, 200, code, answer)
	before := len(s.app.Deliveries())
	testenv.Throughout(t, 2*time.Second, "nothing is delivered while paused", func() error {
		if n := len(s.app.Deliveries()); n != before {
			return fmt.Errorf("%d deliveries more", n-before)
		}
		return nil
	})
	code, answer = s.admin(api, "POST", "/v1/resume", `{"topic":%q}`, s.topic)
	require.Equal(t, 200, code, answer)
	s.waitStored(0, 110)
	require.EqualValues(t, 50, s.app.Deliveries()[before].Batch.Parts[0].FromOffset)
	for _, p := range s.sidecars {
		require.NoError(t, p.Crashed())
	}
	require.EqualValues(t, 4, s.statusOf(owner).Topics[0].Revision)
}

// A nightly job: everything that is there at its start, then exit 0; the next run takes what came since.
func TestRunUntilCaughtUp(t *testing.T) {
	s := newScene(t, 3)
	s.kafka.Produce(s.topic, 3, 600, "first night")
	run := func() {
		code, out := testenv.RunSidecar(t, "run", "--until-caught-up",
			"--set", "group="+s.group, "--set", "kafka.topics="+s.topic, "--set", "kafka.brokers="+s.kafka.Addr(), "--set", "offsets.consul.address="+s.consul.Addr(),
			"--set", "app.url="+s.app.URL(), "--set", "start=earliest", "--set", "batch.max_records=50",
			"--set", "admin.listen="+testenv.FreeAddr(t), "--set", "metrics.listen="+testenv.FreeAddr(t))
		require.Equal(t, 0, code, out)
		require.Contains(t, out, "caught up")
		for partition, end := range s.kafka.EndOffsets(s.topic) {
			doc, _ := s.stored(partition)
			require.Equal(t, end, doc.Offset)
		}
	}
	run()
	run() // nothing is new
	s.kafka.Produce(s.topic, 3, 60, "second night")
	run()
	require.Zero(t, repeats(s.app.Deliveries()))
}

// A bound on the rate is kept by a real process, and said.
func TestMaxRate(t *testing.T) {
	s := newScene(t, 1)
	s.kafka.Produce(s.topic, 1, 3000, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"), testenv.Set("batch.max_rate", "500"))
	s.waitDelivery(1)
	began := time.Now()
	s.eventually("the status to say so", func() error {
		if by := s.statusOf(sidecar).HeldBack; by != "batch.max_rate" {
			return fmt.Errorf("it is held back by %q", by)
		}
		return nil
	})
	s.waitStored(0, 3000)
	require.Greater(t, time.Since(began), 4*time.Second, "3,000 records at 500 a second")
}
