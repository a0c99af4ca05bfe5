package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// maxBody bounds the body of a request, in bytes.
const maxBody = 64 << 10

// problem is an error as every endpoint answers it.
type problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint"`
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails only when the client has gone
}

func refuse(w http.ResponseWriter, status int, p problem) {
	respond(w, status, map[string]problem{"error": p})
}

// routes has the handlers of one listener by path and method.
type routes map[string]map[string]http.HandlerFunc

// ServeHTTP answers what is not there with 404 or 405, in JSON. HEAD is served by GET.
func (r routes) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	methods, ok := r[req.URL.Path]
	if !ok {
		refuse(w, http.StatusNotFound, problem{"not_found", "there is nothing at " + req.URL.Path, "there is: " + strings.Join(r.paths(), ", ")})
		return
	}
	method := req.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	handler, ok := methods[method]
	if !ok {
		allowed := make([]string, 0, len(methods))
		for m := range methods {
			allowed = append(allowed, m)
		}
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		refuse(w, http.StatusMethodNotAllowed, problem{"method_not_allowed", req.URL.Path + " does not take " + req.Method, "use " + strings.Join(allowed, " or ")})
		return
	}
	handler(w, req)
}

func (r routes) paths() []string {
	paths := make([]string, 0, len(r))
	for p := range r {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}

// decode reads a request's body strictly into the struct at into; an empty body leaves it as it is.
// It answers itself and returns false when the body is refused.
func decode(w http.ResponseWriter, req *http.Request, into any) bool {
	err := strictly(http.MaxBytesReader(w, req.Body, maxBody), into)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return true
	case errors.As(err, &tooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, problem{"too_large", "the body is above 64 KiB", ""})
	default:
		refuse(w, http.StatusBadRequest, problem{"bad_request", "the body is refused: " + err.Error(), "send a JSON object with known fields only, or nothing"})
	}
	return false
}

// strict reads JSON into the struct at into: known fields only, and nothing behind it.
func strict(raw []byte, into any) error { return strictly(bytes.NewReader(raw), into) }

func strictly(r io.Reader, into any) error {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	_, more := decoder.Token()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(more, io.EOF):
		return nil
	case errors.As(more, &tooLarge):
		return more
	}
	return errors.New("there is more after the JSON object")
}
