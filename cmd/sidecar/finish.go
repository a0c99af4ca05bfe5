package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/alert"
	"github.com/kafka-sidecar/kafka-sidecar/pkg/offsets"
)

// finish applies the rules over several keys, opens secrets and certificates, and fills what is wired
// from one package to another. After it, without a problem, the settings can be used.
func (c *configuration) finish() configError {
	problems := c.check()
	problems = append(problems, c.openSecrets()...)
	problems = append(problems, c.checkAlertSecret()...)
	config, problem := c.kafkaTLSConfig()
	if problem != nil {
		problems = append(problems, *problem)
	}
	c.fetch.TLS = config
	c.share()
	problems = append(problems, c.checkDelivery()...)
	c.warn()
	return problems
}

// checkDelivery asks the package that speaks to the app about its URLs; it knows the whole rule.
func (c *configuration) checkDelivery() configError {
	err := c.deliver.Validate()
	if err == nil {
		return nil
	}
	var all configError
	for line := range strings.Lines(err.Error()) {
		path, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
		all = append(all, c.wrong(path, "%s", text))
	}
	return all
}

// share copies a setting that several packages need from the one it was decoded into.
func (c *configuration) share() {
	r := &c.relay
	c.fetch.Group, c.consul.Group, c.file.Group, c.alert.Group = r.Group, r.Group, r.Group, r.Group
	c.fetch.Topics = r.Topics
	c.fetch.MetadataInterval = r.WatchInterval
	c.fetch.MemoryBudget = r.MemoryMaxBytes
	if r.MinRecords > 1 {
		c.fetch.Pace = min(r.MaxWait/2, longestPace)
	}
	c.deliver.MaxBytes, c.deliver.Lanes = r.MaxBytes, r.Lanes
	r.StoreTimeout = c.consul.Timeout
	r.TopicInURL = strings.Contains(c.deliver.URL, "{topic}")
	r.ReadyURLSet = c.deliver.ReadyURL != ""
	r.AppURL = redactURL(c.deliver.URL)
	r.MirrorToKafka = r.MirrorToKafka && r.Assignment.Mode == "group"
	r.HostName = hostName()
}

// longestPace bounds how long a fetch is put off for batch.min_records: beyond it nothing more is saved.
const longestPace = 100 * time.Millisecond

// hostName is the first half of the owner in the store, where a slash has a meaning.
func hostName() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "unknown"
	}
	return strings.ReplaceAll(name, "/", "-")
}

// openSecrets reads the secrets' files.
func (c *configuration) openSecrets() configError {
	var all configError
	for _, s := range []struct {
		path string
		from *secret
		to   *func() string
	}{
		{"kafka.sasl.password_file", &c.saslPassword, &c.fetch.SASL.Password},
		{"app.token_file", &c.appToken, &c.deliver.Token},
		{"offsets.consul.token_file", &c.consulToken, &c.consul.Token},
		{"admin.token_file", &c.adminToken, &c.admin.Token},
		{"alerts.secret_file", &c.alertSecret, &c.alert.Secret},
	} {
		get, err := s.from.open()
		if err != nil {
			all = append(all, c.wrong(s.path, "%s", err))
		}
		*s.to = get
	}
	return all
}

// checkAlertSecret looks at what was read: a secret that can't sign would be noticed only when there is something to tell.
func (c *configuration) checkAlertSecret() configError {
	if c.alert.Secret == nil {
		return nil
	}
	if err := alert.CheckSecret(c.alert.Secret()); err != nil {
		path := "alerts.secret"
		if c.alertSecret.file != "" {
			path = "alerts.secret_file"
		}
		return configError{c.wrong(path, "%s", err)}
	}
	return nil
}

// kafkaTLSConfig reads the certificates; nil without TLS.
func (c *configuration) kafkaTLSConfig() (*tls.Config, *problem) {
	set := c.kafkaTLS
	if !set.Enabled {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: set.ServerName, InsecureSkipVerify: set.InsecureSkipVerify}
	if set.CAFile != "" {
		pool, err := readCertificates(set.CAFile)
		if err != nil {
			p := c.wrong("kafka.tls.ca_file", "%s", err)
			return nil, &p
		}
		config.RootCAs = pool
	}
	if set.CertFile != "" && set.KeyFile != "" {
		if _, err := tls.LoadX509KeyPair(set.CertFile, set.KeyFile); err != nil {
			p := c.wrong("kafka.tls.cert_file", "must be a certificate that fits kafka.tls.key_file: %s", err)
			return nil, &p
		}
		config.GetClientCertificate = clientCertificate(set)
	}
	return config, nil
}

// clientCertificate reads the files at each handshake, so that they may be rotated.
func clientCertificate(set offsets.TLS) func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(set.CertFile, set.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read the client certificate: %w", err)
		}
		return &pair, nil
	}
}

func readCertificates(path string) (*x509.CertPool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("must be a readable file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(data) {
		return nil, errors.New("must hold certificates in PEM form")
	}
	return pool, nil
}

// warn collects what is allowed and still worth a line at every start.
func (c *configuration) warn() {
	add := func(format string, args ...any) { c.warnings = append(c.warnings, fmt.Sprintf(format, args...)) }
	r := &c.relay
	if c.deliver.Timeout > r.DrainTimeout {
		add("app.timeout (%s) is above deliver.drain (%s): a rebalance may cut a request, whose records then come again", duration(c.deliver.Timeout), duration(r.DrainTimeout))
	}
	if c.deliver.Timeout > r.ShutdownGrace {
		add("app.timeout (%s) is above shutdown.grace (%s): a shutdown may cut a request, whose records then come again", duration(c.deliver.Timeout), duration(r.ShutdownGrace))
	}
	if c.kafkaTLS.InsecureSkipVerify {
		add("kafka.tls.insecure_skip_verify is true: anybody on the way can pose as the brokers")
	}
	if c.consul.TLS.InsecureSkipVerify {
		add("offsets.consul.tls.insecure_skip_verify is true: anybody on the way can pose as Consul")
	}
	if c.fetch.SASL.Mechanism == "PLAIN" && !c.kafkaTLS.Enabled {
		add("kafka.sasl.mechanism is PLAIN without kafka.tls.enabled: the password crosses the network in clear")
	}
	if host := remoteHost(c.deliver.URL); host != "" {
		add("app.url is on another host (%s): records cross the network in clear", host)
	}
	if host := remoteHost(c.alert.Webhook); host != "" {
		add("alerts.webhook is http on another host (%s): alerts cross the network in clear", host)
	}
	for _, k := range c.keys {
		if s, ok := k.codec.(secretText); ok && s.p.value != "" && c.origin[k.path] == "--set" {
			add("%s is on the command line, where other users of this host can read it: use %s_file", k.path, k.path)
		}
	}
}
