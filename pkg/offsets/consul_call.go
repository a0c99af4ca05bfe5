package offsets

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/consul/api"
)

// reply is everything known about one call.
type reply struct {
	ok      bool // a transaction was applied
	results api.TxnResults
	errors  api.TxnErrors
	hidden  bool // fewer results than reads: the ACLs hid some
	status  int  // HTTP status; 0 = no answer
	sent    bool // the request may have reached the agent
	err     error
}

func (r reply) denied() bool {
	if r.status == http.StatusForbidden || r.hidden {
		return true
	}
	for _, e := range r.errors {
		if isDenied(e.What) {
			return true
		}
	}
	return false
}

func isDenied(what string) bool { return strings.Contains(what, "Permission denied") }

// unknownVerb: the server does not know get-or-empty.
func (r reply) unknownVerb() bool {
	for _, e := range r.errors {
		if strings.Contains(e.What, "unknown KV") {
			return true
		}
	}
	return false
}

// txn runs ops as one transaction. Reads are done with the consistent mode.
func (c *Consul) txn(ctx context.Context, ops []*api.KVTxnOp) reply {
	all := make(api.TxnOps, len(ops))
	reads := 0
	for i, op := range ops {
		all[i] = &api.TxnOp{KV: op}
		if op.Verb == api.KVGetOrEmpty {
			reads++
		}
	}
	return c.call(ctx, func(q *api.QueryOptions) (r reply) {
		ok, response, _, err := c.client.Txn().Txn(all, q)
		r.ok, r.err = ok, err
		if response != nil {
			r.results, r.errors = response.Results, response.Errors
		}
		r.hidden = ok && len(r.results) < reads
		return r
	})
}

// get reads one key with the consistent mode; a nil pair = absent.
func (c *Consul) get(ctx context.Context, key string) (pair *api.KVPair, r reply) {
	r = c.call(ctx, func(q *api.QueryOptions) reply {
		var err error
		pair, _, err = c.client.KV().Get(key, q)
		return reply{ok: err == nil, err: err}
	})
	return pair, r
}

// list reads all keys below a folder with the consistent mode.
func (c *Consul) list(ctx context.Context, folder string) (pairs api.KVPairs, r reply) {
	r = c.call(ctx, func(q *api.QueryOptions) reply {
		var err error
		pairs, _, err = c.client.KV().List(folder, q)
		return reply{ok: err == nil, err: err}
	})
	return pairs, r
}

// call makes one call under the deadline, and a second one if the token was refused and another
// one is there.
func (c *Consul) call(ctx context.Context, do func(*api.QueryOptions) reply) reply {
	token := c.tokens.current()
	r := c.once(ctx, token, do)
	if r.denied() && c.tokens.renew(token) {
		r = c.once(ctx, c.tokens.current(), do)
	}
	return r
}

func (c *Consul) once(ctx context.Context, token string, do func(*api.QueryOptions) reply) reply {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	x := &exchange{token: token}
	ctx = context.WithValue(ctx, exchangeKey{}, x)
	r := do((&api.QueryOptions{RequireConsistent: true}).WithContext(ctx))
	r.status, r.sent = int(x.status.Load()), x.sent.Load()
	return r
}

// exchange passes the token to the transport and what the library does not tell back from it.
type exchange struct {
	token  string
	status atomic.Int64
	sent   atomic.Bool
}

type exchangeKey struct{}

// recorder is the transport of the client: Txn returns an error without the status code, and
// whether a failed write was sent at all only the transport knows.
type recorder struct{ next http.RoundTripper }

func (t *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	x, ok := req.Context().Value(exchangeKey{}).(*exchange)
	if !ok {
		return t.next.RoundTrip(req)
	}
	// From the moment there is a connection, bytes may be on their way.
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { x.sent.Store(true) }}
	req = req.Clone(httptrace.WithClientTrace(req.Context(), trace))
	req.Header.Del("X-Consul-Token")
	if x.token != "" {
		req.Header.Set("X-Consul-Token", x.token)
	}
	resp, err := t.next.RoundTrip(req)
	if err == nil {
		x.status.Store(int64(resp.StatusCode))
	}
	return resp, err
}

// CloseIdleConnections lets http.Client.CloseIdleConnections through to the transport.
func (t *recorder) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
