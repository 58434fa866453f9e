package adaptertest_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/leaktest"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }

type lobby struct {
	Server *websockets.Server `websockets:"server"`
}

func newLobby() *lobby { return &lobby{} }

func (l *lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("join", l.Join), websockets.Listen("post", l.Post)}
}

func (l *lobby) Join(ctx context.Context, room string) (string, error) {
	c := websockets.ClientFrom(ctx)
	return c.Platform(), c.Join(room)
}

func (l *lobby) Post(ctx context.Context, b []byte) error {
	return l.Server.To("news").Except(websockets.ClientFrom(ctx)).Emit(ctx, "posted", b)
}

// Rooms, broadcasts and counts span platforms.
func TestOneGatewayOnTwoPlatforms(t *testing.T) {
	root := module.New("root", module.Providers(websockets.Gateway(newLobby,
		websockets.Via(socketio.New(), websockets.Namespace("chat")),
		websockets.Via(ws.New(), websockets.Path("/ws/chat")))))
	a := apptest.New(t, root)
	browser, device, other := a.DialSocketIO("/chat"), a.DialWS("/ws/chat"), a.DialWS("/ws/chat")
	for c, want := range map[*apptest.Client]string{browser: "socketio", device: "ws"} {
		if got := apptest.Call[string](c, "join", "news"); got != want {
			t.Errorf("platform %s, want %s", got, want)
		}
	}
	apptest.Call[string](other, "join", "sports")
	l := apptest.Get[*lobby](a)
	if n, all := l.Server.To("news").Local().Len(), l.Server.Local().Len(); n != 2 || all != 3 {
		t.Errorf("%d in the room and %d in all, want 2 and 3", n, all)
	}
	for from, to := range map[*apptest.Client]*apptest.Client{browser: device, device: browser} {
		from.Emit("post", []byte{0, 0xff})
		if got := apptest.Expect[[]byte](to, "posted"); string(got) != "\x00\xff" {
			t.Errorf("got %q", got)
		}
	}
	for i, c := range []*apptest.Client{browser, device, other} {
		c.OnCall("vote", func(json.RawMessage) any { return i })
	}
	votes, err := websockets.NewCall[string, int]("vote").CallAll(t.Context(), l.Server.To("news", "sports"), "?")
	if err != nil || len(votes.Answered) != 3 || len(votes.Missing) != 0 {
		t.Errorf("votes: %+v, %v", votes, err)
	}
	if err := l.Server.Emit(t.Context(), "all", 1); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*apptest.Client{browser, device, other} {
		c.ExpectMessage("all")
		c.ExpectNone("posted", func() { c.Call("join", "end") })
	}
}
