package zishang

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
	"github.com/zishang520/socket.io/servers/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

func serverWith(natives ...any) *websockets.Server {
	return apptest.NewFakeServer().WithNatives(natives...).Server()
}

type fakeClient struct {
	websockets.Client
	native any
}

func (c fakeClient) Native() any { return c.native }

func TestNative(t *testing.T) {
	chat, orgs := endpoint("/chat"), endpoint("/orgs/{org}")
	orgs.match = func(ns string) bool { return strings.HasPrefix(ns, "/orgs/") && ns != "/orgs/{org}" }
	s := serve(t, chat, orgs)
	if s.Native("/nope") != nil {
		t.Fatal("a namespace that was not declared")
	}
	nsp, ok := NamespaceOf(serverWith(1, s.Native("/chat")))
	if !ok || nsp.Name() != "/chat" {
		t.Fatal(nsp, ok)
	}
	if io, ok := ServerOf(serverWith(s.Native("/orgs/{org}"))); !ok || io != s.io {
		t.Fatal(io, ok)
	}
	if _, ok := ServerOf(serverWith("other platform")); ok {
		t.Fatal("found")
	}
	if _, ok := ServerOf(nil); ok {
		t.Fatal("found")
	}
	c := s.ws("")
	sess := enter(t, c, orgs, "0/orgs/1,")
	sock, ok := SocketOf(fakeClient{native: sess.Native()})
	if !ok || string(sock.Id()) != sess.ID() || sock.Nsp().Name() != "/orgs/1" {
		t.Fatal(sock, ok)
	}
	if _, ok := SocketOf(fakeClient{native: 1}); ok {
		t.Fatal("found")
	}
	if _, ok := SocketOf(nil); ok {
		t.Fatal("found")
	}
}

// What native code emits waits in the same queue, attachments with their packet.
func TestNativeEmit(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testServer) client) {
		ep := endpoint("/chat")
		s := serve(t, ep)
		c := dial(s)
		sess := enter(t, c, ep, "0/chat,")
		sock := sess.Native().(*socket.Socket)
		_ = sess.Emit(adapter.NewOutgoing("first", 1), 0)
		_ = sock.Emit("second", map[string]any{"a": types.NewBytesBuffer([]byte("x"))})
		_ = sock.Nsp().Emit("third")
		_ = sess.Emit(adapter.NewOutgoing("fourth", 1), 0)
		want(t, c, `2/chat,["first",1]`, `51-/chat,["second",{"a":{"_placeholder":true,"num":0}}]`)
		if f := c.recv(); string(f.bin) != "x" {
			t.Fatal(f)
		}
		want(t, c, `2/chat,["third"]`, `2/chat,["fourth",1]`)
	})
}

// Native middleware may refuse a client that the framework admitted, and the
// client may ask again.
func TestNativeMiddleware(t *testing.T) {
	ep := endpoint("/chat")
	s := serve(t, ep)
	n := 0
	s.Native("/chat").(socket.Namespace).Use(func(_ *socket.Socket, next func(*socket.ExtendedError)) {
		if n++; n < 3 {
			next(socket.NewExtendedError("not yet", nil))
			return
		}
		next(nil)
	})
	c := s.ws("")
	c.send("0/chat,")
	want(t, c, `4/chat,{"data":null,"message":"not yet"}`)
	c.send("0/chat,")
	want(t, c, `4/chat,{"data":null,"message":"not yet"}`)
	enter(t, c, ep, "0/chat,")
}
