package testenv

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// KafkaCluster is some Apache Kafka brokers that are their own controllers, without authentication. With three of them each
// topic has three replicas, and an acknowledged record is on two.
type KafkaCluster struct {
	Nodes []*KafkaNode
	brokers
}

// KafkaNodes starts n brokers (1 or 3) of the test's own and ends them with the test. See Kafka for their set-up.
func KafkaNodes(t testing.TB, n int, opts ...KafkaOption) *KafkaCluster {
	t.Helper()
	c, err := newKafkaCluster(t.TempDir(), n, opts)
	if err != nil {
		t.Fatal(err)
	}
	c.t = t
	for _, node := range c.Nodes {
		node.server.t = t
		t.Cleanup(func() {
			node.printOnFailure(t)
			node.Kill()
		})
	}
	return c
}

// newKafkaCluster starts n brokers with their data in dir.
func newKafkaCluster(dir string, n int, opts []KafkaOption) (*KafkaCluster, error) {
	classpath, err := KafkaClasspath()
	if err != nil {
		return nil, err
	}
	if _, err := exec.LookPath("java"); err != nil {
		return nil, fmt.Errorf("start Kafka: no java on PATH (17 or newer): %w", err)
	}
	return inTries(func(try int) (*KafkaCluster, error) {
		return tryKafkaCluster(filepath.Join(dir, fmt.Sprintf("kafka-%d", try)), classpath, n, opts)
	})
}

func tryKafkaCluster(dir, classpath string, n int, opts []KafkaOption) (*KafkaCluster, error) {
	free, err := freePorts(3 * n)
	if err != nil {
		return nil, err
	}
	ports := make([]kafkaPorts, n)
	for i := range ports {
		ports[i] = kafkaPorts{broker: free[3*i], client: free[3*i+1], controller: free[3*i+2]}
	}
	c := &KafkaCluster{Nodes: make([]*KafkaNode, n), brokers: brokers{replicas: int16(n)}}
	cluster := clusterID()
	for i := range c.Nodes {
		id := int32(i + 1)
		node, err := prepareKafkaNode(filepath.Join(dir, fmt.Sprint(id)), classpath, cluster, id, ports, opts)
		if err != nil {
			return nil, err
		}
		c.Nodes[i] = node
		c.seeds = append(c.seeds, node.addr)
	}
	return c, c.start()
}

func (c *KafkaCluster) start() error {
	servers := make([]*server, len(c.Nodes))
	for i, node := range c.Nodes {
		servers[i] = node.server
	}
	return startTogether(servers)
}

// Start starts every node that does not run, on the same ports and data, and waits until all of them serve. (A node alone
// waits in its own Start for a majority of the controllers.)
func (c *KafkaCluster) Start() {
	c.t.Helper()
	if err := c.start(); err != nil {
		c.t.Fatal(err)
	}
}

// Node is the one with this id.
func (c *KafkaCluster) Node(id int32) *KafkaNode { return c.Nodes[id-1] }

// Addrs are the addresses of all nodes, as Addr of each.
func (c *KafkaCluster) Addrs() []string { return c.seeds }

// ClientAddrs are the addresses that the nodes advertise to clients.
func (c *KafkaCluster) ClientAddrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.ClientAddr()
	}
	return addrs
}
