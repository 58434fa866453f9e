package embedded_test

import (
	"context"
	"errors"
	"log/slog"
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
// found again when it reads. A loaded machine does not send so much before the node is disconnected:
// then it has more time.
func TestNodeThatDoesNotRead(t *testing.T) {
	for _, wait := range []time.Duration{2 * time.Second, 8 * time.Second, 20 * time.Second} {
		if nodeThatDoesNotRead(t, wait) {
			return
		}
	}
	t.Error("a node that does not read has no bound, or is disconnected too soon")
}

// nodeThatDoesNotRead reports whether so much waited for the node before it was disconnected, after wait, that Send waited.
func nodeThatDoesNotRead(t *testing.T, wait time.Duration) bool {
	t.Helper()
	at := testkit.FreeAddress(t)
	p := newProxy(t, at)
	a := startNode(t, 1, embedded.Listen(at), embedded.Advertise(p.at), embedded.Waits(wait))
	frozen := startNode(t, 2, embedded.Peers(p.at))
	meet(t, a, frozen)
	// This one reaches a without the proxy, and is not introduced to the other.
	healthy := startNode(t, 3, embedded.Peers(at))
	meet(t, a, healthy)
	defer func() {
		p.thaw()
		for _, n := range []*node{a, frozen, healthy} {
			n.stop()
		}
	}()

	p.freeze()
	const size = 1 << 20
	send := func(d time.Duration) error {
		m := a.message("x")
		m.Body = make([]byte, size-1000)
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		return a.engine.Send(ctx, []*backplane.Message{m})
	}
	var err error
	accepted := 0
	for err = nil; err == nil && accepted <= 50; accepted++ {
		err = send(wait / 2)
	}
	if err == nil {
		t.Logf("%d MiB were accepted for a node that does not read, or has been disconnected: want those of the sockets and 16", accepted)
		return false
	}
	accepted--
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not read") {
		t.Logf("%d MiB were accepted for a node that does not read, then %v", accepted, err)
		return false
	}
	started := time.Now()
	if err := send(2 * patience); err != nil {
		t.Errorf("Send while a node does not read: %v", err)
		return true
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
	return true
}

// Packets that vanish are noticed by pings, and both nodes know afterwards that they may have missed
// something.
func TestVanishingPackets(t *testing.T) {
	at := testkit.FreeAddress(t)
	p := newProxy(t, at)
	pings := embedded.Server(func(o *server.Options) { o.Cluster.PingInterval = 500 * time.Millisecond })
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
