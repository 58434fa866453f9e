package zishang

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/zishang520/socket.io/servers/socket/v3"
)

func TestNamespaces(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		root, chat, orgs := endpoint("/"), endpoint("/chat"), endpoint("/orgs/{org}")
		orgs.match = func(ns string) bool { return strings.HasPrefix(ns, "/orgs/") }
		for _, ep := range []*fakeEndpoint{root, chat, orgs} {
			ep.receive = echo
		}
		s := serve(t, root, chat, orgs)
		c := dial(s)
		enter(t, c, chat, `0/chat,{"token":"x"}`)
		sess := enter(t, c, orgs, "0/orgs/7,")
		enter(t, c, root, "0")
		if sess.h.Namespace != "/orgs/7" || sess.h.Request.URL.Query().Get("EIO") != "4" {
			t.Fatal(sess.h)
		}
		c.send(`2/orgs/7,1["e",7]`, `2/chat,["e","c"]`, `21["e"]`)
		got := map[string]bool{}
		for range 3 {
			got[c.recv().text] = true
		}
		if !got[`3/orgs/7,1[7]`] || !got[`2/chat,["e","c"]`] || !got[`31[]`] {
			t.Fatal(got)
		}
		c.send("0/nope,", "0/chatter,", "0/org")
		want(t, c, `4/nope,{"message":"Invalid namespace"}`, `4/chatter,{"message":"Invalid namespace"}`, `4/org,{"message":"Invalid namespace"}`)
	})
}

func TestRootNamespaceIsNotGivenAway(t *testing.T) {
	s := serve(t, endpoint("/chat"))
	c := s.ws("")
	c.send("0")
	want(t, c, `4{"message":"Invalid namespace"}`)
}

func TestAdmit(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/")
		key := websockets.NewKey[string]("user")
		var accepted atomic.Pointer[adapter.Handshake]
		ep.admit = func(_ context.Context, h *adapter.Handshake) error {
			var auth struct{ Token string }
			if err := h.Auth.Decode(&auth); err != nil {
				return err
			}
			switch auth.Token {
			case "":
				return &websockets.Error{Message: "Who are you?", Code: "no_token", Details: map[string]int{"n": 1}}
			case "broken":
				return errors.New("database password is 123")
			}
			key.Set(h, auth.Token)
			accepted.Store(h)
			return nil
		}
		s := serve(t, ep)
		c := dial(s)
		c.send("0")
		want(t, c, `4{"message":"Who are you?","data":{"status":"error","message":"Who are you?","code":"no_token","details":{"n":1}}}`)
		c.send(`0{"token":"broken"}`)
		want(t, c, `4{"message":"Internal server error","data":{"status":"error","message":"Internal server error"}}`)
		sess := enter(t, c, ep, `0{"token":"t"}`)
		if user, _ := key.Get(sess.h); user != "t" || sess.h != accepted.Load() || string(sess.h.Auth.JSON) != `{"token":"t"}` {
			t.Fatal(sess.h)
		}
		sock := sess.Native().(*socket.Socket)
		if sock.Handshake().Auth["token"] != "t" {
			t.Fatal(sock.Handshake().Auth)
		}
	})
}

func TestAdmitEndsWithTheConnection(t *testing.T) {
	ep := endpoint("/")
	started, ended := make(chan struct{}), make(chan error)
	ep.admit = func(ctx context.Context, _ *adapter.Handshake) error {
		close(started)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	}
	s := serve(t, ep)
	c := s.ws("")
	c.send("0")
	testkit.Receive(t, "the start", started)
	c.drop()
	if err := testkit.Receive(t, "the error", ended); !errors.Is(err, websockets.ErrClosed) {
		t.Fatal(err)
	}
}

// A slow check of one namespace must not hold up another, nor heartbeats.
func TestSlowAdmit(t *testing.T) {
	l := defaultLimits()
	l.PingInterval = 50 * time.Millisecond // the next ping is sent when the pong to the last was read
	slow, quick := endpoint("/slow"), endpoint("/")
	release := make(chan struct{})
	slow.admit = func(context.Context, *adapter.Handshake) error { <-release; return nil }
	quick.receive = echo
	s := serve(t, slow, quick, l)
	c := s.ws("")
	c.send("0/slow,")
	enter(t, c, quick, "0")
	for i := 0; c.pings < 5; i++ { // over several heartbeats
		if i == 5000 {
			t.Fatalf("%d pings while a check takes long", c.pings)
		}
		n := strconv.Itoa(i)
		c.send(`2["e",` + n + `]`)
		want(t, c, `2["e",`+n+`]`)
		wait(5 * time.Millisecond)
	}
	close(release)
	if f := c.recv(); !strings.HasPrefix(f.text, "0/slow,") {
		t.Fatal(f)
	}
}

// wait lets time pass that the test is about.
func wait(d time.Duration) { <-time.After(d) }

func TestLeaveAndComeBack(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/chat")
		ep.receive = echo
		s := serve(t, ep)
		c := dial(s)
		for range 50 {
			sess := enter(t, c, ep, "0/chat,")
			c.send("1/chat,")
			if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseClientDisconnect {
				t.Fatal(r)
			}
		}
		enter(t, c, ep, "0/chat,")
		// all in one go
		c.send("1/chat,", "0/chat,")
		if f := c.recv(); !strings.HasPrefix(f.text, `0/chat,{"sid"`) {
			t.Fatal(f)
		}
	})
}

func TestProtocolViolationsCloseTheConnection(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		for name, packets := range map[string][]string{
			"event before CONNECT":        {`2["e"]`},
			"ack before CONNECT":          {`31[]`},
			"CONNECT twice":               {"0", "0"},
			"CONNECT twice while waiting": {"0", "0"},
			"garbage":                     {"0", "hello"},
			"event without a name":        {"0", "2[null]"},
			"reserved event":              {"0", `2["disconnect"]`},
			"text for an attachment":      {"0", `51-["e",{"_placeholder":true,"num":0}]`, `2["e"]`},
			"CONNECT_ERROR":               {"0", `4{"message":"x"}`},
			"bad auth":                    {"0[]"},
		} {
			t.Run(name, func(t *testing.T) {
				ep := endpoint("/")
				s := serve(t, ep)
				c := dial(s)
				if len(packets) > 1 && name != "CONNECT twice while waiting" {
					sess := enter(t, c, ep, packets[0])
					trySend(c, packets[1:]...)
					if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseParseError || r.Text == "" {
						t.Fatal(r)
					}
				} else {
					trySend(c, packets...)
				}
				c.ended()
			})
		}
	})
}

// trySend sends to a server that may close the connection meanwhile.
func trySend(c client, packets ...string) {
	switch c := c.(type) {
	case *wsClient:
		for _, p := range packets {
			_ = c.c.Write(c.ctx(), 1, []byte("4"+p))
		}
	case *pollClient:
		c.post("4" + strings.Join(packets, "\x1e4"))
	}
}

func TestBinaryFrameThatNobodyAnnounced(t *testing.T) {
	ep := endpoint("/")
	s := serve(t, ep)
	c := s.ws("")
	sess := enter(t, c, ep, "0")
	c.write(2, []byte("x"))
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseParseError {
		t.Fatal(r)
	}
}

func TestMissingAttachments(t *testing.T) {
	l := defaultLimits()
	l.PingTimeout = 100 * time.Millisecond
	ep := endpoint("/")
	s := serve(t, ep, l)
	c := s.ws("")
	sess := enter(t, c, ep, "0")
	c.send(`51-["e",{"_placeholder":true,"num":0}]`)
	if r := testkit.Receive(t, "Session.Closed", sess.closed); r.Cause != websockets.CauseParseError || r.Text != "attachments did not arrive" {
		t.Fatal(r)
	}
}

func TestTooManyNamespaces(t *testing.T) {
	ep := endpoint("/n/{n}")
	ep.match = func(ns string) bool { return strings.HasPrefix(ns, "/n/") }
	s := serve(t, ep)
	c := s.ws("")
	for i := range maxNamespaces {
		enter(t, c, ep, "0/n/"+strconv.Itoa(i)+",")
	}
	c.send("0/n/more,")
	want(t, c, `4/n/more,{"message":"Too many namespaces"}`)
}

// The library creates a dynamic namespace twice when its first two clients come
// at once. Here it must exist once, and go when the last client has left.
func TestDynamicNamespaceIsCreatedOnce(t *testing.T) {
	ep := endpoint("/n/{n}")
	ep.match = func(ns string) bool { return strings.HasPrefix(ns, "/n/") }
	s := serve(t, ep)
	clients := make([]*wsClient, 8)
	for i := range clients {
		clients[i] = s.ws("")
	}
	for round := range 30 {
		nsp := "/n/" + strconv.Itoa(round)
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(func() { c.send("0" + nsp + ",") })
		}
		wg.Wait()
		all := map[socket.Namespace]bool{}
		for range clients {
			all[testkit.Receive(t, "a session", ep.sessions).Native().(*socket.Socket).Nsp()] = true
		}
		if len(all) != 1 {
			t.Fatalf("%s exists %d times", nsp, len(all))
		}
	}
	children := s.parent.(socket.ParentNamespace).Children()
	if children.Len() != 30 {
		t.Fatal(children.Len())
	}
	for _, c := range clients {
		c.drop()
	}
	testkit.Eventually(t, "empty namespaces are gone", func() bool { return children.Len() == 0 })
}

func TestConnectTimeout(t *testing.T) {
	s := serve(t, endpoint("/"), Options{ConnectTimeout: 50 * time.Millisecond})
	c := s.ws("")
	c.ended()
	testkit.Eventually(t, "forgotten", func() bool { return len(s.snapshot()) == 0 })
}
