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
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// KafkaNode is one broker of a cluster, which is a controller as well.
type KafkaNode struct {
	*server
	ID     int32 // node.id, from 1
	client string
}

// ClientAddr is the address the broker advertises to clients: that of KafkaAdvertise, else Addr.
func (n *KafkaNode) ClientAddr() string { return n.client }

// kafkaPorts are those of one node.
type kafkaPorts struct{ broker, client, controller int }

// prepareKafkaNode writes the files of a node and formats its storage; nothing is started.
func prepareKafkaNode(dir, classpath, cluster string, id int32, ports []kafkaPorts, opts []KafkaOption) (*KafkaNode, error) {
	mine := ports[id-1]
	settings := kafkaSettings{properties: kafkaProperties(id, ports, filepath.Join(dir, "data"))}
	for _, o := range opts {
		o(&settings)
	}
	addr := loopback(mine.broker)
	n := &KafkaNode{ID: id, client: addr}
	if settings.advertise != nil {
		n.client = settings.advertise(loopback(mine.client))
		maps.Copy(settings.properties, clientListener(mine, n.client))
	}
	if err := writeKafkaFiles(dir, settings.properties); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "server.properties")
	format := append([]string{"kafka.tools.StorageTool", "format", "-t", cluster, "-c", config}, settings.args...)
	if _, err := runJava(classpath, format...); err != nil {
		return nil, err
	}
	proc := &process{
		name: fmt.Sprintf("kafka %d %s", id, addr), output: filepath.Join(dir, "output.log"), dir: dir,
		argv: []string{
			"java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
			"-Dlog4j2.configurationFile=" + filepath.Join(dir, "log4j2.properties"),
			"-cp", classpath, "kafka.Kafka", config,
		},
	}
	n.server = &server{proc: proc, addr: addr, ready: func() error { return kafkaReady(addr, id) }}
	return n, nil
}

// kafkaProperties are those of one node; its ports are ports[id-1].
func kafkaProperties(id int32, ports []kafkaPorts, data string) map[string]string {
	mine := ports[id-1]
	voters := make([]string, len(ports))
	for i, p := range ports {
		voters[i] = fmt.Sprintf("%d@%s", i+1, loopback(p.controller))
	}
	replicas, inSync := strconv.Itoa(len(ports)), strconv.Itoa(len(ports)/2+1)
	return map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          strconv.Itoa(int(id)),
		"controller.quorum.voters":                         strings.Join(voters, ","),
		"listeners":                                        "PLAINTEXT://" + loopback(mine.broker) + ",CONTROLLER://" + loopback(mine.controller),
		"advertised.listeners":                             "PLAINTEXT://" + loopback(mine.broker),
		"controller.listener.names":                        "CONTROLLER",
		"log.dirs":                                         data,
		"min.insync.replicas":                              inSync,
		"offsets.topic.replication.factor":                 replicas,
		"offsets.topic.num.partitions":                     strconv.Itoa(offsetsPartitions),
		"transaction.state.log.replication.factor":         replicas,
		"transaction.state.log.min.isr":                    inSync,
		"transaction.state.log.num.partitions":             "4",
		"share.coordinator.state.topic.replication.factor": replicas,
		"share.coordinator.state.topic.min.isr":            inSync,
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

// clientListener adds the listener of KafkaAdvertise. Brokers keep to the first one among themselves.
func clientListener(ports kafkaPorts, advertised string) map[string]string {
	direct := "PLAINTEXT://" + loopback(ports.broker)
	return map[string]string{
		"listeners":                      direct + ",CLIENT://" + loopback(ports.client) + ",CONTROLLER://" + loopback(ports.controller),
		"advertised.listeners":           direct + ",CLIENT://" + advertised,
		"listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"inter.broker.listener.name":     "PLAINTEXT",
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
func kafkaReady(addr string, id int32) error {
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
	for _, b := range resp.Brokers {
		if b.NodeID == id {
			return nil
		}
	}
	return errors.New("the broker is not registered yet")
}
