package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/pkg/relay"
)

// file writes a configuration file and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sidecar.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// use loads and finishes, as a command does.
func use(from sources) (*configuration, configError) {
	c, problems := load(from)
	return c, append(problems, c.finish()...)
}

func lines(problems configError) []string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// minimal is the least configuration that can be used.
const minimal = "group: billing\nkafka.topics: [orders]\n"

func TestMinimalConfiguration(t *testing.T) {
	c, problems := use(sources{file: file(t, minimal)})
	require.Empty(t, lines(problems))
	require.Empty(t, c.warnings)
	require.Equal(t, "billing", c.fetch.Group)
	require.Equal(t, "billing", c.consul.Group)
	require.Equal(t, "billing", c.file.Group)
	require.Equal(t, []string{"orders"}, c.fetch.Topics)
	require.NotEmpty(t, c.relay.HostName)
	require.Equal(t, 10*time.Second, c.fetch.MetadataInterval)
}

func TestWiredSettings(t *testing.T) {
	c, problems := use(sources{sets: []string{
		"group=g", "kafka.topics=a,b", "watch.interval=3s", "memory.max_bytes=64MiB", "batch.max_bytes=2MiB", "deliver.lanes=3",
		"offsets.consul.timeout=2s", "app.url=http://u:p@127.0.0.1:9/{topic}", "app.ready_url=http://127.0.0.1:9/ready", "assignment=all",
	}})
	require.Empty(t, lines(problems))
	require.Equal(t, 3*time.Second, c.fetch.MetadataInterval)
	require.EqualValues(t, 64<<20, c.fetch.MemoryBudget)
	require.Equal(t, 2<<20, c.deliver.MaxBytes)
	require.Equal(t, 3, c.deliver.Lanes)
	require.Equal(t, 2*time.Second, c.relay.StoreTimeout)
	require.True(t, c.relay.TopicInURL)
	require.True(t, c.relay.ReadyURLSet)
	require.Equal(t, "http://[redacted]@127.0.0.1:9/{topic}", c.relay.AppURL)
	require.False(t, c.relay.MirrorToKafka, "there is no group to mirror to")
}

func TestGoodValues(t *testing.T) {
	for _, c := range []struct {
		yaml string
		want func(c *configuration) any
		is   any
	}{
		{"kafka: {brokers: [a:1, \"[::1]:2\"]}", func(c *configuration) any { return c.fetch.Brokers }, []string{"a:1", "[::1]:2"}},
		{"kafka: {brokers: 'a:1, b:2'}", func(c *configuration) any { return c.fetch.Brokers }, []string{"a:1", "b:2"}},
		{"kafka: {sasl.mechanism: PLAIN, sasl: {username: u, password: p}}", func(c *configuration) any { return c.fetch.SASL.Username + c.fetch.SASL.Password() }, "up"},
		{"kafka:\nbatch:", func(c *configuration) any { return c.relay.MaxRecords }, 500},
		{"assignment: [2, 0]", func(c *configuration) any { return c.relay.Assignment }, relay.Assignment{Mode: "list", Partitions: []int32{2, 0}}},
		{"assignment: '[0,1]'", func(c *configuration) any { return c.relay.Assignment }, relay.Assignment{Mode: "list", Partitions: []int32{0, 1}}},
		{"assignment: all", func(c *configuration) any { return c.relay.Assignment }, relay.Assignment{Mode: "all"}},
		{"start: committed\nstart.fallback: earliest", func(c *configuration) any { return c.relay.Start }, relay.Start{Policy: "committed", Fallback: "earliest"}},
		{"start: 2024-11-24T10:00:00+01:00", func(c *configuration) any { return c.relay.Start.String() }, "2024-11-24T09:00:00Z"},
		{"start: {orders: {0: 23, '1': -2}}", func(c *configuration) any { return c.relay.Start.Map }, map[string]map[int32]int64{"orders": {0: 23, 1: -2}}},
		{`start: '{"orders":{"0":23,"1":-2}}'`, func(c *configuration) any { return c.relay.Start.Map }, map[string]map[int32]int64{"orders": {0: 23, 1: -2}}},
		{`start: {"orders":{"0":23,"1":-1}}`, func(c *configuration) any { return c.relay.Start.Map }, map[string]map[int32]int64{"orders": {0: 23, 1: -1}}},
		{"batch.max_bytes: 4096", func(c *configuration) any { return c.relay.MaxBytes }, 4096},
		{"batch.max_bytes: 64 KiB", func(c *configuration) any { return c.relay.MaxBytes }, 64 << 10},
		{"memory: {max_bytes: 2GiB}", func(c *configuration) any { return c.relay.MemoryMaxBytes }, int64(2 << 30)},
		{"commit: {interval: 0s}", func(c *configuration) any { return c.relay.CommitInterval }, time.Duration(0)},
		{"app: {url: 'unix:/run/app.sock:/batches'}", func(c *configuration) any { return c.deliver.URL }, "unix:/run/app.sock:/batches"},
		{"app: {url: 'http://10.1.2.3:80/b', allow_remote: true}", func(c *configuration) any { return len(c.warnings) }, 1},
		{"admin: {pprof: true}", func(c *configuration) any { return c.admin.Profiles }, true},
		{"admin: {listen: 'unix:/run/a.sock'}", func(c *configuration) any { return c.admin.AdminListen }, "unix:/run/a.sock"},
		{"admin: {listen: '0.0.0.0:7400', token: s}", func(c *configuration) any { return c.admin.Token() }, "s"},
	} {
		got, problems := use(sources{file: file(t, minimal+c.yaml+"\n")})
		require.Empty(t, lines(problems), c.yaml)
		require.Equal(t, c.is, c.want(got), c.yaml)
	}
}

func TestBadFiles(t *testing.T) {
	for _, c := range []struct{ yaml, says string }{
		{"deliver: {lane: 2}", "deliver.lane: unknown key, did you mean deliver.lanes? [sidecar.yaml:3]"},
		{"deliver: {timeout: 2s}", "deliver.timeout: unknown key, did you mean app.timeout or offsets.consul.timeout? [sidecar.yaml:3]"},
		{"zzz: 1", "zzz: unknown key; `sidecar config example` prints all of them [sidecar.yaml:3]"},
		{"kafk: {brokers: [a:1]}", "kafk: unknown key"},
		{"<<: {group: x}", "<<: unknown key"},
		{"group: other", "group: is set twice, first in line 1 [sidecar.yaml:3]"},
		{"kafka: {topics: [x]}", "kafka.topics: is set twice, first in line 2 [sidecar.yaml:3]"},
		{"kafka: [a]", "kafka: must be a map of settings"},
		{"deliver: 3", "deliver: must be a map of settings, such as drain: … [sidecar.yaml:3]"},
		{"? [a]\n: b", "has a key that is no text"},
		{"app: {timeout: 2h}", "app.timeout: must be at most 5m (got 2h) [sidecar.yaml:3]"},
		{"app: {timeout: 10}", "app.timeout: must be a duration such as 500ms, 30s or 5m (got 10)"},
		{"app: {timeout: }", "app.timeout: must be a duration such as 500ms, 30s or 5m (got nothing; leave the key out for the default)"},
		{"deliver: {lanes: -1}", "deliver.lanes: must be at least 1 (got -1)"},
		{"deliver: {lanes: 1.5}", "deliver.lanes: must be a whole number from 1 to 256 (got 1.5)"},
		{"batch: {max_bytes: 1MB}", "batch.max_bytes: must be a size such as 64KiB, 1MiB or 2GiB (got 1MB)"},
		{"batch: {max_bytes: 1GiB}", "batch.max_bytes: must be at most 64MiB (got 1GiB)"},
		{"batch: {max_bytes: 9999999TiB}", "batch.max_bytes: must be a size"},
		{"batch: {format: xml}", "batch.format: must be json or columns (got xml)"},
		{"offsets: {mirror_to_kafka: yes}", "offsets.mirror_to_kafka: must be true or false (got yes)"},
		{"kafka: {brokers: [nohost]}", "kafka.brokers: must be host:port with a port from 1 to 65535 (got nohost)"},
		{"kafka: {brokers: []}", "kafka.brokers: must not be empty"},
		{"kafka: {brokers: [a:1, a:1]}", "kafka.brokers: must not name one twice (got a:1 twice)"},
		{"kafka: {brokers: [{a: 1}]}", "kafka.brokers: must be a list of texts (got a map)"},
		{"start: never", "start: must be latest, earliest, committed, an RFC 3339 time or a map"},
		{"start: {}", "start: must name a topic (got an empty map)"},
		{"start: {orders: 5}", "start: must have a map of partitions for each topic"},
		{"start: {fallback: earliest}", "start.fallback is a key of its own"},
		{"start: {orders: {0: -3}}", "start: must have partition numbers and offsets from -2 on (at topic orders, partition 0)"},
		{"start: {orders: {0: 1, '0': 2}}", "start: must not name a partition twice"},
		{"start: {payments: {0: 1}}", "start: must name topics of kafka.topics only (got payments)"},
		{`start: '{"orders":'`, "start: must be latest"},
		{"start.fallback: earliest", "start.fallback: has no effect unless start is committed"},
		{"assignment: none", "assignment: must be group, all or a list of partitions such as [0,1,2] (got none)"},
		{"assignment: [0, 0]", "assignment: must not name a partition twice (got 0 twice)"},
		{"assignment: [-1]", "assignment: must be group, all or a list"},
		{"assignment: []", "assignment: must not be an empty list"},
		{"deliver: {drain: 59s}", "deliver.drain: must be below kafka.rebalance_timeout - 5s - offsets.consul.timeout = 50s (got 59s) [sidecar.yaml:3]"},
		{"kafka: {rebalance_timeout: 30s}", "deliver.drain: must be below kafka.rebalance_timeout - 5s - offsets.consul.timeout = 20s (got 20s)"},
		{"kafka: {instance_id: a, group_protocol: consumer}", "kafka.instance_id: must be empty with kafka.group_protocol: consumer (got a)"},
		{"assignment: all\noffsets: {mirror_to_kafka: true}", "offsets.mirror_to_kafka: must be false unless assignment is group"},
		{"batch: {min_records: 10}", "batch.max_wait: must be above 0s when batch.min_records is above 1"},
		{"batch: {min_records: 501, max_wait: 1s}", "batch.min_records: must be at most batch.max_records = 500 (got 501)"},
		{"batch: {max_bytes: 2MiB}\nmemory: {max_bytes: 1MiB}", "batch.max_bytes: must be at most memory.max_bytes = 1MiB (got 2MiB)"},
		{"retry: {min: 31s}", "retry.min: must be at most retry.max = 30s (got 31s)"},
		{"dead_letter: {topic: 'x/{topic}'}", "dead_letter.topic: must be a legal topic name in which only {topic} and {group} expand"},
		{"dead_letter: {topic: 'd.{partition}'}", "dead_letter.topic: must be a legal topic name"},
		{"dead_letter: {policy: topic, topic: orders}", "dead_letter.topic: must not be one of kafka.topics (got orders for orders)"},
		{"offsets: {prefix: /a}", "offsets.prefix: must be 1 to 200 bytes"},
		{"offsets: {prefix: a/../b}", "offsets.prefix: must be 1 to 200 bytes"},
		{"offsets: {prefix: a//b}", "offsets.prefix: must be 1 to 200 bytes"},
		{"app: {url: 'https://127.0.0.1/x'}", "app.url: must be http://host:port/path or unix:/socket:/path (got https://127.0.0.1/x)"},
		{"app: {url: 'http://127.0.0.1:0/x'}", "app.url: port must be 1 to 65535 (got 0) [sidecar.yaml:3]"},
		{"app: {url: 'http://10.0.0.1:80/x'}", "app.url: must be on this host (127.0.0.1, ::1, localhost or unix:) unless app.allow_remote is true (got host 10.0.0.1)"},
		{"app: {url: 'http://localhost@10.0.0.1:80/x'}", "(got host 10.0.0.1)"},
		{"app: {ready_url: 'http://example.com/x'}", "app.ready_url: must be on this host"},
		{"app: {token: a, token_file: /b}", "app.token_file: is set as well as the secret itself: keep one [sidecar.yaml:3]"},
		{"app: {token_file: /does/not/exist}", "app.token_file: must be a readable file"},
		{"kafka: {sasl: {mechanism: PLAIN}}", "kafka.sasl.username: must be set with kafka.sasl.mechanism"},
		{"kafka: {sasl: {mechanism: PLAIN, username: u}}", "kafka.sasl.password_file: must be set"},
		{"kafka: {sasl: {username: u}}", "kafka.sasl.mechanism: must be set"},
		{"kafka: {sasl: {mechanism: GSSAPI}}", "kafka.sasl.mechanism: must be empty, PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512 (got GSSAPI)"},
		{"kafka: {tls: {ca_file: /x}}", "kafka.tls.ca_file: has no effect: set kafka.tls.enabled to true as well"},
		{"kafka: {tls: {enabled: true, ca_file: /does/not/exist}}", "kafka.tls.ca_file: must be a readable file"},
		{"kafka: {tls: {enabled: true, cert_file: /x}}", "kafka.tls.cert_file: must be set together with kafka.tls.key_file"},
		{"offsets: {consul: {tls: {server_name: x}}}", "offsets.consul.tls.server_name: has no effect"},
		{"admin: {listen: ':7400'}", "admin.listen: :7400 is reachable from other hosts: set admin.token_file, or listen on 127.0.0.1 or unix:/path"},
		{"admin: {listen: 'unix:'}", "admin.listen: must be unix: and a path"},
		{"alerts: {webhook: 'http://example.com/x'}", "alerts.webhook: must be https, or http to this host, unless alerts.allow_http is true [sidecar.yaml:3]"},
		{"alerts: {webhook: 'https://example.com/x', secret: s3cret}", "alerts.secret: must be whsec_ followed by base64"},
		{"alerts: {webhook: 'https://example.com/x', secret_file: /does/not/exist}", "alerts.secret_file: must be a readable file"},
		{"alerts: {secret: s3cret}", "alerts.webhook: must be set with alerts.secret_file"},
		{"metrics: {listen: '7401'}", "metrics.listen: must be host:port or :port"},
		{"log: {level: loud}", "log.level: must be debug, info, warn or error (got loud)"},
		{"--- \na: 1", "must hold one YAML document"},
		{"a: b: c", "is no valid YAML"},
		{"\t", "is no valid YAML"},
	} {
		_, problems := use(sources{file: file(t, minimal+c.yaml+"\n")})
		require.Contains(t, strings.Join(lines(problems), "\n"), c.says, c.yaml)
	}
	for text, says := range map[string]string{"[a]": "must be a map of settings", "a": "must be a map of settings", "": "group: is required", "# nothing": "kafka.topics: is required"} {
		_, problems := use(sources{file: file(t, text)})
		require.Contains(t, strings.Join(lines(problems), "\n"), says, text)
	}
	_, problems := use(sources{file: "/does/not/exist"})
	require.Contains(t, strings.Join(lines(problems), "\n"), "read the configuration file")
}

func TestBadNames(t *testing.T) {
	for set, says := range map[string]string{
		"group=":                            "group: must not be empty",
		"group=a\nb":                        `group: must be at most 200 bytes of printable text (got "a\nb")`,
		"group=" + strings.Repeat("g", 201): "group: must be at most 200 bytes",
		"kafka.topics=a b":                  "kafka.topics: must be a legal topic name",
		"kafka.topics=..":                   "kafka.topics: must be a legal topic name",
		"kafka.topics=a,a":                  "kafka.topics: must not name one twice",
		"kafka.topics=":                     "kafka.topics: must not be empty",
		"kafka.topics=" + strings.Repeat("t", 250): "kafka.topics: must be a legal topic name",
		"kafka.topic=a": "kafka.topic: unknown key, did you mean kafka.topics? [--set]",
		"group":         "--set must be path=value",
	} {
		_, problems := use(sources{sets: []string{"group=g", "kafka.topics=t", set}})
		require.Contains(t, strings.Join(lines(problems), "\n"), says, set)
	}
}

// TestEveryKey gives every key a value of the wrong type and, where it has bounds, values beyond them.
func TestEveryKey(t *testing.T) {
	for _, k := range keys(defaults()) {
		wrong := []string{"{a: {b: {c: d}}}", "[[a]]", "~", `"\u0000"`}
		switch c := k.codec.(type) {
		case span:
			wrong = append(wrong, "abc", "5", (c.least - 1).String(), (c.most + 1).String())
		case number:
			wrong = append(wrong, "abc", "1s", fmt.Sprint(c.least-1), fmt.Sprint(c.most+1), "99999999999999999999")
		case size[int]:
			wrong = append(wrong, "abc", "1s", fmt.Sprint(c.least-1), fmt.Sprint(c.most+1))
		case size[int64]:
			wrong = append(wrong, "abc", "1s", fmt.Sprint(c.least-1), fmt.Sprint(c.most+1))
		case boolean:
			wrong = append(wrong, "on", "1", "True")
		case choice:
			wrong = append(wrong, "nonsense", strings.ToUpper(c.of[len(c.of)-1])+"x")
		}
		for _, value := range wrong {
			_, problems := load(sources{file: file(t, k.path+": "+value+"\n")})
			require.Len(t, problems, 1, "%s: %s", k.path, value)
			require.Equal(t, k.path, problems[0].path)
			require.Equal(t, "sidecar.yaml:1", problems[0].place)
			require.Regexp(t, `^must `, problems[0].text)
		}
	}
}

func TestTheTableOfKeys(t *testing.T) {
	seen := map[string]string{}
	for _, k := range keys(defaults()) {
		require.NotEmpty(t, k.doc, k.path)
		require.Empty(t, seen[k.env()], "%s has the variable of another key", k.path)
		seen[k.env()] = k.path
		require.Regexp(t, `^SIDECAR_[A-Z_]+$`, k.env())
		require.NotEqual(t, envConfig, k.env())
		require.False(t, serviceLink.MatchString(k.env()), k.env())
	}
}

func TestPrecedence(t *testing.T) {
	path := file(t, minimal+"deliver: {lanes: 2}\nbatch: {max_records: 20, format: columns}\n")
	c, problems := use(sources{
		file:    path,
		environ: []string{"SIDECAR_DELIVER_LANES=3", "SIDECAR_BATCH_MAX_RECORDS=30", "SIDECAR_KAFKA_BROKERS=a:1,b:2", "PATH=/bin"},
		sets:    []string{"deliver.lanes=4", "deliver.lanes=5"},
	})
	require.Empty(t, lines(problems))
	require.Equal(t, 5, c.relay.Lanes, "a flag beats a variable, the last flag the ones before")
	require.Equal(t, 30, c.relay.MaxRecords, "a variable beats the file")
	require.Equal(t, "columns", c.deliver.Format, "the file beats the default")
	require.Equal(t, []string{"a:1", "b:2"}, c.fetch.Brokers)
	require.Equal(t, 10, c.relay.MaxAttempts)
	require.Equal(t, "--set", c.origin["deliver.lanes"])
	require.Equal(t, "SIDECAR_BATCH_MAX_RECORDS", c.origin["batch.max_records"])
	require.Equal(t, "sidecar.yaml:4", c.origin["batch.format"])

	c, problems = use(sources{environ: []string{"SIDECAR_CONFIG=" + path}})
	require.Empty(t, lines(problems))
	require.Equal(t, 2, c.relay.Lanes)
	c, problems = use(sources{file: path, environ: []string{"SIDECAR_CONFIG=/does/not/exist"}})
	require.Empty(t, lines(problems), "--config beats SIDECAR_CONFIG")
	require.Equal(t, 2, c.relay.Lanes)
}

func TestEnvironment(t *testing.T) {
	_, problems := use(sources{environ: []string{"SIDECAR_GROUP=g", "SIDECAR_KAFKA_TOPICS=t", "SIDECAR_DELIVER_LANE=1", "SIDECAR_APP_TIMEOUT=2h"}})
	require.Equal(t, []string{
		"SIDECAR_DELIVER_LANE: unknown variable, did you mean SIDECAR_DELIVER_LANES?",
		"app.timeout: must be at most 5m (got 2h) [SIDECAR_APP_TIMEOUT]",
	}, lines(problems))
	_, problems = use(sources{environ: []string{
		"SIDECAR_GROUP=g", "SIDECAR_KAFKA_TOPICS=t", "SIDECAR_START={\"t\":{\"0\":5}}", "SIDECAR_ASSIGNMENT=0,1",
		// A Service named sidecar in the namespace.
		"SIDECAR_SERVICE_HOST=10.0.0.1", "SIDECAR_SERVICE_PORT=80", "SIDECAR_SERVICE_PORT_HTTP=80", "SIDECAR_PORT=tcp://10.0.0.1:80",
		"SIDECAR_PORT_80_TCP=tcp://10.0.0.1:80", "SIDECAR_PORT_80_TCP_ADDR=10.0.0.1",
	}})
	require.Empty(t, lines(problems))
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, problems := use(sources{sets: []string{"deliver.lanes=0", "start=never", "nonsense=1"}})
	require.Len(t, problems, 5, "%v", lines(problems))
	require.Equal(t, 6, len(strings.Split(problems.Error(), "\n")))
}

func TestExampleLoadsAndEqualsTheDefaults(t *testing.T) {
	var b bytes.Buffer
	writeExample(&b)
	c, problems := use(sources{file: file(t, b.String())})
	require.Empty(t, lines(problems))
	require.Len(t, c.origin, len(c.keys), "every key is in it")
	plain, problems := use(sources{file: file(t, minimal)})
	require.Empty(t, lines(problems))
	require.True(t, reflect.DeepEqual(plain.settings, c.settings), "%+v\n%+v", plain.settings, c.settings)
}

func TestShow(t *testing.T) {
	c, problems := use(sources{
		file:    file(t, minimal+"app.token: hunter2\nstart: {orders: {1: 5, 0: -2}}\noffsets.consul.address: http://me:hunter2@127.0.0.1:8500\n"),
		sets:    []string{"kafka.sasl.password=hunter2", "kafka.sasl.mechanism=SCRAM-SHA-256", "kafka.sasl.username=u", "app.url=http://me:hunter2@127.0.0.1/x", "admin.token=hunter2", "assignment=[2,0]"},
		environ: []string{"SIDECAR_OFFSETS_CONSUL_TOKEN=hunter2"},
	})
	require.Empty(t, lines(problems))
	var b bytes.Buffer
	writeShow(&b, c)
	out := b.String()
	require.NotContains(t, out, "hunter2")
	require.NotContains(t, strings.Join(c.warnings, ""), "hunter2")
	for _, want := range []string{
		`(?m)^app.token: "\[redacted\]" +# sidecar.yaml:3$`,
		`(?m)^offsets.consul.token: "\[redacted\]" +# SIDECAR_OFFSETS_CONSUL_TOKEN$`,
		`(?m)^app.url: "http://\[redacted\]@127.0.0.1/x" +# --set$`,
		`(?m)^start: {"orders":{"0":-2,"1":5}} +# sidecar.yaml:4$`,
		`(?m)^assignment: \[2, 0\] +# --set$`,
		`(?m)^deliver.lanes: 1 +# default$`,
		`(?m)^kafka.rebalance_timeout: 60s +# default$`,
	} {
		require.Regexp(t, want, out)
	}
	again, problems := load(sources{file: file(t, out)})
	require.Empty(t, lines(problems), "the output is a configuration file")
	require.Equal(t, c.relay.Start, again.relay.Start)
	require.Len(t, again.origin, len(again.keys))
}

func TestProblemsDoNotShowSecrets(t *testing.T) {
	for _, set := range []string{
		"app.token=hunter2\n", "kafka.sasl.password=hunter2\x00", "app.url=https://me:hunter2@127.0.0.1/x", "app.url=http://me:hunter2@10.0.0.1/x",
		"app.url=http://me:hunter2@127.0.0.1:0/x", "app.url=http://me:hunt/er2@127.0.0.1/x", "app.ready_url=ftp://me:hunter2@h", "app.tokn=hunter2", "hunter2",
	} {
		_, problems := use(sources{sets: []string{"group=g", "kafka.topics=t", set}})
		require.NotEmpty(t, problems, set)
		require.NotContains(t, problems.Error(), "hunter2", set)
		require.NotContains(t, problems.Error(), "er2@", set)
	}
}

func TestWarnings(t *testing.T) {
	for set, says := range map[string]string{
		"deliver.drain=14s":                            "app.timeout (15s) is above deliver.drain (14s)",
		"shutdown.grace=14s":                           "app.timeout (15s) is above shutdown.grace (14s)",
		"kafka.tls.insecure_skip_verify=true":          "kafka.tls.insecure_skip_verify is true",
		"offsets.consul.tls.insecure_skip_verify=true": "offsets.consul.tls.insecure_skip_verify is true",
		"admin.token=s":                                "admin.token is on the command line",
		"app.url=http://10.0.0.1/x":                    "app.url is on another host (10.0.0.1)",
		"alerts.webhook=http://10.0.0.1/x":             "alerts.webhook is http on another host (10.0.0.1)",
		"kafka.sasl.mechanism=PLAIN":                   "kafka.sasl.mechanism is PLAIN without kafka.tls.enabled",
	} {
		sets := []string{"group=g", "kafka.topics=t", set}
		switch {
		case strings.Contains(set, "tls"):
			sets = append(sets, strings.Split(set, ".insecure")[0]+".enabled=true")
		case strings.Contains(set, "app.url"):
			sets = append(sets, "app.allow_remote=true")
		case strings.Contains(set, "webhook"):
			sets = append(sets, "alerts.allow_http=true")
		case strings.Contains(set, "sasl"):
			path := filepath.Join(t.TempDir(), "password")
			require.NoError(t, os.WriteFile(path, []byte("p\n"), 0o600))
			sets = append(sets, "kafka.sasl.username=u", "kafka.sasl.password_file="+path)
		}
		c, problems := use(sources{sets: sets})
		require.Empty(t, lines(problems), set)
		require.Len(t, c.warnings, 1, "%v", c.warnings)
		require.Contains(t, c.warnings[0], says)
	}
}
