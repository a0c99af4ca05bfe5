package admin

import (
	"net/http"
	"net/http/pprof"
	"strings"
	"time"
)

const profilesPath = "/debug/pprof/"

// withProfiles adds Go's profiles of this process below /debug/pprof/. The command line is not among them: it may hold a secret.
func withProfiles(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		name, ours := strings.CutPrefix(req.URL.Path, profilesPath)
		if !ours {
			next.ServeHTTP(w, req)
			return
		}
		if name == "cmdline" {
			refuse(w, http.StatusNotFound, problem{"not_found", "the command line is not shown: it may hold a secret", "see " + profilesPath})
			return
		}
		// A profile may take longer than a read, and a read that times out would end the request's context. The time-out of the
		// write is moved by net/http/pprof itself.
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		switch name {
		case "profile":
			pprof.Profile(w, req)
		case "trace":
			pprof.Trace(w, req)
		case "symbol":
			pprof.Symbol(w, req)
		default:
			pprof.Index(w, req)
		}
	})
}
