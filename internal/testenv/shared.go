package testenv

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

// shared holds the servers that all tests of one test binary use: the only state outside a test,
// because a server takes seconds to start. Main ends them.
var shared struct {
	sync.Mutex
	dir       string
	kafka     *KafkaServer
	consul    *ConsulServer
	postgres  *PostgresServer
	zookeeper *ZooKeeperServer
}

// Main runs the tests of a package, ends the shared servers and then fails when goroutines are left.
// It ends the process: `func TestMain(m *testing.M) { testenv.Main(m) }`.
func Main(m *testing.M, opts ...goleak.Option) {
	code := m.Run()
	stopShared()
	if code == 0 {
		if err := goleak.Find(opts...); err != nil {
			fmt.Fprintf(os.Stderr, "goroutines are left after the tests: %v\n", err)
			code = 1
		}
	}
	os.Exit(code)
}

// SharedKafka is one broker for all tests of the package, started by the first that asks. Tests keep
// apart by topic and group names (see Name) and do not stop it. The package's TestMain must call Main.
func SharedKafka(t testing.TB) *KafkaServer {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.kafka == nil {
		k, err := newKafka(sharedDir(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		shared.kafka = k
	}
	k := shared.kafka.forTest(t)
	t.Cleanup(func() { k.printOnFailure(t) })
	return k
}

// SharedConsul is one in-memory Consul server for all tests of the package, started by the first that
// asks. Tests keep apart by prefix or group (see Name) and do not stop it. The package's TestMain must call Main.
func SharedConsul(t testing.TB) *ConsulServer {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.consul == nil {
		c, err := newConsul(sharedDir(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		shared.consul = c
	}
	c := shared.consul.forTest(t)
	t.Cleanup(func() { c.printOnFailure(t) })
	return c
}

// SharedPostgres is one PostgreSQL server for all tests of the package, started by the first that asks. Tests keep
// apart by the names of their tables and do not stop it. The package's TestMain must call Main.
func SharedPostgres(t testing.TB) *PostgresServer {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.postgres == nil {
		p, err := StartPostgres()
		if err != nil {
			t.Fatal(err)
		}
		shared.postgres = p
	}
	p := &PostgresServer{server: shared.postgres.forTest(t), dir: shared.postgres.dir}
	t.Cleanup(func() { p.printOnFailure(t) })
	return p
}

// SharedZooKeeper is one ZooKeeper server for all tests of the package, started by the first that asks. Tests keep apart by
// group (see Name) and do not stop it. The package's TestMain must call Main.
func SharedZooKeeper(t testing.TB) *ZooKeeperServer {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.zookeeper == nil {
		z, err := newZooKeeper(sharedDir(t))
		if err != nil {
			t.Fatal(err)
		}
		shared.zookeeper = z
	}
	z := shared.zookeeper.forTest(t)
	t.Cleanup(func() { z.printOnFailure(t) })
	return z
}

// SharedDir is a folder for what the tests of the package make once; Main removes it.
func SharedDir(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	return sharedDir(t)
}

// sharedDir is called with the lock held.
func sharedDir(t testing.TB) string {
	if shared.dir == "" {
		dir, err := os.MkdirTemp("", "testenv-")
		if err != nil {
			t.Fatal(err)
		}
		shared.dir = dir
	}
	return shared.dir
}

func stopShared() {
	shared.Lock()
	defer shared.Unlock()
	if shared.kafka != nil {
		shared.kafka.Kill()
	}
	if shared.consul != nil {
		shared.consul.Kill()
	}
	if shared.postgres != nil {
		shared.postgres.Close()
	}
	if shared.zookeeper != nil {
		shared.zookeeper.Kill()
	}
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir) // a leftover in the temporary folder is no failure of a test
	}
}
