package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/admin"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/alert"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/record"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// store is what the command needs of both stores.
type store interface {
	relay.Store
	control.Store
	Kind() string
	Location() string
	Check(ctx context.Context) []record.Finding
	Groups(ctx context.Context) ([]record.Group, error)
	Close() error
}

// assemble makes and connects all parts. It binds, opens and calls nothing; errors are of the configuration.
func assemble(c *configuration, log zerolog.Logger) (made *sidecar, err error) {
	s := &sidecar{log: log}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	store, opening, err := newStore(c, log)
	if err != nil {
		return nil, err
	}
	s.opening = opening
	s.closing = append(s.closing, func() {
		if err := store.Close(); err != nil {
			log.Warn().Err(err).Msg("store not closed")
		}
	})
	app, err := deliver.New(c.deliver)
	if err != nil {
		return nil, describe("app", err)
	}
	s.closing = append(s.closing, app.Close)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	deps := relay.Deps{Store: store, App: app, Metrics: registry}
	if err := s.connectKafka(c, &deps); err != nil {
		return nil, err
	}
	config := c.relay
	config.Log = log
	s.engine = withKind{relay.New(config, deps), store.Kind()}
	listeners := c.admin
	listeners.BodyType = app.ContentType()
	listeners.Groups = &admin.Groups{Store: store, Cluster: deps.Cluster, Own: c.relay.Group}
	s.server = admin.New(listeners, s.engine, operators(store, deps.Cluster), registry, versionText())
	if c.alert.Webhook != "" {
		watch := c.alert
		watch.Log = log
		s.alerts = alert.New(watch, s.engine, registry)
	}
	return s, nil
}

// operators are who acts through the admin listener; without a name it is whoever can reach it.
func operators(store control.Store, cluster control.Cluster) func(who string) admin.Operator {
	return func(who string) admin.Operator {
		if !strings.Contains(who, "@") {
			who = cmp.Or(who, "admin") + "@" + hostName()
		}
		return control.New(store, cluster, who)
	}
}

// newStore makes the store that the configuration names, and what opens it, if it has to be opened.
func newStore(c *configuration, log zerolog.Logger) (store, func() error, error) {
	if c.store == "file" {
		f, err := offsets.NewFile(c.file)
		if err != nil {
			return nil, nil, describe("offsets.file", err)
		}
		return f, f.Open, nil
	}
	config := c.consul
	config.Log = log
	s, err := offsets.NewConsul(config)
	if err != nil {
		return nil, nil, describe("offsets.consul", err)
	}
	return s, nil, nil
}
