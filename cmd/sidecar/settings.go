package main

import (
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/admin"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/alert"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/deliver"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// settings is the configuration of every package, and what only the command itself reads. A setting
// that several packages need is decoded into one of them; share copies it to the others.
type settings struct {
	relay   relay.Config
	fetch   fetch.Config
	deliver deliver.Config
	consul  offsets.ConsulConfig
	file    offsets.FileConfig
	admin   admin.Config
	alert   alert.Config

	store       string // consul | file
	allowRemote bool   // app.url may be on another host
	kafkaTLS    offsets.TLS
	logLevel    string
	logFormat   string // auto | json | text

	saslPassword, appToken, consulToken, adminToken, alertSecret secret
}

// defaults is the configuration before anything is set.
func defaults() *settings {
	return &settings{
		relay:     relay.DefaultConfig(),
		fetch:     fetch.DefaultConfig(),
		deliver:   deliver.DefaultConfig(),
		consul:    offsets.DefaultConsulConfig(),
		file:      offsets.DefaultFileConfig(),
		admin:     admin.DefaultConfig(),
		alert:     alert.DefaultConfig(),
		store:     "consul",
		logLevel:  "info",
		logFormat: "auto",
	}
}

// drainTimeout is how long `sidecar drain` waits by default: the grace and what the commit may take.
func (s *settings) drainTimeout() time.Duration { return s.relay.ShutdownGrace + 5*time.Second }
