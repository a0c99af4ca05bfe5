package main

import (
	"strings"
	"time"
)

// key is one setting: everything that the file, the environment, --set, `config example` and
// `config show` know of it.
type key struct {
	path   string // dotted, as in --set
	unit   string // what a value looks like; "" = it shows
	doc    string // meaning, for people
	codec  codec  // reads into and writes from the settings
	sample string // what `config example` shows where there is no default, in YAML
}

// env is the name of the key's environment variable.
func (k key) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.path, ".", "_"))
}

// keys is the table of all settings, bound to s, in the order of `config example`.
func keys(s *settings) []key {
	var all []key
	for _, part := range [][]key{
		kafkaKeys(s), startKeys(s), appKeys(s), batchKeys(s), retryKeys(s), offsetsKeys(s), processKeys(s), alertKeys(s), logKeys(s),
	} {
		all = append(all, part...)
	}
	return all
}

func kafkaKeys(s *settings) []key {
	f := &s.fetch
	return append([]key{
		{"group", "", "the consumer's identity: Kafka group id and Consul folder", text{&s.relay.Group, groupName}, "billing"},
		{"kafka.brokers", "host:port", "brokers to start from", list{&f.Brokers, 1, 100, hostPort}, ""},
		{"kafka.topics", "", "topics to read", list{&s.relay.Topics, 1, 1000, topicName}, "[orders]"},
		{"kafka.client_id", "", "name the brokers see; empty = kafka-sidecar", text{&f.ClientID, shortName}, ""},
		{"kafka.rack", "", "fetch from the replica in this rack; empty = from the leader", text{&f.Rack, shortName}, ""},
		{"kafka.instance_id", "", "static member: only where the name survives a restart (StatefulSet); SIGTERM then does not leave the group; empty = dynamic", text{&f.InstanceID, shortName}, ""},
		{"kafka.group_protocol", "", "consumer is KIP-848, experimental, brokers from 4.3 on", choice{&f.GroupProtocol, []string{"classic", "consumer"}}, ""},
		{"kafka.isolation_level", "", "whether records of open and aborted transactions are read", choice{&f.IsolationLevel, []string{"read_committed", "read_uncommitted"}}, ""},
		{"kafka.session_timeout", "", "without a heartbeat for so long the group gives the partitions away", span{&f.SessionTimeout, time.Second, 30 * time.Minute}, ""},
		{"kafka.rebalance_timeout", "", "how long a rebalance waits for members; above deliver.drain + offsets.consul.timeout + 5s", span{&f.RebalanceTimeout, 6 * time.Second, time.Hour}, ""},
		{"kafka.sasl.mechanism", "", "how to log in; empty = not at all", choice{&f.SASL.Mechanism, []string{"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}}, ""},
		{"kafka.sasl.username", "", "user name", text{&f.SASL.Username, printable}, ""},
		{"kafka.sasl.password", "", "password; better in a file", secretText{&s.saslPassword}, ""},
		{"kafka.sasl.password_file", "path", "file with the password; read again when it changes", text{&s.saslPassword.file, printable}, ""},
	}, tlsKeys("kafka.tls", "the brokers", &s.kafkaTLS)...)
}

func startKeys(s *settings) []key {
	return []key{
		{"assignment", "group, all, or a list [0,1,2]", "group shares the partitions between replicas; all, or a list of each topic's partitions, reads without a group: the newest process wins", assignment{&s.relay.Assignment}, ""},
		{"start", "latest, earliest, committed, an RFC 3339 time, or a map", `where a topic without stored offsets begins; a map is as Spark writes it: {"orders":{"0":23,"1":-2}} (-1 latest, -2 earliest)`, start{&s.relay.Start}, ""},
		{"start.fallback", "", "with start: committed, where a partition begins for which the Kafka group has no commit", choice{&s.relay.Start.Fallback, []string{"latest", "earliest"}}, ""},
	}
}

func appKeys(s *settings) []key {
	d := &s.deliver
	return []key{
		{"app.url", "http://host:port/path or unix:/socket:/path", "where batches are posted; with {topic} in the path a batch holds one topic", text{&d.URL, appURL}, ""},
		{"app.ready_url", "http://host:port/path or unix:/socket:/path", "answers GET with 2xx when the app is ready; empty = the port accepts a connection", text{&d.ReadyURL, optional(appURL)}, ""},
		{"app.timeout", "", "of one attempt", span{&d.Timeout, 100 * time.Millisecond, 5 * time.Minute}, ""},
		{"app.token", "", "sent as Authorization: Bearer; better in a file", secretText{&s.appToken}, ""},
		{"app.token_file", "path", "file with the token; read again when it changes", text{&s.appToken.file, printable}, ""},
		{"app.allow_remote", "", "let app.url be on another host; records then cross the network in clear", boolean{&s.allowRemote}, ""},
	}
}

func batchKeys(s *settings) []key {
	r, d := &s.relay, &s.deliver
	return []key{
		{"batch.max_records", "", "records per batch", number{&r.MaxRecords, 1, 100_000}, ""},
		{"batch.max_bytes", "", "bytes of an encoded body; a single larger record travels alone", size[int]{&r.MaxBytes, 1 << 10, 64 << 20}, ""},
		{"batch.min_records", "", "hold a batch back until so many records stand ready (needs batch.max_wait)", number{&r.MinRecords, 1, 100_000}, ""},
		{"batch.max_wait", "", "or until the oldest has waited so long; 0s = no waiting", span{&r.MaxWait, 0, 5 * time.Minute}, ""},
		{"batch.max_rate", "", "records per second that this process delivers at most; 0 = no bound", number{&r.MaxRate, 0, 100_000_000}, ""},
		{"batch.format", "", "columns is the fast path of the client libraries", choice{&d.Format, []string{"json", "columns"}}, ""},
		{"batch.value", "", "auto: string, or base64 for other bytes; json: a value that is valid JSON is embedded; base64: always base64", choice{&d.Value, []string{"auto", "json", "base64"}}, ""},
		{"deliver.lanes", "", "requests in flight at once", number{&r.Lanes, 1, 256}, ""},
		{"deliver.drain", "", "how long a rebalance waits for requests already sent", span{&r.DrainTimeout, 0, 30 * time.Minute}, ""},
	}
}

func retryKeys(s *settings) []key {
	r := &s.relay
	return []key{
		{"retry.max_attempts", "", "failed attempts before a batch is halved, and of a lone record", number{&r.MaxAttempts, 1, 1000}, ""},
		{"retry.min", "", "first back-off; exponential with jitter", span{&r.RetryMin, time.Millisecond, time.Minute}, ""},
		{"retry.max", "", "longest back-off", span{&r.RetryMax, time.Millisecond, 10 * time.Minute}, ""},
		{"dead_letter.policy", "", "what happens to a condemned record: block its partition, write it to a topic, or drop it", choice{&r.DeadLetterPolicy, []string{"block", "topic", "drop"}}, ""},
		{"dead_letter.topic", "", "{topic} and {group} expand; it must exist", text{&r.DeadLetterTopic, deadLetterTopic}, ""},
	}
}

func offsetsKeys(s *settings) []key {
	r, c := &s.relay, &s.consul
	return append(append([]key{
		{"offsets.store", "", "file is for one machine", choice{&s.store, []string{"consul", "file"}}, ""},
		{"offsets.prefix", "", "first part of the Consul keys", text{&c.Prefix, keyPrefix}, ""},
		{"offsets.mirror_to_kafka", "", "commit durable offsets to the Kafka group too, for lag tools; never read back; only with assignment: group", boolean{&r.MirrorToKafka}, ""},
		{"offsets.consul.address", "host:port, http(s)://host:port or unix:///socket", "the agent; empty = Consul's environment, else 127.0.0.1:8500", text{&c.Address, printable}, ""},
		{"offsets.consul.scheme", "", "empty = Consul's environment, else http", choice{&c.Scheme, []string{"", "http", "https"}}, ""},
		{"offsets.consul.token", "", "ACL token; better in a file; empty = Consul's environment", secretText{&s.consulToken}, ""},
		{"offsets.consul.token_file", "path", "file with the ACL token; read again when it changes", text{&s.consulToken.file, printable}, ""},
		{"offsets.consul.datacenter", "", "empty = the agent's", text{&c.Datacenter, shortName}, ""},
		{"offsets.consul.timeout", "", "of every call, and of the final commit", span{&c.Timeout, 100 * time.Millisecond, time.Minute}, ""},
	}, tlsKeys("offsets.consul.tls", "Consul", &c.TLS)...),
		key{"offsets.file.path", "path", "folder of the file store", text{&s.file.Path, notEmpty}, ""},
		key{"commit.interval", "", "time between writes of offsets, ±20 %; 0s = as fast as the store answers", span{&r.CommitInterval, 0, 10 * time.Minute}, ""},
		key{"commit.max_pending", "", "acknowledged records not yet durable at which delivery waits", number{&r.CommitMaxPending, 1, 100_000_000}, ""},
	)
}

func processKeys(s *settings) []key {
	r := &s.relay
	fallbacks := []string{"block", "earliest", "latest"}
	return []key{
		{"watch.interval", "", "how often partitions and topics are compared with the brokers", span{&r.WatchInterval, 100 * time.Millisecond, time.Hour}, ""},
		{"policy.data_loss", "", "when the log no longer has the stored offset", choice{&r.DataLoss, fallbacks}, ""},
		{"policy.topic_recreated", "", "when the topic is another one of the same name", choice{&r.TopicRecreated, fallbacks}, ""},
		{"memory.max_bytes", "", "budget from fetch to acknowledgement", size[int64]{&r.MemoryMaxBytes, 1 << 20, 1 << 40}, ""},
		{"shutdown.grace", "", "how long a drain waits for requests in flight", span{&r.ShutdownGrace, 0, time.Hour}, ""},
		{"watchdog.after", "", "/livez fails when a batch has stood ready beside a free lane for so long", span{&r.WatchdogAfter, 10 * time.Second, 24 * time.Hour}, ""},
		{"metrics.listen", "host:port", "/livez, /readyz and /metrics: read only", text{&s.admin.MetricsListen, listenAddr}, ""},
		{"admin.listen", "host:port or unix:/path", "the page, status, orders of operators, drain", text{&s.admin.AdminListen, adminAddr}, ""},
		{"admin.token", "", "required of every request; better in a file; without one only loopback and unix addresses are accepted", secretText{&s.adminToken}, ""},
		{"admin.token_file", "path", "file with the token; read again when it changes", text{&s.adminToken.file, printable}, ""},
		{"admin.pprof", "", "serve Go's profiles below /debug/pprof/ of the admin listener", boolean{&s.admin.Profiles}, ""},
	}
}

func alertKeys(s *settings) []key {
	return []key{
		{"alerts.webhook", "https://host/path", "told by POST of trouble and its end, see docs/alerts.md; empty = nobody is told", text{&s.alert.Webhook, printable}, ""},
		{"alerts.after", "", "how long the app, the store or Kafka must be down to be told", span{&s.alert.After, 0, 24 * time.Hour}, ""},
		{"alerts.secret", "whsec_ and base64", "signs requests to the webhook as Standard Webhooks says; better in a file", secretText{&s.alertSecret}, ""},
		{"alerts.secret_file", "path", "file with the secret; read again when it changes", text{&s.alertSecret.file, printable}, ""},
		{"alerts.allow_http", "", "let alerts.webhook be http on another host; alerts then cross the network in clear", boolean{&s.alert.AllowHTTP}, ""},
	}
}

func logKeys(s *settings) []key {
	return []key{
		{"log.level", "", "least severe level that is logged", choice{&s.logLevel, []string{"debug", "info", "warn", "error"}}, ""},
		{"log.format", "", "auto: text on a terminal, else JSON", choice{&s.logFormat, []string{"auto", "json", "text"}}, ""},
	}
}
