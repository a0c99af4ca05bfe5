package admin

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page is there for everybody who can reach the listener, token or not: it asks for the token.
func TestPage(t *testing.T) {
	h := newServer(&fakeEngine{}, "s3cret").adminHandler()
	for at, kind := range map[string]string{"/": "text/html", "/page.js": "text/javascript", "/page.css": "text/css", "/icon.svg": "image/svg+xml"} {
		w := call(h, "GET", at, "")
		require.Equal(t, 200, w.Code, at)
		require.Contains(t, w.Header().Get("Content-Type"), kind)
		require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
		require.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
		policy := w.Header().Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'")
		require.Contains(t, policy, "frame-ancestors 'none'")
		require.NotContains(t, policy, "unsafe")
		require.NotContains(t, policy, "*")

		again := call(h, "GET", at, "", "If-None-Match", w.Header().Get("ETag"))
		require.Equal(t, []any{304, 0}, []any{again.Code, again.Body.Len()}, at)
		require.Equal(t, 200, call(h, "GET", at, "", "If-None-Match", `"old"`).Code)
		require.Zero(t, call(h, "HEAD", at, "").Body.Len())
		require.Equal(t, 403, call(h, "GET", at, "", "Origin", "https://example.com").Code)
	}
	require.Equal(t, 401, call(h, "POST", "/", "").Code)
	require.Equal(t, 401, call(h, "GET", "/page/index.html", "").Code)
}

// All that the page names is in it, and nothing in it needs what the policy forbids.
func TestPageIsWhole(t *testing.T) {
	for at, file := range page {
		require.NotEmpty(t, file.kind, at)
		text := string(file.content)
		for _, m := range regexp.MustCompile(`(?:src|href)="([^"#]+)"|from '\./([^']+)'`).FindAllStringSubmatch(text, -1) {
			require.Contains(t, page, "/"+m[1]+m[2], "named in %s", at)
		}
		require.NotRegexp(t, `(?i)\son[a-z]+="|\sstyle="|<style|javascript:`, text, at)
		for _, parser := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"} {
			require.NotContains(t, text, parser, at)
		}
		if at != "/icon.svg" {
			require.NotContains(t, strings.ToLower(text), "http://", at)
			require.NotContains(t, strings.ToLower(text), "https://", at)
		}
	}
}
