package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/backplane/envelope"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
)

// natsNodes starts two nodes at a server.
func natsNodes(t testing.TB, at string, opts ...nats.Option) (a, b *node) {
	t.Helper()
	opts = append([]nats.Option{nats.URL(at)}, opts...)
	return newNode(t, 1, nats.New(opts...)).start(), newNode(t, 2, nats.New(opts...)).start()
}

// Each way to log in works, and a wrong one is an error of Start without the secret.
func TestLogin(t *testing.T) {
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, _ := key.Seed()
	public, _ := key.PublicKey()
	file := filepath.Join(t.TempDir(), "user.nk")
	if err := os.WriteFile(file, seed, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		server func(*server.Options)
		right  func(at string) []nats.Option
		wrong  func(at string) []nats.Option
	}{
		"user": {
			func(o *server.Options) { o.Username, o.Password = "ann", "right" },
			func(at string) []nats.Option { return []nats.Option{nats.URL(at), nats.Credentials("ann", "right")} },
			func(at string) []nats.Option { return []nats.Option{nats.URL(at), nats.Credentials("ann", "wrong")} },
		},
		"user of the URL": {
			func(o *server.Options) { o.Username, o.Password = "ann", "right" },
			func(at string) []nats.Option { return []nats.Option{nats.URL("nats://ann:right@" + at)} },
			func(at string) []nats.Option { return []nats.Option{nats.URL("nats://ann:wrong@" + at)} },
		},
		"token": {
			func(o *server.Options) { o.Authorization = "right" },
			func(at string) []nats.Option { return []nats.Option{nats.URL(at), nats.Token("right")} },
			func(at string) []nats.Option { return []nats.Option{nats.URL(at), nats.Token("wrong")} },
		},
		"nkey": {
			func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} },
			func(at string) []nats.Option { return []nats.Option{nats.URL(at), nats.NKeyFile(file)} },
			func(at string) []nats.Option { return []nats.Option{nats.URL(at)} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := service(t, c.server)
			newNode(t, 1, nats.New(c.right(at)...)).start()
			err := startFails(t, func() backplane.Backplane { return nats.New(c.wrong(at)...) })
			want := "not connected: nats at " + at + ": nats: Authorization Violation"
			if err == nil || !strings.EqualFold(err.Error(), want) {
				t.Errorf("Start: %v, want %s", err, want)
			}
		})
	}
}

// A password that is corrected at the server is enough: the engine goes on trying.
func TestLoginLater(t *testing.T) {
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, Username: "ann", Password: "old"}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	e := nats.New(nats.URL(s.Addr().String()), nats.Credentials("ann", "new"))
	n := newNode(t, 1, e)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := e.Start(ctx, backplane.Node{ID: n.id}, n); err == nil {
		t.Fatal("Start with a wrong password returns no error")
	}
	t.Cleanup(n.stop)
	changed := o.Clone()
	changed.Password, changed.Port = "new", server.RANDOM_PORT
	if err := s.ReloadOptions(changed); err != nil {
		t.Fatal(err)
	}
	n.wait("Link", func() bool { return len(n.links) == 1 && n.links[0].up && !n.links[0].lost })
}

// A user needs the rights to publish and subscribe to the prefix, and no others. What is missing is
// an error that says so.
func TestRights(t *testing.T) {
	rights := func(p *server.Permissions) func(*server.Options) {
		return func(o *server.Options) { o.Users = []*server.User{{Username: "ann", Password: "x", Permissions: p}} }
	}
	all := &server.SubjectPermission{Allow: []string{"chat.>"}}
	login := []nats.Option{nats.Credentials("ann", "x"), nats.Prefix("chat")}

	a, b := natsNodes(t, service(t, rights(&server.Permissions{Publish: all, Subscribe: all})), login...)
	a.mustSend("1")
	b.has(a, "1")
	ctx := t.Context()
	none := &backplane.Message{Kind: backplane.Fetch, Origin: a.id, Seq: 1, Channel: backplane.ChannelNode("00000000000000ff"), To: "00000000000000ff", Request: "0000000000000001"}
	if err := a.engine.Send(ctx, []*backplane.Message{none}); err != nil {
		t.Error(err)
	}
	a.wait("NoNode", func() bool { return a.noNodes == 1 })

	at := service(t, rights(&server.Permissions{Publish: all, Subscribe: &server.SubjectPermission{Deny: []string{"chat.e"}}}))
	e := nats.New(append(login, nats.URL(at))...)
	n := newNode(t, 3, e)
	startCtx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := e.Start(startCtx, backplane.Node{ID: n.id}, n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.stop)
	want := "nats at " + at + `: nats: permissions violation: Permissions Violation for Subscription to "chat.e": allow the user to publish and subscribe to chat.>`
	if err := e.Interest(startCtx, []string{backplane.ChannelEvents}, nil); err == nil || err.Error() != want {
		t.Errorf("Interest: %v, want %s", err, want)
	}

	at = service(t, rights(&server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"chat.e"}}, Subscribe: all}))
	m := newNode(t, 4, nats.New(append(login, nats.URL(at))...)).start()
	want = "nats at " + at + `: nats: permissions violation: Permissions Violation for Publish to "chat.e": allow the user to publish and subscribe to chat.>`
	for range 2 {
		if err := m.send(patience, "x"); err == nil || err.Error() != want {
			t.Errorf("Send: %v, want %s", err, want)
		}
	}
}

// A server that accepts less than MaxPayload: what it accepts arrives, the rest is an error.
func TestSmallerServer(t *testing.T) {
	a, b := natsNodes(t, service(t, func(o *server.Options) { o.MaxPayload = 8 << 10 }))
	large := a.message("large")
	large.Body = make([]byte, 9<<10)
	batch := []*backplane.Message{a.message("before"), large, a.message("after")}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := a.engine.Send(ctx, batch)
	if !errors.Is(err, envelope.ErrLimit) || !strings.Contains(err.Error(), "max_payload of the server is 8192") {
		t.Errorf("Send: %v", err)
	}
	b.has(a, "after")
	if got := fmt.Sprint(b.received[a.id]); got != "[before after]" {
		t.Errorf("received %s", got)
	}
	// A batch that is larger than a message of NATS is several.
	const count = 200
	batch = batch[:0]
	for i := range count {
		m := a.message(fmt.Sprint("n", i))
		m.Body = make([]byte, 1000)
		batch = append(batch, m)
	}
	if err := a.engine.Send(ctx, batch); err != nil {
		t.Error(err)
	}
	b.wait("all", func() bool { return len(b.received[a.id]) == 2+count })
}

// A node that reads slowly loses messages. It is not disconnected, and receives again.
func TestSlowReader(t *testing.T) {
	a, b := natsNodes(t, service(t, nil))
	slow := make(chan struct{})
	b.cond.Update(func() { b.slow = slow })
	body := make([]byte, 512<<10)
	const count = 100 // 50 MiB, where 16 may wait
	for i := range count {
		m := a.message(fmt.Sprint(i))
		m.Body = body
		if err := a.engine.Send(t.Context(), []*backplane.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	// What the server has for the node has arrived there when the server has confirmed something after it.
	testkit.Eventually(t, "all has arrived", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return b.engine.Interest(ctx, []string{backplane.ChannelNodes}, nil) == nil
	})
	close(slow)
	b.cond.Update(func() { b.slow = nil })
	a.mustSend("last")
	b.has(a, "last")
	b.cond.Update(func() {
		if n := len(b.received[a.id]); n < 10 || n > 60 {
			t.Errorf("received %d of %d messages, want those of 16 MiB", n, count+1)
		}
		if len(b.links) != 1 {
			t.Errorf("links %+v: the slow node was disconnected", b.links)
		}
	})
}

// A connection that is cut is made again, with all subscriptions before Link.
func TestConnectionCut(t *testing.T) {
	p := newProxy(t, service(t, nil))
	a, b := natsNodes(t, p.at)
	for i := range 5 {
		p.drop()
		for _, n := range []*node{a, b} {
			n.wait("Link", func() bool { return len(n.links) >= 3+2*i && n.links[len(n.links)-1].up })
		}
		text := fmt.Sprint("after cut ", i)
		a.mustSend(text)
		b.has(a, text)
	}
	for _, n := range []*node{a, b} {
		for i, l := range n.calls() {
			if l.up != (i%2 == 0) || l.lost != (l.up && i > 0) || (l.err != nil) == l.up {
				t.Errorf("link %d: %+v", i, l)
			}
		}
	}
}

// A service that does not respond counts as lost after some seconds, and Send that waits for a
// connection goes on when there is one.
func TestServiceFrozen(t *testing.T) {
	p := newProxy(t, service(t, nil))
	a, b := natsNodes(t, p.at, nats.Client(func(o *natsgo.Options) { o.PingInterval, o.Timeout = time.Second, 5*time.Second }))
	before := len(a.calls()) // on a loaded machine it may have been lost before
	p.freeze()
	a.wait("Link down", func() bool { return len(a.links) > before && !a.links[len(a.links)-1].up })
	if err := a.calls()[before].err; err == nil || !strings.Contains(err.Error(), "stale connection") {
		t.Errorf("Link: %v", err)
	}
	sent := make(chan error, 1)
	go func() { sent <- a.send(patience, "waits") }()
	p.thaw()
	if err := <-sent; err != nil {
		t.Errorf("Send: %v", err)
	}
	b.wait("Link up", func() bool { return b.links[len(b.links)-1].up })
	meet(t, a, b)
}

// The timeout of the client is also that of confirmations.
func TestTimeoutOfConfirmations(t *testing.T) {
	p := newProxy(t, service(t, nil))
	a, b := natsNodes(t, p.at, patiently)
	p.freeze()
	sent := make(chan error, 1)
	go func() { sent <- a.send(patience, "late") }()
	<-time.After(2500 * time.Millisecond) // more than the default
	p.thaw()
	if err := <-sent; err != nil {
		t.Errorf("Send: %v", err)
	}
	b.has(a, "late")
}

// Namespaces have no subscriptions of their own: one for all events, one for the nodes, one for each
// node, and one of the engine for reports.
func TestSubscriptions(t *testing.T) {
	var s *server.Server
	o := &server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true, NoSystemAccount: true}
	s, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	a, b := natsNodes(t, s.Addr().String())
	for i := range 10_000 {
		m := a.message("x")
		m.Select.Namespace = fmt.Sprint("/orgs/", i)
		if err := a.engine.Send(t.Context(), []*backplane.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	b.wait("all", func() bool { return len(b.received[a.id]) == 10_000 })
	if n := s.NumSubscriptions(); n != 6 {
		t.Errorf("%d subscriptions of two nodes, want 3 each", n)
	}
}
