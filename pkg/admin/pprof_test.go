package admin

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProfilesAreThereOnRequestOnly(t *testing.T) {
	s := newServer(&fakeEngine{}, "")
	w := call(s.adminHandler(), "GET", "/debug/pprof/", "")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, "not_found", code(t, w))

	s.cfg.Profiles = true
	w = call(s.adminHandler(), "GET", "/debug/pprof/heap?debug=1", "")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(), "heap profile")
	require.Equal(t, http.StatusOK, call(s.adminHandler(), "GET", "/v1/status", "").Code, "the rest stays")
	require.Equal(t, http.StatusNotFound, call(s.metricsHandler(), "GET", "/debug/pprof/heap", "").Code)
}

func TestProfilesShowNoCommandLine(t *testing.T) {
	s := newServer(&fakeEngine{}, "")
	s.cfg.Profiles = true
	w := call(s.adminHandler(), "GET", "/debug/pprof/cmdline", "")
	require.Equal(t, http.StatusNotFound, w.Code)
	require.Equal(t, "not_found", code(t, w))
}

func TestProfilesNeedTheToken(t *testing.T) {
	s := newServer(&fakeEngine{}, "secret")
	s.cfg.Profiles = true
	require.Equal(t, http.StatusUnauthorized, call(s.adminHandler(), "GET", "/debug/pprof/heap", "").Code)
	require.Equal(t, http.StatusOK, call(s.adminHandler(), "GET", "/debug/pprof/heap", "", "Authorization", "Bearer secret").Code)
}

func TestProfileOfTheCPU(t *testing.T) {
	s := newServer(&fakeEngine{}, "")
	s.cfg.Profiles = true
	require.NoError(t, s.Listen())
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	resp, err := http.Get("http://" + s.AdminAddr() + "/debug/pprof/profile?seconds=1")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Equal(t, []byte{0x1f, 0x8b}, body[:2], "a profile is compressed by gzip")
	http.DefaultClient.CloseIdleConnections()
	stop()
	require.NoError(t, <-ended)
}
