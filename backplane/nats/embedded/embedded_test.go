package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

func startNode(t testing.TB, number int, opts ...embedded.Option) *node {
	t.Helper()
	return newNode(t, number, newEngine(opts...)).start()
}

// addr returns where other nodes connect to.
func addr(n *node) string { return n.engine.(*embedded.Engine).Addr().String() }

func TestWrongOptions(t *testing.T) {
	for want, o := range map[string]embedded.Option{
		`embedded: Listen "6222" is not host and port, such as node-1:6222: correct it`:                                                         embedded.Listen("6222"),
		`embedded: Peers "node:0" is not host and port, such as node-1:6222: correct it`:                                                        embedded.Peers("node:0"),
		`embedded: Peers ":6222" is not host and port, such as node-1:6222: correct it`:                                                         embedded.Peers("a:6222", ":6222"),
		`embedded: Peers "b" is not host and port, such as node-1:6222: correct it`:                                                             embedded.Peers("a:6222, b"),
		`embedded: Peers is empty: set the variable that it is from, or leave the option out for a node that others connect to`:                 embedded.Peers(""),
		`embedded: Advertise "node:x" is not host and port, such as node-1:6222: correct it`:                                                    embedded.Advertise("node:x"),
		`embedded: Clients "node" is not host and port, such as node-1:6222: correct it`:                                                        embedded.Clients("node"),
		`embedded: Cluster "a b": it is empty or has a space: use another`:                                                                      embedded.Cluster("a b"),
		`embedded: Secret is missing: all that reaches 127.0.0.1:0 could send to the clients: pass one, or TLS with RequireAndVerifyClientCert`: embedded.Secret(""),
	} {
		e := newEngine(o)
		err := e.Start(t.Context(), backplane.Node{ID: "00000000000000aa"}, newNode(t, 1, e))
		if err == nil || err.Error() != want {
			t.Errorf("Start: %v, want %s", err, want)
		}
		if _, is := errors.AsType[*backplane.SetupError](err); !is {
			t.Errorf("%v is a %T, with which applications start", err, err)
		}
		if err := e.Stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// Nodes that know one of the others find all.
func TestThreeNodes(t *testing.T) {
	first := startNode(t, 1)
	second := startNode(t, 2, embedded.Peers(addr(first)))
	third := startNode(t, 3, embedded.Peers(addr(first)+", "+addr(second)+",")) // as from a variable
	meet(t, first, second, third)
	// The first is not needed any more.
	first.stop()
	meet(t, second, third)
}

// A node that restarts, as another node, is found again. What was sent meanwhile is lost to it.
func TestRestart(t *testing.T) {
	first := startNode(t, 1)
	at := addr(first)
	second := startNode(t, 2, embedded.Peers(at))
	meet(t, first, second)
	first.stop()
	second.mustSend("to none")
	again := startNode(t, 3, embedded.Listen(at))
	meet(t, second, again)
	again.cond.Update(func() {
		for _, text := range again.received[second.id] {
			if text == "to none" {
				t.Error("a new node has received what was sent before")
			}
		}
	})
	// The old node stays: it is informed.
	second.wait("Link", func() bool { return len(second.links) > 1 })
	for _, l := range second.calls() {
		if !l.up || l.err != nil {
			t.Errorf("link %+v: a node is connected as long as its own server runs", l)
		}
	}
}

// Peers that do not exist delay the start by half a second, and cost nothing else.
func TestMissingPeers(t *testing.T) {
	none := testkit.FreeAddress(t)
	log := &testkit.Log{}
	started := time.Now()
	n := startNode(t, 1, embedded.Peers(none, "name.invalid:6222"), embedded.Logger(log.Logger(slog.LevelInfo)))
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("the start took %v", took)
	}
	n.mustSend("x")
	testkit.Eventually(t, "the log names the peer", func() bool {
		return len(log.Lines("level=WARN", "another node cannot be reached: it is tried again each second: start it", none)) == 1
	})
	if lines := log.Lines("level=ERROR"); len(lines) > 0 {
		t.Errorf("log: %q", lines)
	}
	// It is found when it starts.
	other := startNode(t, 2, embedded.Listen(none))
	meet(t, n, other)
}

// A node with another secret is refused, and both log it, without the secret.
func TestWrongSecret(t *testing.T) {
	log := &testkit.Log{}
	a := startNode(t, 1, embedded.Secret("open sesame"), embedded.Logger(log.Logger(slog.LevelDebug)))
	b := startNode(t, 2, embedded.Secret("open barley"), embedded.Peers(addr(a)), embedded.Logger(log.Logger(slog.LevelDebug)))
	for _, side := range []*node{a, b} {
		testkit.Eventually(t, "the log", func() bool {
			return len(log.Lines("level=ERROR", "self="+side.id, "uthorization")) > 0 || len(log.Lines("level=ERROR", "self="+side.id, "authentication")) > 0
		})
	}
	a.mustSend("x")
	b.mustSend("y")
	if a.cond.Wait(200*time.Millisecond, func() bool { return len(a.received) > 0 }) || len(b.received) > 0 {
		t.Error("nodes with different secrets are connected")
	}
	for _, secret := range []string{"sesame", "barley"} {
		if lines := log.Lines(secret); len(lines) > 0 {
			t.Errorf("the secret is in the log: %s", lines[0])
		}
	}
}

// The log of the application has that of the server, unless the engine has one of its own.
func TestLoggerOfTheApplication(t *testing.T) {
	log, own := &testkit.Log{}, &testkit.Log{}
	for i, e := range []backplane.Backplane{newEngine(embedded.Logger(nil)), newEngine(embedded.Logger(own.Logger(slog.LevelInfo)))} {
		e.(backplane.LoggerUser).SetLogger(log.Logger(slog.LevelInfo).With("engine", i))
		n := newNode(t, 1+i, e)
		n.start()
		stranger, err := net.Dial("tcp", addr(n))
		if err != nil {
			t.Fatal(err)
		}
		defer stranger.Close()
		if _, err := io.WriteString(stranger, "GET / HTTP/1.1\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "both logs", func() bool {
		return len(log.Lines("level=ERROR", "engine=0")) > 0 && len(own.Lines("level=ERROR")) > 0
	})
	if lines := log.Lines("engine=1"); len(lines) > 0 {
		t.Errorf("log of the application: %q", lines)
	}
}

// Clusters with different names stay apart. The node that finds it first says so.
func TestOtherCluster(t *testing.T) {
	log := &testkit.Log{}
	logger := embedded.Logger(log.Logger(slog.LevelInfo))
	a := startNode(t, 1, embedded.Cluster("chat"), logger)
	b := startNode(t, 2, embedded.Cluster("shop"), embedded.Peers(addr(a)), logger)
	testkit.Eventually(t, "the log", func() bool { return len(log.Lines("level=ERROR", "chat", "shop")) > 0 })
	a.mustSend("x")
	if b.cond.Wait(200*time.Millisecond, func() bool { return len(b.received) > 0 }) {
		t.Error("clusters with different names are connected")
	}
}

// A port that is in use is an error of Start. The node joins when the port is free.
func TestPortInUse(t *testing.T) {
	at := testkit.FreeAddress(t)
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	var e *embedded.Engine
	var n *node
	for wait := 300 * time.Millisecond; ; wait *= 5 { // the first attempt takes longer on a loaded machine
		e = newEngine(embedded.Listen(at))
		n = newNode(t, 1, e)
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		err = e.Start(ctx, backplane.Node{ID: n.id}, n)
		cancel()
		if err == nil || wait > patience || !unknown(err) {
			break
		}
		n.stop()
	}
	if err == nil || !strings.HasPrefix(err.Error(), "embedded: listen at "+at+": ") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("Start: %v", err)
	}
	t.Cleanup(n.stop)
	_ = l.Close()
	n.wait("Link", func() bool { return len(n.links) == 1 && n.links[0] == link{up: true} })
	if e.Addr().String() != at {
		t.Errorf("Addr is %v", e.Addr())
	}

	never := newEngine(embedded.Listen(at))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := never.Start(ctx, backplane.Node{ID: "00000000000000cc"}, newNode(t, 2, never)); err == nil {
		t.Error("two nodes listen at one port")
	}
	if err := never.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A peer may be a name.
func TestPeerByName(t *testing.T) {
	a := startNode(t, 1)
	_, port, _ := net.SplitHostPort(addr(a))
	b := startNode(t, 2, embedded.Peers("localhost:"+port))
	meet(t, a, b)
}

// Without Clients no client can connect; with it, clients with the secret can, and are no nodes.
func TestClients(t *testing.T) {
	startNode(t, 1) // has a port of this machine, which refuses all
	at := testkit.FreeAddress(t)
	n := startNode(t, 2, embedded.Clients(at))
	for _, token := range []string{"", "wrong"} {
		if nc, err := natsgo.Connect("nats://"+at, natsgo.Token(token)); err == nil {
			nc.Close()
			t.Errorf("a client with token %q is accepted", token)
		}
	}
	outside := newNode(t, 3, nats.New(nats.URL(at), nats.Token("secret"))).start()
	meet(t, n, outside)

	inside, err := natsgo.Connect("", natsgo.InProcessServer(n.engine.(*embedded.Engine)))
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	if err := inside.Flush(); err != nil {
		t.Error(err)
	}
}

// The server writes no file.
func TestNothingOnDisk(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("TMPDIR", dir)
	t.Setenv("HOME", dir)
	a := startNode(t, 1)
	b := startNode(t, 2, embedded.Peers(addr(a)))
	meet(t, a, b)
	b.stop()
	a.stop()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) > 0 {
		t.Errorf("files: %v, %v", files, err)
	}
}

// Stop ends an engine in each state.
func TestStopAtAnyTime(t *testing.T) {
	e := newEngine()
	if err := e.Send(t.Context(), nil); err == nil {
		t.Error("Send before Start returns no error")
	}
	if e.Addr() != nil {
		t.Errorf("Addr before Start is %v", e.Addr())
	}
	for i, peers := range [][]string{nil, {"127.0.0.1:1"}, {"name.invalid:1"}} {
		for _, wait := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond, 50 * time.Millisecond} {
			t.Run(fmt.Sprint(i, " ", wait), func(t *testing.T) {
				e := newEngine(embedded.Peers(peers...))
				n := newNode(t, 1, e)
				ctx, cancel := context.WithTimeout(t.Context(), wait)
				defer cancel()
				started := make(chan error, 1)
				go func() { started <- e.Start(ctx, backplane.Node{ID: n.id}, n) }()
				<-ctx.Done()
				n.stop()
				n.stop()
				<-started
				if err := n.send(time.Second, "x"); err == nil {
					t.Error("Send after Stop returns no error")
				}
			})
		}
	}
}
