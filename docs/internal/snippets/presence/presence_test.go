package presence_test

import (
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	chat "github.com/gatehouse-go/gatehouse/docs/internal/snippets/presence"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/presence"
)

// snippet:test
func TestTwoDevices(t *testing.T) {
	c := apptest.NewCluster(t, 2, chat.Module, apptest.With(app.WebSockets(ws.New())))
	ada, bob := c.Node(0).DialWS("/?user=ada&device=phone"), c.Node(1).DialWS("/?user=bob&device=laptop")
	ada.Call("enter", "tea")
	bob.Call("enter", "tea")
	for met := false; !met; { // what has changed at once is one event
		for _, e := range apptest.Expect[presence.Change[chat.User]](ada, "online").Joined {
			met = met || e.Key == "bob"
		}
	}

	got := apptest.Call[[]presence.Entry[chat.User]](c.Node(0).DialWS("/?user=bob&device=phone"), "enter", "tea")
	if len(got) != 2 || got[1].Key != "bob" || len(got[1].Metas) != 2 {
		t.Errorf("got %+v", got)
	}
}

// end

func TestViewers(t *testing.T) {
	if chat.Viewers.Name() != "viewers" {
		t.Error(chat.Viewers.Name())
	}
}
