package main

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/platform/ws"
)

// snippet:meet
func TestLobby(t *testing.T) {
	a := apptest.New(t, Module)
	browser := a.DialSocketIO("/lobby")
	device := a.DialWS("/lobby")

	if n := apptest.Call[int](device, "say", "hello"); n != 2 {
		t.Errorf("%d clients, want 2", n)
	}
	if got := apptest.Expect[string](browser, "said"); got != "hello" {
		t.Errorf("got %q", got)
	}
}

// end

func TestOptions(t *testing.T) {
	a := apptest.New(t, Tuned, apptest.With(app.WebSockets(ws.New())))
	c := a.DialWS("/lobby", apptest.WithSubprotocols("lobby.v1"))
	if got := c.Subprotocol(); got != "lobby.v1" {
		t.Errorf("got %q", got)
	}
}
