package main

import (
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// Each kind reaches its reader with what the flags say, chroot and folder among it.
func TestOffsetsImportFromZooKeeper(t *testing.T) {
	addr, root := testenv.SharedZooKeeper(t).Addr(), "/"+testenv.Name(t, "root")
	conn, events, err := zk.Connect([]string{addr}, 10*time.Second, zk.WithLogInfo(false))
	require.NoError(t, err)
	defer func() {
		conn.Close()
		for range events { // until the client has ended
		}
	}()
	for _, node := range [][2]string{ // the znodes above come first
		{"", ""},
		{"/groups", ""},
		{"/groups/old", ""}, {"/groups/old/offsets", ""}, {"/groups/old/offsets/orders", ""},
		{"/groups/old/offsets/orders/0", "30"}, {"/groups/old/offsets/orders/1", "31"}, {"/groups/old/offsets/orders/2", "32"},
		{"/groups/spark", ""}, {"/groups/spark/newrate", "1"}, {"/groups/spark/offsets", ""}, {"/groups/spark/offsets/orders", ""},
		{"/groups/spark/offsets/orders/0", "40"}, {"/groups/spark/offsets/orders/1", "41"}, {"/groups/spark/offsets/orders/2", "42"},
		{"/job", "0:70,1:71,2:72"},
	} {
		_, err := conn.Create(root+node[0], []byte(node[1]), 0, zk.WorldACL(zk.PermAll))
		require.NoError(t, err, node[0])
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"30, 31 paused, 32", []string{"--from", "zookeeper", "--path", "/groups", "--group", "old"}},
		{"41, 42 paused, 43", []string{"--from", "dibbhatt", "--path", "/groups", "--group", "spark"}},
		{"70, 71 paused, 72", []string{"--from", "zk-string", "--path", "/job", "--topic", "orders"}},
	} {
		s := newOffsetsScene(t)
		s.must(append([]string{"import", "--zookeeper", addr + root, "--overwrite", "--execute"}, c.args...)...)
		require.Equal(t, c.want, s.standing(), "%v", c.args)
	}
	require.Contains(t, newOffsetsScene(t).refused("import", "--zookeeper", addr+root, "--from", "zookeeper", "--path", "/groups", "--group", "spark"), "use the kind dibbhatt")
}
