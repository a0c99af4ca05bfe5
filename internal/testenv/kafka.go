package testenv

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// KafkaServer is one Apache Kafka broker, its own controller, without authentication.
type KafkaServer struct {
	*server
	classpath string
}

// KafkaOption changes the broker's set-up.
type KafkaOption func(*kafkaSettings)

type kafkaSettings struct {
	properties map[string]string
	args       []string // of StorageTool format
}

// KafkaProperty sets a line of server.properties.
func KafkaProperty(key, value string) KafkaOption {
	return func(s *kafkaSettings) { s.properties[key] = value }
}

// KafkaFormat adds arguments to the command that prepares the storage, for example --add-scram.
func KafkaFormat(args ...string) KafkaOption {
	return func(s *kafkaSettings) { s.args = append(s.args, args...) }
}

// Kafka starts a broker of the test's own and ends it with the test. Topics are not created by
// themselves; consumer groups rebalance without delay and take session time-outs from 1 s.
func Kafka(t testing.TB, opts ...KafkaOption) *KafkaServer {
	t.Helper()
	k, err := newKafka(t.TempDir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	k.server.t = t
	t.Cleanup(func() {
		k.printOnFailure(t)
		k.Kill()
	})
	return k
}

// newKafka starts a broker with its data in dir.
func newKafka(dir string, opts []KafkaOption) (*KafkaServer, error) {
	classpath, err := KafkaClasspath()
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("java"); err != nil {
		return nil, fmt.Errorf("start Kafka: no java on PATH (17 or newer): %w", err)
	}
	var failures []error
	for try := range startTries {
		k, err := tryKafka(filepath.Join(dir, fmt.Sprintf("kafka-%d", try)), classpath, opts)
		if err == nil {
			return k, nil
		}
		failures = append(failures, err)
	}
	return nil, errors.Join(failures...)
}

func tryKafka(dir, classpath string, opts []KafkaOption) (*KafkaServer, error) {
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	settings := kafkaSettings{properties: kafkaProperties(ports[0], ports[1], filepath.Join(dir, "data"))}
	for _, o := range opts {
		o(&settings)
	}
	if err := writeKafkaFiles(dir, settings.properties); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "server.properties")
	format := append([]string{"kafka.tools.StorageTool", "format", "--standalone", "-t", clusterID(), "-c", config}, settings.args...)
	if _, err := runJava(classpath, format...); err != nil {
		return nil, err
	}
	addr := loopback(ports[0])
	proc := &process{
		name: "kafka " + addr, output: filepath.Join(dir, "output.log"), dir: dir,
		argv: []string{
			"java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
			"-Dlog4j2.configurationFile=" + filepath.Join(dir, "log4j2.properties"),
			"-cp", classpath, "kafka.Kafka", config,
		},
	}
	s := &server{proc: proc, addr: addr, ready: func() error { return kafkaReady(addr) }}
	if err := proc.startReady(startWithin, s.ready); err != nil {
		return nil, err
	}
	return &KafkaServer{server: s, classpath: classpath}, nil
}

func kafkaProperties(port, controller int, data string) map[string]string {
	return map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          "1",
		"controller.quorum.bootstrap.servers":              loopback(controller),
		"listeners":                                        "PLAINTEXT://" + loopback(port) + ",CONTROLLER://" + loopback(controller),
		"advertised.listeners":                             "PLAINTEXT://" + loopback(port),
		"controller.listener.names":                        "CONTROLLER",
		"log.dirs":                                         data,
		"offsets.topic.replication.factor":                 "1",
		"offsets.topic.num.partitions":                     "4",
		"transaction.state.log.replication.factor":         "1",
		"transaction.state.log.min.isr":                    "1",
		"transaction.state.log.num.partitions":             "4",
		"share.coordinator.state.topic.replication.factor": "1",
		"share.coordinator.state.topic.min.isr":            "1",
		"group.initial.rebalance.delay.ms":                 "0",
		"group.min.session.timeout.ms":                     "1000",
		"group.consumer.min.session.timeout.ms":            "1000",
		"group.consumer.min.heartbeat.interval.ms":         "500",
		"auto.create.topics.enable":                        "false",
		// After a kill the broker may register again only when its old session is over.
		"broker.session.timeout.ms":    "6000",
		"broker.heartbeat.interval.ms": "500",
	}
}

const log4j2Properties = `rootLogger.level = WARN
rootLogger.appenderRef.console.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
`

func writeKafkaFiles(dir string, properties map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("prepare Kafka: %w", err)
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&b, "%s=%s\n", key, properties[key])
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "server.properties"), []byte(b.String()), 0o600),
		os.WriteFile(filepath.Join(dir, "log4j2.properties"), []byte(log4j2Properties), 0o600),
	)
}

// clusterID is a random id as Kafka prints them. The first bits are cleared because the command line
// takes a leading '-' for an option.
func clusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	id[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// runJava runs a class of Kafka's command line to its end and returns its output.
func runJava(classpath string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	argv := append([]string{"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", classpath}, args...)
	cmd := exec.CommandContext(ctx, "java", argv...)
	cmd.SysProcAttr = sysProcAttr()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("run %s: %w\n%s", args[0], err, out)
	}
	return string(out), nil
}

// kafkaReady is nil when the broker serves: it is registered and unfenced.
func kafkaReady(addr string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RequestRetries(0), kgo.DialTimeout(time.Second))
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{}
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if len(resp.Brokers) == 0 {
		return errors.New("the broker is not registered yet")
	}
	return nil
}

// Tool runs a class of Kafka's command line, for example
// org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, and returns its output.
func (k *KafkaServer) Tool(class string, args ...string) string {
	k.t.Helper()
	out, err := runJava(k.classpath, append([]string{class}, args...)...)
	if err != nil {
		k.t.Fatal(err)
	}
	return out
}
