package servers_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/servers"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// snippet:serverof-test

func TestShip(t *testing.T) {
	fake := apptest.NewFakeServer()
	orders := servers.NewOrders(websockets.ServerOf[*servers.Gateway]{Server: fake.Server()})
	if err := orders.Ship(t.Context(), "7"); err != nil {
		t.Fatal(err)
	}
	if sent := fake.Sent(); len(sent) != 1 || sent[0].Event != "shipped" {
		t.Errorf("sent %v", sent)
	}
}

// end

// The service and the gateway need each other, and a client receives what the service sends.
func TestModule(t *testing.T) {
	a := apptest.New(t, servers.Module, apptest.With(app.WebSockets(ws.New())))
	c := a.DialWS("/")
	c.Call("follow", "7")
	c.Call("ship", "7")
	if id := apptest.Expect[string](c, "shipped"); id != "7" {
		t.Errorf("shipped %q", id)
	}
}
