package gateways_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/gateways"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type dial func(token string) *apptest.Client

func TestChat(t *testing.T) {
	t.Run("ws", func(t *testing.T) {
		a := apptest.New(t, gateways.Module, apptest.With(app.WebSockets(ws.New())))
		chat(t, func(token string) *apptest.Client { return a.DialWS("/?token=" + token) })

		_, err := apptest.TryDialWS(t, a.URL())
		refused(t, err, 401)
	})
	t.Run("socketio", func(t *testing.T) {
		a := apptest.New(t, gateways.Module, apptest.With(app.WebSockets(socketio.New())))
		chat(t, func(token string) *apptest.Client {
			return a.DialSocketIO("/", apptest.WithAuth(map[string]string{"token": token}))
		})

		_, err := apptest.TryDialSocketIO(t, a.URL())
		refused(t, err, 0)
	})
}

func chat(t *testing.T, dial dial) {
	ada, bob := dial("t1"), dial("t2")
	if n := apptest.Call[int](ada, "join", "news"); n != 1 {
		t.Errorf("%d in the room, want 1", n)
	}
	if n := apptest.Call[int](bob, "join", "news"); n != 2 {
		t.Errorf("%d in the room, want 2", n)
	}
	if e := ada.CallError("join", ""); e.Message != "A room has a name" || e.Code != "no_name" {
		t.Errorf("got %+v", e)
	}

	ada.Call("post", gateways.Post{Room: "news", Text: "hi"})
	want := gateways.Post{Room: "news", Author: "ada", Text: "hi"}
	if got := apptest.Expect[gateways.Post](bob, "posted"); got != want {
		t.Errorf("got %+v", got)
	}
	ada.ExpectNone("posted", func() { ada.Call("me") })
	if got := apptest.Expect[string](ada, "welcome"); got != "ada" {
		t.Errorf("got %q", got)
	}

	sure := true
	ada.OnCall("confirm", func(json.RawMessage) any { return sure })
	if !apptest.Call[bool](ada, "clear", "news") {
		t.Error("not cleared")
	}
	if e := ada.CallError("clear", "empty"); e.Message != "Internal server error" {
		t.Errorf("got %+v", e)
	}

	bob.OnCall("confirm", func(json.RawMessage) any { return false })
	if n := apptest.Call[int](ada, "vote", "news"); n != 1 {
		t.Errorf("%d votes, want 1", n)
	}

	ada.Emit("count", 3)
	for want := 1; want <= 3; want++ {
		if got := apptest.Expect[int](ada, "count"); got != want {
			t.Errorf("got %d, want %d", got, want)
		}
	}
	if e := ada.CallError("dance"); e.Message != "There is no event dance" {
		t.Errorf("got %+v", e)
	}

	bob.Close()
	if got := apptest.Expect[string](ada, "left"); got != "bob" {
		t.Errorf("got %q", got)
	}
}

func refused(t *testing.T, err error, status int) {
	t.Helper()
	e, ok := errors.AsType[*apptest.DialError](err)
	if !ok || e.Status != status || e.Message != "Unknown token" {
		t.Errorf("got %v", err)
	}
}

// TestPost tests a handler with fakes.
//
// snippet:unit
func TestPost(t *testing.T) {
	ada, bob := apptest.NewFakeClient("ada"), apptest.NewFakeClient("bob")
	gateways.User.Set(ada, "Ada")
	chat := &gateways.Chat{Server: apptest.NewFakeServer(ada, bob).Server()}
	chat.Server.All().Local().Join("tea")

	if err := chat.Post(websockets.WithClient(t.Context(), ada), gateways.Post{Room: "tea", Text: "hello"}); err != nil {
		t.Fatal(err)
	}
	if got := bob.Sent(); len(got) != 1 || got[0].Data != (gateways.Post{Room: "tea", Author: "Ada", Text: "hello"}) {
		t.Errorf("bob was sent %v", got)
	}
	if got := ada.Sent(); len(got) != 0 {
		t.Errorf("the author was sent %v", got)
	}
}

// end

// snippet:describe
func TestDescription(t *testing.T) {
	d, err := app.Describe(gateways.Module, app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Problems {
		t.Log("not described:", p)
	}
	for _, s := range d.Gateways[0].Subscriptions {
		t.Log(s.Kind, s.Event, s.In, s.Out, s.Func)
	}
}

// end
