package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/admin"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/alert"
)

// rebalanceMargin is what a revoke leaves of kafka.rebalance_timeout for the group itself.
const rebalanceMargin = 5 * time.Second

// check applies the rules that look at several keys.
func (c *configuration) check() configError {
	var all configError
	for _, rule := range []func() configError{
		c.checkRequired, c.checkTimes, c.checkBatch, c.checkGroup, c.checkApp, c.checkDeadLetter, c.checkStart, c.checkSASL, c.checkAdmin, c.checkAlerts,
	} {
		all = append(all, rule()...)
	}
	all = append(all, c.checkTLS("kafka.tls", c.kafkaTLS.Enabled, c.kafkaTLS.CertFile, c.kafkaTLS.KeyFile)...)
	all = append(all, c.checkTLS("offsets.consul.tls", c.consul.TLS.Enabled, c.consul.TLS.CertFile, c.consul.TLS.KeyFile)...)
	return all
}

// wrong makes a problem of a key, with the place its value came from.
func (c *configuration) wrong(path, format string, args ...any) problem {
	return problem{path, fmt.Sprintf(format, args...), c.origin[path]}
}

func (c *configuration) given(path string) bool { return c.origin[path] != "" }

func (c *configuration) checkRequired() configError {
	var all configError
	if c.relay.Group == "" && !c.given("group") {
		all = append(all, c.wrong("group", "is required: the consumer's identity, for example billing"))
	}
	if len(c.relay.Topics) == 0 && !c.given("kafka.topics") {
		all = append(all, c.wrong("kafka.topics", "is required: the topics to read, for example [orders]"))
	}
	return all
}

func (c *configuration) checkTimes() configError {
	var all configError
	r := &c.relay
	if used, most := r.DrainTimeout+c.consul.Timeout, c.fetch.RebalanceTimeout-rebalanceMargin; r.Assignment.Mode == "group" && used >= most {
		all = append(all, c.wrong("deliver.drain", "must be below kafka.rebalance_timeout - 5s - offsets.consul.timeout = %s (got %s)",
			duration(most-c.consul.Timeout), duration(r.DrainTimeout)))
	}
	if r.RetryMin > r.RetryMax {
		all = append(all, c.wrong("retry.min", "must be at most retry.max = %s (got %s)", duration(r.RetryMax), duration(r.RetryMin)))
	}
	return all
}

func (c *configuration) checkBatch() configError {
	var all configError
	r := &c.relay
	if r.MinRecords > r.MaxRecords {
		all = append(all, c.wrong("batch.min_records", "must be at most batch.max_records = %d (got %d)", r.MaxRecords, r.MinRecords))
	}
	if r.MinRecords > 1 && r.MaxWait == 0 {
		all = append(all, c.wrong("batch.max_wait", "must be above 0s when batch.min_records is above 1 (got 0s)"))
	}
	if int64(r.MaxBytes) > r.MemoryMaxBytes {
		all = append(all, c.wrong("batch.max_bytes", "must be at most memory.max_bytes = %s (got %s)", sizeText(r.MemoryMaxBytes), sizeText(int64(r.MaxBytes))))
	}
	return all
}

func (c *configuration) checkGroup() configError {
	var all configError
	if c.fetch.InstanceID != "" && c.fetch.GroupProtocol == "consumer" {
		all = append(all, c.wrong("kafka.instance_id", "must be empty with kafka.group_protocol: consumer (got %s)", shown(c.fetch.InstanceID)))
	}
	if c.relay.Assignment.Mode != "group" && c.given("offsets.mirror_to_kafka") && c.relay.MirrorToKafka {
		all = append(all, c.wrong("offsets.mirror_to_kafka", "must be false unless assignment is group: without a group nothing can be committed to it (got true)"))
	}
	return all
}

func (c *configuration) checkApp() configError {
	if host := remoteHost(c.deliver.URL); host != "" && !c.allowRemote {
		return configError{c.wrong("app.url", "must be on this host (127.0.0.1, ::1, localhost or unix:) unless app.allow_remote is true (got host %s)", shown(host))}
	}
	if host := remoteHost(c.deliver.ReadyURL); host != "" && !c.allowRemote {
		return configError{c.wrong("app.ready_url", "must be on this host (127.0.0.1, ::1, localhost or unix:) unless app.allow_remote is true (got host %s)", shown(host))}
	}
	return nil
}

func (c *configuration) checkDeadLetter() configError {
	var all configError
	if c.relay.DeadLetterPolicy != "topic" {
		return nil
	}
	for _, t := range c.relay.Topics {
		name := c.relay.DeadLetterTopicOf(t)
		if slices.Contains(c.relay.Topics, name) {
			all = append(all, c.wrong("dead_letter.topic", "must not be one of kafka.topics (got %s for %s)", name, t))
		} else if topicName(name) != nil {
			all = append(all, c.wrong("dead_letter.topic", "must expand to a legal topic name (got %s for %s)", shown(name), t))
		}
	}
	return all
}

func (c *configuration) checkStart() configError {
	var all configError
	if c.relay.Start.Fallback != "latest" && c.relay.Start.Policy != "committed" {
		all = append(all, c.wrong("start.fallback", "has no effect unless start is committed: leave it out"))
	}
	for topic := range c.relay.Start.Map {
		if len(c.relay.Topics) > 0 && !slices.Contains(c.relay.Topics, topic) {
			all = append(all, c.wrong("start", "must name topics of kafka.topics only (got %s)", topic))
		}
	}
	return all
}

func (c *configuration) checkSASL() configError {
	var all configError
	used := c.fetch.SASL.Mechanism != ""
	if used && c.fetch.SASL.Username == "" {
		all = append(all, c.wrong("kafka.sasl.username", "must be set with kafka.sasl.mechanism"))
	}
	if used && !c.saslPassword.set() {
		all = append(all, c.wrong("kafka.sasl.password_file", "must be set with kafka.sasl.mechanism (or kafka.sasl.password)"))
	}
	if !used && (c.fetch.SASL.Username != "" || c.saslPassword.set()) {
		all = append(all, c.wrong("kafka.sasl.mechanism", "must be set: user name or password are given"))
	}
	return all
}

func (c *configuration) checkAdmin() configError {
	if err := admin.CheckListen(c.admin.AdminListen, c.adminToken.set()); err != nil {
		return configError{c.wrong("admin.listen", "%s %s", c.admin.AdminListen, err)}
	}
	return nil
}

func (c *configuration) checkAlerts() configError {
	switch {
	case c.alert.Webhook == "" && c.alertSecret.set():
		return configError{c.wrong("alerts.webhook", "must be set with alerts.secret_file or alerts.secret")}
	case c.alert.Webhook == "":
		return nil
	}
	if err := alert.CheckWebhook(c.alert.Webhook, c.alert.AllowHTTP); err != nil {
		return configError{c.wrong("alerts.webhook", "%s", err)}
	}
	return nil
}

func (c *configuration) checkTLS(under string, enabled bool, cert, keyFile string) configError {
	var all configError
	if (cert == "") != (keyFile == "") {
		all = append(all, c.wrong(under+".cert_file", "must be set together with %s.key_file", under))
	}
	if enabled {
		return all
	}
	for _, k := range c.keys {
		if strings.HasPrefix(k.path, under+".") && c.given(k.path) && k.codec.yaml() != `""` && k.codec.yaml() != "false" {
			all = append(all, c.wrong(k.path, "has no effect: set %s.enabled to true as well", under))
		}
	}
	return all
}
