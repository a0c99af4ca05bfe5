package testenv

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// ZooKeeperServer is one Apache ZooKeeper server on 127.0.0.1, without authentication: for offsets that were kept there.
type ZooKeeperServer struct{ *server }

// ZooKeeper starts a server of the test's own and ends it with the test.
func ZooKeeper(t testing.TB) *ZooKeeperServer {
	t.Helper()
	z, err := newZooKeeper(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	z.t = t
	t.Cleanup(func() {
		z.printOnFailure(t)
		z.Kill()
	})
	return z
}

// newZooKeeper starts a server with its data in dir.
func newZooKeeper(dir string) (*ZooKeeperServer, error) {
	classpath, err := ZooKeeperClasspath()
	if err != nil {
		return nil, err
	}
	return inTries(func(try int) (*ZooKeeperServer, error) {
		z, err := prepareZooKeeper(filepath.Join(dir, fmt.Sprintf("zookeeper-%d", try)), classpath)
		if err != nil {
			return nil, err
		}
		return z, z.proc.startReady(startWithin, z.ready)
	})
}

// prepareZooKeeper writes the server's configuration; nothing is started.
func prepareZooKeeper(dir, classpath string) (*ZooKeeperServer, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "zoo.cfg")
	text := fmt.Sprintf("dataDir=%s\nclientPort=%d\nclientPortAddress=127.0.0.1\ntickTime=1000\nadmin.enableServer=false\n",
		filepath.Join(dir, "data"), ports[0])
	if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(config, []byte(text), 0o600)); err != nil {
		return nil, fmt.Errorf("prepare ZooKeeper: %w", err)
	}
	addr := loopback(ports[0])
	proc := &process{
		name: "zookeeper " + addr, output: filepath.Join(dir, "output.log"), dir: dir,
		argv: []string{
			"java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto",
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
			"-cp", classpath, "org.apache.zookeeper.server.ZooKeeperServerMain", config,
		},
	}
	return &ZooKeeperServer{&server{proc: proc, addr: addr, ready: func() error { return zooKeeperReady(addr) }}}, nil
}

// zooKeeperReady is nil when the server says that it serves.
func zooKeeperReady(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "srvr"); err != nil {
		return err
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return err
	}
	if !strings.Contains(string(answer), "Mode: standalone") {
		return fmt.Errorf("it answered %q", answer)
	}
	return nil
}

// forTest is the same server with failures reported to another test.
func (z *ZooKeeperServer) forTest(t testing.TB) *ZooKeeperServer {
	return &ZooKeeperServer{z.server.forTest(t)}
}
