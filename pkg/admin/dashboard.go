package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
)

// GroupStore is what a dashboard reads of one group.
type GroupStore interface {
	Tracked(ctx context.Context) ([]record.Tracked, error)
	Audits(ctx context.Context) ([]record.Audit, error)
}

// DashboardConfig is what a dashboard shows, and where.
type DashboardConfig struct {
	Listen    string        // host:port or unix:/path
	Token     func() string // nil or "" = only loopback and unix addresses are accepted
	Groups    Groups
	Group     func(name string) GroupStore // nil = there is no such group
	Operators func(group, who string) Operator
	Kind      string // of the store: consul | file
	Version   string
}

// Dashboard serves the page for all groups of a store, without a sidecar: it knows what the store and Kafka know. Its steps are Listen, Run, Close.
type Dashboard struct {
	cfg     DashboardConfig
	secured bool // a token was set when the listener was opened; written by Listen

	mu       sync.Mutex // guards what follows
	listener net.Listener
}

// NewDashboard makes a dashboard. It has no side effects.
func NewDashboard(cfg DashboardConfig) *Dashboard { return &Dashboard{cfg: cfg} }

// Listen opens the listener. The error names the address: a port that is taken, a socket in use, ErrNeedsToken.
func (d *Dashboard) Listen() error {
	d.secured = d.token() != ""
	l, err := listenAdmin("--listen", d.cfg.Listen, d.secured)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listener = l
	return nil
}

// Addr is where the listener is, with the port the system chose; "" before Listen.
func (d *Dashboard) Addr() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener == nil {
		return ""
	}
	return d.listener.Addr().String()
}

// Run serves until ctx ends, then finishes the requests under way, for shutdownTimeout at most. It needs Listen before it.
func (d *Dashboard) Run(ctx context.Context) error {
	d.mu.Lock()
	l := d.listener
	d.mu.Unlock()
	if l == nil {
		return errors.New("serve: Listen was not called")
	}
	group, ctx := errgroup.WithContext(ctx)
	serve(ctx, group, l, d.handler())
	return group.Wait()
}

// Close gives the listener back when Run was not called. It may be called twice, and after Run.
func (d *Dashboard) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener != nil {
		d.listener.Close()
	}
	d.listener = nil
	return nil
}

// token is the token of this moment; "" = none.
func (d *Dashboard) token() string {
	if d.cfg.Token == nil {
		return ""
	}
	return d.cfg.Token()
}

func (d *Dashboard) handler() http.Handler {
	order := func(do func(orders, http.ResponseWriter, *http.Request)) http.HandlerFunc {
		return d.ofGroup(func(group string, w http.ResponseWriter, req *http.Request) {
			do(orders{func(who string) Operator { return d.cfg.Operators(group, who) }}, w, req)
		})
	}
	all := routes{
		"/v1/groups": {http.MethodGet: d.cfg.Groups.answer},
		"/v1/status": {http.MethodGet: d.ofGroup(d.status)},
		"/v1/events": {http.MethodGet: d.ofGroup(d.events)},
		"/v1/pause":  {http.MethodPost: order(orders.pause)},
		"/v1/resume": {http.MethodPost: order(orders.resume)},
		"/v1/seek":   {http.MethodPost: order(orders.seek)},
		"/v1/skip":   {http.MethodPost: order(orders.skipStored)},
	}
	return local(withPage(guard(all, d.secured, d.token)))
}

// ofGroup takes the group from the query.
func (d *Dashboard) ofGroup(do func(group string, w http.ResponseWriter, req *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		group := req.URL.Query().Get("group")
		if group == "" {
			refuse(w, http.StatusBadRequest, problem{"needs_group", "group is required: a dashboard has none of its own", "ask " + req.URL.Path + "?group=…; /v1/groups lists them"})
			return
		}
		if d.cfg.Group(group) == nil {
			unknownGroup(w, group)
			return
		}
		do(group, w, req)
	}
}

// skipStored passes over one record as far as the store goes: whether it blocks its partition only the replica that has it knows.
func (d orders) skipStored(w http.ResponseWriter, req *http.Request) {
	var o recordOrder
	if !decode(w, req, &o) || !named(w, o.Topic, o.As) {
		return
	}
	if o.Partition == nil || o.Offset == nil || o.To != "drop" {
		refuse(w, http.StatusBadRequest, problem{"bad_request", `partition, offset and "to":"drop" are required`, "dead letters are written by the replica that has the partition: order it there"})
		return
	}
	d.carryOut(w, req, order{Topic: o.Topic, As: o.As}, func(ctx context.Context, op Operator) (*control.Plan, error) {
		return op.Skip(ctx, record.TopicPartition{Topic: o.Topic, Partition: *o.Partition}, *o.Offset)
	})
}

func unknownGroup(w http.ResponseWriter, group string) {
	refuse(w, http.StatusNotFound, problem{"unknown_group", fmt.Sprintf("the store has no group %q", group), "see the name and offsets.prefix; /v1/groups lists them"})
}
