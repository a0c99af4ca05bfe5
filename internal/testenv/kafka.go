package testenv

import "testing"

// KafkaServer is one Apache Kafka broker, its own controller, without authentication.
type KafkaServer struct {
	*KafkaNode
	brokers
}

// KafkaOption changes the brokers' set-up.
type KafkaOption func(*kafkaSettings)

type kafkaSettings struct {
	properties map[string]string
	args       []string // of StorageTool format
	advertise  func(addr string) string
}

// KafkaProperty sets a line of server.properties.
func KafkaProperty(key, value string) KafkaOption {
	return func(s *kafkaSettings) { s.properties[key] = value }
}

// KafkaFormat adds arguments to the command that prepares the storage, for example --add-scram.
func KafkaFormat(args ...string) KafkaOption {
	return func(s *kafkaSettings) { s.args = append(s.args, args...) }
}

// KafkaAdvertise gives each broker a second listener for clients and has it advertise what fn returns for the listener's
// address: that of a proxy. Brokers among themselves and the methods here keep to the first listener. fn is called once for
// each broker, and again when a start is tried again on other ports.
func KafkaAdvertise(fn func(addr string) string) KafkaOption {
	return func(s *kafkaSettings) { s.advertise = fn }
}

// KafkaACL switches the authoriser on; whatever has no rule is allowed to everybody. See ForbidTopic.
func KafkaACL() KafkaOption {
	return func(s *kafkaSettings) {
		s.properties["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		s.properties["allow.everyone.if.no.acl.found"] = "true"
	}
}

// Kafka starts a broker of the test's own and ends it with the test. Topics are not created by
// themselves; consumer groups rebalance without delay and take session time-outs from 1 s.
func Kafka(t testing.TB, opts ...KafkaOption) *KafkaServer {
	t.Helper()
	c := KafkaNodes(t, 1, opts...)
	return &KafkaServer{KafkaNode: c.Nodes[0], brokers: c.brokers}
}

// newKafka starts a broker with its data in dir.
func newKafka(dir string, opts []KafkaOption) (*KafkaServer, error) {
	c, err := newKafkaCluster(dir, 1, opts)
	if err != nil {
		return nil, err
	}
	return &KafkaServer{KafkaNode: c.Nodes[0], brokers: c.brokers}, nil
}

// forTest is the same broker with failures reported to another test.
func (k *KafkaServer) forTest(t testing.TB) *KafkaServer {
	node, clients := *k.KafkaNode, k.brokers
	node.server, clients.t = k.server.forTest(t), t
	return &KafkaServer{KafkaNode: &node, brokers: clients}
}

// Tool runs a class of Kafka's command line, for example
// org.apache.kafka.tools.consumer.group.ConsumerGroupCommand, and returns its output.
func (k *KafkaServer) Tool(class string, args ...string) string {
	k.t.Helper()
	classpath, err := KafkaClasspath()
	if err != nil {
		k.t.Fatal(err)
	}
	out, err := runJava(classpath, append([]string{class}, args...)...)
	if err != nil {
		k.t.Fatal(err)
	}
	return out
}
