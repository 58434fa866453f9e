package apptest_test

import (
	"context"
	"testing"

	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

var moved = websockets.NewEvent[int]("moved", websockets.Volatile())

// compass sends several positions in one handler, which returns how many have not been dropped.
type compass struct{}

func newCompass() *compass { return &compass{} }

// Subscriptions implements [websockets.Subscriber].
func (*compass) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("turn", func(ctx context.Context, first int) (sent int, err error) {
		for i := range 5 {
			if moved.Emit(ctx, websockets.ClientFrom(ctx), first+i) == nil {
				sent++
			}
		}
		return sent, nil
	})}
}

// The connection is not busy while a handler runs, unless the handler takes long: each of its volatile events is sent.
func TestVolatileEventsOfOneHandler(t *testing.T) {
	a := apptest.New(t, module.New("compass", module.Providers(
		websockets.Gateway(newCompass, websockets.Via(ws.New(), websockets.Path("/ws")), websockets.Via(socketio.New())),
	)))
	for name, c := range map[string]*apptest.Client{"ws": a.DialWS("/ws"), "socketio": a.DialSocketIO("/")} {
		first := 0
		testkit.Eventually(t, name+": a turn that is fast", func() bool {
			first += 10
			return apptest.Call[int](c, "turn", first) == 5
		})
		for want := first; want < first+5; {
			switch got := apptest.Expect[int](c, "moved"); {
			case got == want:
				want++
			case got > first:
				t.Fatalf("%s: got %d, want %d", name, got, want)
			}
		}
	}
}
