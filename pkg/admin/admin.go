package admin

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

func (s *Server) adminHandler() http.Handler {
	var all http.Handler = routes{
		"/v1/status": {http.MethodGet: s.status},
		"/v1/events": {http.MethodGet: s.events},
		"/v1/groups": {http.MethodGet: s.groups},
		"/v1/record": {http.MethodGet: s.record},
		"/v1/pause":  {http.MethodPost: orders{s.operators}.pause},
		"/v1/resume": {http.MethodPost: orders{s.operators}.resume},
		"/v1/seek":   {http.MethodPost: orders{s.operators}.seek},
		"/v1/skip":   {http.MethodPost: s.skip},
		"/v1/retry":  {http.MethodPost: s.retry},
		"/v1/drain":  {http.MethodPost: s.drain},
	}
	if s.cfg.Profiles {
		all = withProfiles(all)
	}
	return local(withPage(s.guard(all)))
}

// local refuses requests of foreign web pages.
func local(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if foreign(req) {
			refuse(w, http.StatusForbidden, problem{"foreign_origin", "requests of other web pages are refused", "call it without an Origin header"})
			return
		}
		next.ServeHTTP(w, req)
	})
}

// guard refuses requests without the token when one is set.
func (s *Server) guard(next http.Handler) http.Handler { return guard(next, s.secured, s.token) }

func guard(next http.Handler, secured bool, token func() string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if secured && !bears(req, token()) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, problem{"unauthorized", "the token is missing or wrong", "send Authorization: Bearer with the value of admin.token"})
			return
		}
		if !secured && overTCP(req) && !literal(req.Host) { // a page whose name was made to resolve to this address reads what it likes
			refuse(w, http.StatusForbidden, problem{"foreign_origin", fmt.Sprintf("without a token requests to the host name %.100q are refused", req.Host), "use localhost or the address, or set admin.token_file"})
			return
		}
		next.ServeHTTP(w, req)
	})
}

// overTCP: who reaches a unix socket is no web page.
func overTCP(req *http.Request) bool {
	addr, ok := req.Context().Value(http.LocalAddrContextKey).(net.Addr)
	return !ok || addr.Network() != "unix"
}

// foreign: the request comes from a web page that is not ours. The Host is looked at as well, because
// a page whose name was made to resolve to this address (DNS rebinding) is its own origin.
func foreign(req *http.Request) bool {
	origin := req.Header.Get("Origin")
	if origin == "" {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Host != req.Host {
		return true
	}
	return !literal(req.Host)
}

// literal: the host is an address or localhost, not a name that somebody else's DNS answers for.
func literal(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil
}

// bears compares in constant time; hashing first hides the length as well. An empty token fits nothing.
func bears(req *http.Request, token string) bool {
	given, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(given)), sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && ok && token != ""
}

func (s *Server) status(w http.ResponseWriter, req *http.Request) {
	ctx, cancel := context.WithTimeout(req.Context(), statusTimeout)
	defer cancel()
	status, err := s.engine.Status(ctx)
	if err != nil {
		refuse(w, http.StatusServiceUnavailable, problem{"unavailable", "the engine does not answer: " + err.Error(), "see /livez and the log"})
		return
	}
	status.Version = s.version
	respond(w, http.StatusOK, status)
}

// drain answers when the drain is done. It goes on when the client does not wait for it.
func (s *Server) drain(w http.ResponseWriter, req *http.Request) {
	if !decode(w, req, &struct{}{}) {
		return
	}
	// The time-outs of the server are shorter than a drain may take; a read that times out would end
	// the request's context.
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	_ = control.SetWriteDeadline(time.Time{})
	if err := s.engine.Drain(req.Context()); err != nil {
		refuse(w, http.StatusServiceUnavailable, problem{"not_drained", err.Error(), "what was not committed will be delivered again"})
		return
	}
	respond(w, http.StatusOK, map[string]bool{"drained": true})
}
