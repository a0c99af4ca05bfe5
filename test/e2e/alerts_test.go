package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/alert"
)

// hook is a webhook that takes only what is signed as Standard Webhooks says.
type hook struct {
	*httptest.Server
	key []byte

	mu     sync.Mutex
	alerts []alert.Alert
	wrong  error // the first request that was not as it should be
}

func newHook(t *testing.T, key []byte) *hook {
	h := &hook{key: key}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var a alert.Alert
	if err == nil {
		err = h.verify(r.Header, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &a)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if err != nil {
		h.wrong = err
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.alerts = append(h.alerts, a)
}

// verify is written from the specification, and shares nothing with the sender.
func (h *hook) verify(header http.Header, body []byte) error {
	id, stamp := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	mac := hmac.New(sha256.New, h.key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); header.Get("Webhook-Signature") != want {
		return fmt.Errorf("the signature is %q, not %q", header.Get("Webhook-Signature"), want)
	}
	at, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("the timestamp is %q: %w", stamp, err)
	}
	return nil
}

// told are the alerts so far, as type reason topic/partition.
func (h *hook) told() ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var told []string
	for _, a := range h.alerts {
		where := a.Topic
		if a.Partition != nil {
			where += fmt.Sprintf("/%d", *a.Partition)
		}
		told = append(told, fmt.Sprintf("%s %s %s %s", a.Group, a.Type, a.Reason, where))
	}
	return told, h.wrong
}

// waitTold waits until so many alerts have come.
func (s *scene) waitTold(h *hook, n int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("%d alerts", n), func() error {
		told, err := h.told()
		if err != nil {
			return testenv.GiveUp("the webhook refused a request: %v", err)
		}
		if len(told) < n {
			return fmt.Errorf("told so far: %q", told)
		}
		return nil
	})
}

// A partition that blocks, and is tried again every second, is told once; that it goes on is told as well.
func TestAlertsOfABlockedPartition(t *testing.T) {
	key := []byte("a key of thirty-two random bytes")
	h := newHook(t, key)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("whsec_"+base64.StdEncoding.EncodeToString(key)+"\n"), 0o600))

	s := newScene(t, 2)
	s.rejectOffset(1, 3)
	produced := s.kafka.Produce(s.topic, 2, 40, "v")
	sidecar := s.sidecar(testenv.Set("start", "earliest"), testenv.Set("alerts.webhook", h.URL+"/hook"), testenv.Set("alerts.secret_file", secret))
	s.waitTold(h, 1)
	blocked := waitBlocked(t, sidecar, 1, "poison")
	s.eventually("three more attempts", func() error {
		if n := waitBlocked(t, sidecar, 1, "poison").Attempt; n < blocked.Attempt+3 {
			return fmt.Errorf("%d so far", n)
		}
		return nil
	})
	s.app.SetAnswer(func(testenv.AppBatch) testenv.Answer { return testenv.Answer{} }) // the app was mended
	s.waitAcked(produced)
	s.waitTold(h, 2)

	told, err := h.told()
	require.NoError(t, err)
	require.Equal(t, []string{s.group + " blocked poison " + s.topic + "/1", s.group + " unblocked poison " + s.topic + "/1"}, told)
	require.Contains(t, sidecar.Metrics(), `sidecar_alerts_total{outcome="sent"} 2`)
}
