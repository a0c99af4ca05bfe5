package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// statusTimeout bounds how long an answer waits for the engine. A health probe of Kubernetes waits 1 s.
const statusTimeout = 900 * time.Millisecond

// reasonWatchdog is the reason in /livez, and in /readyz while the engine does not answer.
const reasonWatchdog = "watchdog"

// health is the answer of /livez and /readyz. For /livez, ready means: need not be restarted.
type health struct {
	Ready   bool           `json:"ready"`
	Reasons []relay.Reason `json:"reasons"`
}

func (s *Server) metricsHandler() http.Handler {
	metrics := promhttp.HandlerFor(s.gatherer, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: 4})
	return routes{
		"/livez":   {http.MethodGet: s.livez},
		"/readyz":  {http.MethodGet: s.readyz},
		"/metrics": {http.MethodGet: metrics.ServeHTTP},
	}
}

// livez never waits for anything: not for the app, and not for the engine's loop.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) {
	if err := s.engine.Live(); err != nil {
		respondHealth(w, []relay.Reason{{Reason: reasonWatchdog, Detail: err.Error()}})
		return
	}
	respondHealth(w, nil)
}

func (s *Server) readyz(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), statusTimeout)
	defer cancel()
	status, err := s.engine.Status(ctx)
	if err != nil {
		respondHealth(w, []relay.Reason{{Reason: reasonWatchdog, Detail: "the engine does not answer: " + err.Error()}})
		return
	}
	respondHealth(w, status.Reasons)
}

func respondHealth(w http.ResponseWriter, reasons []relay.Reason) {
	if len(reasons) == 0 {
		respond(w, http.StatusOK, health{Ready: true, Reasons: []relay.Reason{}})
		return
	}
	respond(w, http.StatusServiceUnavailable, health{Reasons: reasons})
}
