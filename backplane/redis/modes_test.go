package redis_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// startCluster starts a Redis Cluster of two.
func startCluster(t *testing.T) (servers []*redistest.Server) {
	t.Helper()
	for range 2 {
		servers = append(servers, redistest.Start(t, "--cluster-enabled", "yes", "--cluster-port", testkit.FreePort(t), "--cluster-config-file", filepath.Join(t.TempDir(), "nodes.conf")))
	}
	for i, slots := range [][2]string{{"0", "8191"}, {"8192", "16383"}} {
		if got := servers[i].Do("CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]); got != "OK" {
			t.Fatal(got)
		}
	}
	host, port, _ := net.SplitHostPort(servers[1].Address)
	_, bus, _ := strings.Cut(servers[1].Do("CONFIG", "GET", "cluster-port"), "\n")
	if got := servers[0].Do("CLUSTER", "MEET", host, port, bus); got != "OK" {
		t.Fatal(got)
	}
	testkit.Eventually(t, "the cluster is there", func() bool {
		for _, s := range servers {
			if info := s.Do("CLUSTER", "INFO"); !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, "cluster_known_nodes:2") {
				return false
			}
		}
		return true
	})
	return servers
}

// answers is a framework that receives only answers of servers of Node.
type answers chan *backplane.Message

func (answers) ReceiveFrame(string, []byte) bool { return true }
func (answers) NoNode(*backplane.Message)        {}
func (answers) Link(bool, bool, error)           {}
func (a answers) Receive(batch []*backplane.Message) int {
	for _, m := range batch {
		a <- m
	}
	return 0
}

// On a cluster, servers of Node at any Redis are asked.
func TestClusterWithNode(t *testing.T) {
	servers := startCluster(t)
	e := redis.SocketIO(redis.Address(servers[0].Address, servers[1].Address), redis.Cluster())
	e.SetEndpoints([]backplane.Endpoint{{Key: 1, Platform: "socketio", Namespace: "/"}})
	in := make(answers, 10)
	if err := e.Start(patient(t), backplane.Node{ID: "00000000000000aa"}, in); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := e.Interest(patient(t), []string{backplane.ChannelEvents, backplane.ChannelNode("00000000000000aa")}, nil); err != nil {
		t.Fatal(err)
	}
	ask := func() {
		t.Helper()
		m := &backplane.Message{Kind: backplane.Fetch, Origin: "00000000000000aa", Seq: 1, Channel: backplane.ChannelEvents, Request: "00000000000000bb", Wait: testkit.Patience}
		if err := e.Send(patient(t), []*backplane.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	if m := testkit.Receive(t, "an answer without a server of Node", in); m.Kind != backplane.Fetched || m.Count != 0 {
		t.Errorf("%+v", m)
	}
	asked := make(chan string, 10)
	for _, s := range servers {
		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{s.Address}, DisableCache: true, ForceSingleClient: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		sub, release := client.Dedicate()
		t.Cleanup(release)
		sub.SetPubSubHooks(rueidis.PubSubHooks{OnMessage: func(m rueidis.PubSubMessage) { asked <- m.Message }})
		if err := sub.Do(t.Context(), sub.B().Subscribe().Channel("socket.io-request#/#").Build()).Error(); err != nil {
			t.Fatal(err)
		}
	}
	ask()
	for range servers {
		if got := testkit.Receive(t, "a request", asked); !strings.Contains(got, `"requestId":"00000000000000bb"`) {
			t.Errorf("got %s", got)
		}
		servers[0].Do("PUBLISH", "socket.io-response#/#", `{"requestId":"00000000000000bb","sockets":[{"id":"x"}]}`)
	}
	for testkit.Receive(t, "the last answer", in).Count != 2 { // of two servers
	}
}

// Nodes at different Redis of a cluster receive each other's messages in order.
func TestCluster(t *testing.T) {
	servers := startCluster(t)
	opts := []redis.Option{redis.Address(servers[0].Address, servers[1].Address), redis.Cluster()}
	a := start(t, opts...)
	if a.Traits().Receipts {
		t.Error("Receipts, but a Redis does not know the subscribers of the others")
	}
	var others []*node
	for range 4 { // the client takes any Redis
		others = append(others, start(t, opts...))
	}
	for range 50 {
		a.send(10)
	}
	for _, n := range others {
		n.want(500)
		if n.received != 500 {
			t.Errorf("%d received", n.received)
		}
	}
}

// With sentinels, nodes reconnect to the new master after a failover.
func TestSentinel(t *testing.T) {
	master := redistest.Start(t)
	host, port, _ := net.SplitHostPort(master.Address)
	replica := redistest.Start(t, "--replicaof", host+" "+port, "--repl-diskless-sync-delay", "0")
	conf := filepath.Join(t.TempDir(), "sentinel.conf")
	if err := os.WriteFile(conf, []byte("sentinel monitor main "+host+" "+port+" 1\nsentinel down-after-milliseconds main 3000\nsentinel failover-timeout main 5000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := redistest.StartWith(t, conf, "--sentinel")
	opts := []redis.Option{redis.Address(sentinel.Address), redis.Client(func(o *rueidis.ClientOption) { o.Sentinel.MasterSet = "main" })}
	a, b := start(t, opts...), start(t, opts...)
	a.send(1)
	b.want(1)
	testkit.Eventually(t, "the replica is known", func() bool {
		return strings.Contains(sentinel.Do("SENTINEL", "REPLICAS", "main"), replica.Address) && strings.Contains(replica.Do("INFO", "replication"), "master_link_status:up")
	})
	master.Kill()
	a.wantLinks(3, true)
	b.wantLinks(3, true)
	a.send(1)
	b.want(2)
	if got := replica.Do("PUBSUB", "CHANNELS"); !strings.Contains(got, "gatehouse:e") {
		t.Errorf("channels of the new master: %s", got)
	}
}
