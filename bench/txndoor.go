package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
)

// txnDoor is a proxy before Consul that counts transactions: the sidecar's own counter is not asked about the sidecar.
type txnDoor struct {
	addr string
	txns atomic.Int64
}

// openTxnDoor opens one that closes with the world.
func openTxnDoor(w *world) *txnDoor {
	d := &txnDoor{}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: w.consul.Addr()})
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/txn") {
			d.txns.Add(1)
		}
		proxy.ServeHTTP(rw, r)
	}))
	w.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	d.addr = server.Listener.Addr().String()
	return d
}

// count is 0 without a door.
func (d *txnDoor) count() int64 {
	if d == nil {
		return 0
	}
	return d.txns.Load()
}
