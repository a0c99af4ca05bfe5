package imports

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/stretchr/testify/require"

	"github.com/kafka-sidecar/kafka-sidecar/internal/testenv"
)

// keeper is a real ZooKeeper with a place of the test's own, where a consumer writes.
type keeper struct {
	t      *testing.T
	conn   *zk.Conn
	addr   string
	chroot string
}

func newKeeper(t *testing.T) *keeper {
	t.Helper()
	k := &keeper{t: t, addr: testenv.SharedZooKeeper(t).Addr(), chroot: "/" + testenv.Name(t, "root")}
	conn, events, err := zk.Connect([]string{k.addr}, 10*time.Second, zk.WithLogger(silent{}))
	require.NoError(t, err)
	t.Cleanup(func() {
		conn.Close()
		for range events { // until the client has ended
		}
	})
	k.conn = conn
	return k
}

// put writes a znode and what is above it.
func (k *keeper) put(path, value string) {
	k.t.Helper()
	path = k.chroot + path
	for i := 1; i < len(path); i++ {
		if path[i] == '/' {
			if _, err := k.conn.Create(path[:i], nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
				require.ErrorIs(k.t, err, zk.ErrNodeExists)
			}
		}
	}
	_, err := k.conn.Create(path, []byte(value), 0, zk.WorldACL(zk.PermAll))
	require.NoError(k.t, err, path)
}

func (k *keeper) read(s ZooKeeperSource) (Offsets, error) {
	k.t.Helper()
	s.Connect = k.addr + k.chroot
	ctx, cancel := context.WithTimeout(k.t.Context(), 20*time.Second)
	defer cancel()
	return ZooKeeper(ctx, s)
}

func TestZooKeeperHighLevel(t *testing.T) {
	k := newKeeper(t)
	k.put("/consumers/billing/offsets/orders/0", "23")
	k.put("/consumers/billing/offsets/orders/10", "0")
	k.put("/consumers/billing/offsets/payments/2", "9223372036854775807")
	k.put("/consumers/billing/owners/orders/0", "billing_host-1732430000000-3f2b1c9e-0")
	all := next{tp("orders", 0): 23, tp("orders", 10): 0, tp("payments", 2): 9223372036854775807}
	got, err := k.read(ZooKeeperSource{Kind: HighLevel, Group: "billing"})
	require.NoError(t, err)
	require.Equal(t, Offsets{Next: all}, got)

	got, err = k.read(ZooKeeperSource{Kind: HighLevel, Group: "billing", Topic: "payments"})
	require.NoError(t, err)
	require.Equal(t, next{tp("payments", 2): 9223372036854775807}, got.Next)

	_, err = k.read(ZooKeeperSource{Kind: Dibbhatt, Group: "billing"})
	require.ErrorContains(t, err, "/consumers/billing has no sign of dibbhatt's kafka-spark-consumer (ids/Receiver-*, newrate, processed): use the kind zookeeper")

	// A consumer that runs is registered; "Receiver" elsewhere than at the start of a name is no sign.
	k.put("/consumers/billing/ids/billing_Receiver-1-1732430000000-3f2b1c9e", `{"version":1}`)
	got, err = k.read(ZooKeeperSource{Kind: HighLevel, Group: "billing"})
	require.NoError(t, err)
	require.Equal(t, all, got.Next)
	require.Equal(t, []string{"/consumers/billing: consumers are registered (billing_Receiver-1-1732430000000-3f2b1c9e): stop them first, or the offsets move on"}, got.Notes)
}

// The sign of kafka-spark-consumer is enough, wherever it is: its offsets are one behind those of the others.
func TestZooKeeperDibbhatt(t *testing.T) {
	for name, sign := range map[string]string{
		"ids": "/ids/Receiver-0", "ids by topic": "/ids/orders/Receiver-12", "rate": "/newrate",
	} {
		t.Run(name, func(t *testing.T) {
			k := newKeeper(t)
			k.put("/consumers/billing/offsets/orders/0", "23")
			k.put("/consumers/billing/offsets/orders/1", "0")
			k.put("/consumers/billing"+sign, "1")
			got, err := k.read(ZooKeeperSource{Kind: Dibbhatt, Group: "billing"})
			require.NoError(t, err)
			require.Equal(t, Offsets{Next: next{tp("orders", 0): 24, tp("orders", 1): 1}}, got)

			_, err = k.read(ZooKeeperSource{Kind: HighLevel, Group: "billing"})
			require.ErrorContains(t, err, "/consumers/billing was written by dibbhatt's kafka-spark-consumer (/consumers/billing"+sign+"), which keeps the last processed offset: use the kind dibbhatt")

			k.put("/consumers/billing/offsets/orders/2", "9223372036854775807")
			_, err = k.read(ZooKeeperSource{Kind: Dibbhatt, Group: "billing"})
			require.ErrorContains(t, err, "/consumers/billing/offsets/orders/2: 9223372036854775807 is the largest offset there is")
		})
	}
}

// Older versions write what they have fetched, the next offset, to offsets/, and what is processed beside it.
func TestZooKeeperOlderDibbhatt(t *testing.T) {
	k := newKeeper(t)
	k.put("/spark/billing/offsets/orders/0", "90")
	k.put("/spark/billing/offsets/orders/1", "91") // fetched, nothing processed: not known
	k.put("/spark/billing/processed/orders/0", "23")
	got, err := k.read(ZooKeeperSource{Kind: Dibbhatt, Group: "billing", Path: "/spark/"})
	require.NoError(t, err)
	require.Equal(t, next{tp("orders", 0): 24}, got.Next)
	require.Len(t, got.Notes, 1)
	require.Contains(t, got.Notes[0], "/spark/billing: an older kafka-spark-consumer wrote it: what it processed is in processed/")
	_, err = k.read(ZooKeeperSource{Kind: HighLevel, Group: "billing", Path: "/spark"})
	require.ErrorContains(t, err, "use the kind dibbhatt")
}

func TestZooKeeperString(t *testing.T) {
	k := newKeeper(t)
	for i, text := range []string{"0:123,1:456", " 0:123 , 1:456\n"} {
		path := fmt.Sprintf("/streaming/offsets-%d", i)
		k.put(path, text)
		got, err := k.read(ZooKeeperSource{Kind: ZKString, Path: path + "/", Topic: "orders"})
		require.NoError(t, err)
		require.Equal(t, Offsets{Next: next{tp("orders", 0): 123, tp("orders", 1): 456}}, got)
	}
	for text, message := range map[string]string{
		"":                       " is empty",
		" ":                      " is empty",
		"0:123,":                 "entry 2: `` instead of partition:offset",
		"0:123,1":                "entry 2: `1` instead of partition:offset",
		"0:123,1:":               "entry 2: `` is no offset",
		"0:123,0:124":            "entry 2: orders/0 is there twice, with 123 and 124",
		"0:-1":                   "entry 1: `-1` is no offset: a whole number from 0",
		"0:9223372036854775808":  "entry 1: `9223372036854775808` is no offset",
		"-1:5":                   "entry 1: `-1` is no partition",
		"orders:0:5":             "entry 1: `orders` is no partition",
		"0:1:2":                  "entry 1: `1:2` is no offset",
		"123":                    "entry 1: `123` instead of partition:offset",
		"0:" + manyNines(900000): "999`… (900000 bytes) is no offset",
	} {
		path := "/bad/" + testenv.Name(t, "znode")
		k.put(path, text)
		_, err := k.read(ZooKeeperSource{Kind: ZKString, Path: path, Topic: "orders"})
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, message)
		require.Less(t, len(err.Error()), 400)
	}
}

func manyNines(n int) string { return strings.Repeat("9", n) }

func TestZooKeeperRefusesWhatItFinds(t *testing.T) {
	k := newKeeper(t)
	k.put("/consumers/mail/offsets/news/0", "1")
	k.put("/consumers/idle/owners/news", "")
	for i, bad := range []struct{ path, value, message string }{
		{"/offsets/orders/0", "", "/offsets/orders/0 is empty"},
		{"/offsets/orders/0", "twelve", "/offsets/orders/0: `twelve` is no offset"},
		{"/offsets/orders/0", "-1", "/offsets/orders/0: `-1` is no offset"},
		{"/offsets/orders/0", "9223372036854775808", "`9223372036854775808` is no offset"},
		{"/offsets/orders/0", `{"offset":12}`, "/offsets/orders/0: `{\"offset\":12}` is no offset"},
		{"/offsets/orders/zero", "12", "/offsets/orders: `zero` is no partition"},
		{"/offsets/or ders/0", "12", "/offsets: `or ders` is no name of a topic"},
	} {
		group := "bad-" + strconv.Itoa(i)
		k.put("/consumers/"+group+bad.path, bad.value)
		_, err := k.read(ZooKeeperSource{Kind: HighLevel, Group: group})
		require.ErrorContains(t, err, "/consumers/"+group+"/offsets")
		require.ErrorContains(t, err, bad.message)
	}
	for _, tc := range []struct {
		source  ZooKeeperSource
		message string
	}{
		{ZooKeeperSource{Kind: HighLevel, Group: "billing"}, "/consumers has no group `billing`, but bad-0, bad-1, bad-2, bad-3, bad-4, bad-5, bad-6, idle, mail"},
		{ZooKeeperSource{Kind: HighLevel, Group: "mail", Topic: "orders"}, "/consumers/mail/offsets has no topic `orders`, but news"},
		{ZooKeeperSource{Kind: HighLevel, Group: "idle"}, "/consumers/idle/offsets does not exist in ZooKeeper: the group has committed nothing there"},
		{ZooKeeperSource{Kind: HighLevel, Group: "mail", Path: "/kafka/consumers"}, "/kafka/consumers does not exist in ZooKeeper: is the chroot or the path right?"},
		{ZooKeeperSource{Kind: ZKString, Path: "/nowhere", Topic: "orders"}, "/nowhere does not exist in ZooKeeper"},
	} {
		_, err := k.read(tc.source)
		require.ErrorContains(t, err, tc.message)
	}
}

func TestZooKeeperACL(t *testing.T) {
	k := newKeeper(t)
	k.put("/consumers/billing/offsets/orders/0", "12")
	_, err := k.conn.SetACL(k.chroot+"/consumers/billing/offsets/orders/0", zk.DigestACL(zk.PermAll, "user", "secret"), -1)
	require.NoError(t, err)
	_, err = k.read(ZooKeeperSource{Kind: HighLevel, Group: "billing"})
	require.ErrorIs(t, err, zk.ErrNoAuth)
	require.ErrorContains(t, err, "/consumers/billing/offsets/orders/0 from ZooKeeper: its ACL does not let everybody read")
}

func TestZooKeeperSourceIsChecked(t *testing.T) {
	for message, source := range map[string]ZooKeeperSource{
		"the kind must be zookeeper, dibbhatt or zk-string (got `kafka`)":          {Connect: "h", Kind: "kafka"},
		"zookeeper needs the name of the group (got ``)":                           {Connect: "h", Kind: HighLevel},
		"dibbhatt needs the name of the group (got `a/b`)":                         {Connect: "h", Kind: Dibbhatt, Group: "a/b"},
		"zk-string needs the path of the znode and the topic (got `/a` and ``)":    {Connect: "h", Kind: ZKString, Path: "/a"},
		"`a b` is no name of a topic":                                              {Connect: "h", Kind: HighLevel, Group: "g", Topic: "a b"},
		"the path must begin with / (got `consumers`)":                             {Connect: "h", Kind: HighLevel, Group: "g", Path: "consumers"},
		"must be host:port[,host:port…][/chroot] (got ``)":                         {Kind: HighLevel, Group: "g"},
		"must be host:port[,host:port…][/chroot] (got `h:1,,i:2`)":                 {Connect: "h:1,,i:2", Kind: HighLevel, Group: "g"},
		"must be host:port[,host:port…][/chroot] (got `/kafka`)":                   {Connect: "/kafka", Kind: HighLevel, Group: "g"},
		"connect to ZooKeeper (no-such-host.invalid:2181): lookup no-such-host.in": {Connect: "no-such-host.invalid:2181", Kind: HighLevel, Group: "g"},
	} {
		_, err := ZooKeeper(t.Context(), source)
		require.ErrorContains(t, err, message)
	}
}

func TestZooKeeperIsAway(t *testing.T) {
	nobody := testenv.FreeAddr(t)
	_, err := ZooKeeper(t.Context(), ZooKeeperSource{Connect: nobody + "," + testenv.FreeAddr(t) + "/kafka", Kind: HighLevel, Group: "g"})
	require.ErrorContains(t, err, "connect to ZooKeeper: dial tcp 127.0.0.1:")
	require.ErrorContains(t, err, "connection refused")

	// One of several is enough, whichever is tried first.
	k := newKeeper(t)
	k.put("/consumers/billing/offsets/orders/0", "12")
	for range 4 {
		got, err := ZooKeeper(t.Context(), ZooKeeperSource{Connect: nobody + ", " + k.addr + k.chroot + "/", Kind: HighLevel, Group: "billing"})
		require.NoError(t, err)
		require.Equal(t, next{tp("orders", 0): 12}, got.Next)
	}
}

// A server that takes connections and never answers costs no more than the context.
func TestZooKeeperThatHangs(t *testing.T) {
	server := testenv.ZooKeeper(t)
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err := ZooKeeper(ctx, ZooKeeperSource{Connect: server.Addr(), Kind: HighLevel, Group: "g"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "no answer in time")
	require.Less(t, time.Since(begun), 10*time.Second) // the client's own patience is longer than a minute
	server.Resume()
}
