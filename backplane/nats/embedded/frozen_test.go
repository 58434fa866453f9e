package embedded_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// A node that does not read has at most 16 MiB waiting for it. Then Send waits, until that node is
// disconnected some seconds later. The others receive all that Send has accepted, and the node is
// found again when it reads.
func TestNodeThatDoesNotRead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	p := newProxy(t, at)
	a := startNode(t, 1, embedded.Listen(at), embedded.Advertise(p.at))
	frozen := startNode(t, 2, embedded.Peers(p.at))
	meet(t, a, frozen)
	// This one reaches a without the proxy, and is not introduced to the other.
	healthy := startNode(t, 3, embedded.Peers(at))
	meet(t, a, healthy)

	p.freeze()
	const size = 1 << 20
	send := func(d time.Duration) error {
		m := a.message("x")
		m.Body = make([]byte, size-1000)
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		return a.engine.Send(ctx, []*backplane.Message{m})
	}
	accepted := 0
	for err = nil; err == nil && accepted < 1000; accepted++ {
		err = send(time.Second)
	}
	accepted--
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not read") || accepted > 50 {
		t.Fatalf("%d MiB were accepted for a node that does not read, then %v: want those of the sockets and 16", accepted, err)
	}
	started := time.Now()
	if err := send(patience); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB were accepted; Send waited %v until the node was disconnected", accepted, time.Since(started))
	accepted++
	healthy.wait("all that was accepted", func() bool {
		n := 0
		for _, text := range healthy.received[a.id] {
			if text == "x" {
				n++
			}
		}
		return n == accepted
	})
	p.thaw()
	meet(t, a, frozen)
}

// Packets that vanish are noticed by pings, and both nodes know afterwards that they may have missed
// something.
func TestVanishingPackets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	_ = l.Close()
	p := newProxy(t, at)
	pings := embedded.Server(func(o *server.Options) { o.Cluster.PingInterval = 50 * time.Millisecond })
	log := &testkit.Log{}
	a := startNode(t, 1, pings, embedded.Listen(at), embedded.Advertise(p.at), embedded.Logger(log.Logger(slog.LevelDebug)))
	b := startNode(t, 2, pings, embedded.Peers(p.at), embedded.Logger(log.Logger(slog.LevelDebug)))
	meet(t, a, b)
	p.freeze()
	for _, n := range []*node{a, b} {
		testkit.Eventually(t, "the end of the connection", func() bool { return len(log.Lines("Stale Connection", n.id)) > 0 })
		n.mustSend("alone")
	}
	p.thaw()
	meet(t, a, b)
	for _, n := range []*node{a, b} {
		n.wait("Link", func() bool { return n.links[len(n.links)-1] == link{up: true, lost: true} })
	}
}
