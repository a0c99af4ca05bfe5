package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/control"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/fetch"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
)

// desk is what a command on offsets works with.
type desk struct {
	*control.Control
	cluster *fetch.Cluster
	group   string
	chosen  []chosenTopic // what the command is about
	shut    []func()
}

func (d *desk) close() {
	for _, shut := range d.shut {
		shut()
	}
}

// open reads the configuration and opens the store. No broker is called yet. Close what it returns.
func (o *offsetsCLI) open(warnings io.Writer, instead string) (*desk, error) {
	who, err := o.who()
	if err != nil {
		return nil, err
	}
	config, problems := load(o.sources())
	if len(o.topics) > 0 {
		config.relay.Topics = o.topics.names()
	}
	if problems = append(problems, config.finishForOffsets()...); len(problems) > 0 {
		return nil, problems
	}
	for _, w := range config.warnings {
		if strings.HasPrefix(w, "kafka.") || strings.HasPrefix(w, "offsets.") {
			fmt.Fprintln(warnings, "warning: "+w)
		}
	}
	store, opening, err := newStore(config, nothing())
	if err != nil {
		return nil, err
	}
	kafka := config.fetch
	kafka.Log = nothing()
	cluster, err := fetch.NewCluster(kafka)
	if err != nil {
		return nil, describe("kafka", err)
	}
	d := &desk{Control: control.New(store, cluster, who), cluster: cluster, group: config.relay.Group, chosen: o.topics.or(config.relay.Topics)}
	d.shut = append(d.shut, cluster.Close, func() { _ = store.Close() }) // what was written is on the disk
	if opening != nil {
		if err := opening(); err != nil {
			d.close()
			return nil, failed(held(err, config.admin.AdminListen, instead))
		}
	}
	return d, nil
}

// finishForOffsets is finish for a command that has no app and no listeners.
func (c *configuration) finishForOffsets() configError {
	return append(c.checkRequired(), c.finishForControl()...)
}

// finishForControl is finish for a command that only looks at the store and Kafka, or writes to the store.
func (c *configuration) finishForControl() configError {
	problems := c.checkSASL()
	problems = append(problems, c.checkTLS("kafka.tls", c.kafkaTLS.Enabled, c.kafkaTLS.CertFile, c.kafkaTLS.KeyFile)...)
	problems = append(problems, c.checkTLS("offsets.consul.tls", c.consul.TLS.Enabled, c.consul.TLS.CertFile, c.consul.TLS.KeyFile)...)
	var err error
	if c.fetch.SASL.Password, err = c.saslPassword.open(); err != nil {
		problems = append(problems, c.wrong("kafka.sasl.password_file", "%s", err))
	}
	if c.consul.Token, err = c.consulToken.open(); err != nil {
		problems = append(problems, c.wrong("offsets.consul.token_file", "%s", err))
	}
	config, problem := c.kafkaTLSConfig()
	if problem != nil {
		problems = append(problems, *problem)
	}
	c.fetch.TLS = config
	c.share()
	c.warn()
	return problems
}

// held says what to do about a file store that another process has.
func held(err error, admin, instead string) error {
	var locked *offsets.LockedError
	if !errors.As(err, &locked) {
		return err
	}
	holder := ""
	if locked.Holder != "" {
		holder = " (" + locked.Holder + ")"
	}
	text := fmt.Sprintf("the running sidecar%s holds %s; ", holder, locked.Path)
	if instead == "" {
		return errors.New(text + "stop it and repeat the command")
	}
	return fmt.Errorf("%sits admin API at %s takes the order: %s", text, admin, instead)
}
