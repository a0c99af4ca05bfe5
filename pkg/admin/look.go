package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// events answers the newest changes of state. since is a sequence number, that of the last event seen.
func (s *Server) events(w http.ResponseWriter, req *http.Request) {
	since := int64(0)
	if text := req.URL.Query().Get("since"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			refuse(w, http.StatusBadRequest, problem{"bad_request", fmt.Sprintf("since must be the seq of an event (got %q)", text), "leave it out for the newest 1,000"})
			return
		}
		since = n
	}
	ctx, cancel := context.WithTimeout(req.Context(), statusTimeout)
	defer cancel()
	events, err := s.engine.Events(ctx, since)
	if err != nil {
		failed(w, err)
		return
	}
	respond(w, http.StatusOK, map[string]any{"events": events})
}

// record answers one record as the app would get it. What applications may read is not for everybody on the host: it needs the token even on loopback.
func (s *Server) record(w http.ResponseWriter, req *http.Request) {
	if !s.secured {
		refuse(w, http.StatusForbidden, problem{"needs_token", "records are shown only to who has the token, and none is set", "set admin.token_file"})
		return
	}
	p, offset, err := recordQuery(req.URL.Query())
	if err != nil {
		refuse(w, http.StatusBadRequest, problem{"bad_request", err.Error(), "ask for /v1/record?topic=orders&partition=0&offset=12"})
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), orderTimeout)
	defer cancel()
	body, err := s.engine.Record(ctx, p, offset)
	if err != nil {
		failed(w, err)
		return
	}
	w.Header().Set("Content-Type", s.cfg.BodyType)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body)
}

func recordQuery(q url.Values) (p record.TopicPartition, offset int64, err error) {
	p.Topic = q.Get("topic")
	if p.Topic == "" {
		return p, 0, fmt.Errorf("topic is missing")
	}
	n, err := strconv.ParseInt(q.Get("partition"), 10, 32)
	if err != nil || n < 0 {
		return p, 0, fmt.Errorf("partition must be a number from 0 on (got %q)", q.Get("partition"))
	}
	p.Partition = int32(n)
	offset, err = strconv.ParseInt(q.Get("offset"), 10, 64)
	if err != nil || offset < 0 {
		return p, 0, fmt.Errorf("offset must be a number from 0 on (got %q)", q.Get("offset"))
	}
	return p, offset, nil
}
