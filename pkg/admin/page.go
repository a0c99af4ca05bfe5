package admin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page load its own files and call its own listener, nothing else; and no text of its script ever becomes markup.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// pageFile is one file of the page. It holds nothing that is secret and is served without the token: the page asks for it.
type pageFile struct {
	content []byte
	kind    string
	tag     string
}

// page has the files by the path they are served at.
var page = readPage()

var pageKinds = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

func readPage() map[string]pageFile {
	files := map[string]pageFile{}
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		panic(err) // they are in the binary
	}
	for _, entry := range entries {
		content, err := pageFiles.ReadFile("page/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		at := "/" + entry.Name()
		if at == "/index.html" {
			at = "/"
		}
		files[at] = pageFile{content, pageKinds[path.Ext(entry.Name())], `"` + hex.EncodeToString(sum[:12]) + `"`}
	}
	return files
}

// withPage serves the page's files at their paths, and next everything else.
func withPage(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		file, ok := page[req.URL.Path]
		if !ok || req.Method != http.MethodGet && req.Method != http.MethodHead {
			next.ServeHTTP(w, req)
			return
		}
		h := w.Header()
		h.Set("Content-Type", file.kind)
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache") // kept, and asked about each time
		h.Set("ETag", file.tag)
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(file.content))
	})
}
