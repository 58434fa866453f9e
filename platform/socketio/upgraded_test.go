package socketio_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type silent struct{}

func (silent) Subscriptions() []websockets.Subscription { return nil }

// Each client of a connection is reported when its transport has changed.
func TestUpgraded(t *testing.T) {
	upgraded := make(chan string, 2)
	hooks := observe.Hooks{
		Connected: func(c websockets.Client) { upgraded <- c.Namespace() + " " + c.Transport() },
		Upgraded:  func(c websockets.Client) { upgraded <- c.Namespace() + " " + c.Transport() },
	}
	a := apptest.New(t, module.New("silent", module.Providers(
		websockets.Gateway(func() silent { return silent{} }, websockets.Via(socketio.New()), websockets.Via(socketio.New(), websockets.Namespace("chat"))),
	)), apptest.With(app.Observe(hooks)))
	p := rawpeer.NewEngine(t, strings.TrimPrefix(a.URL(), "http://")).Poll()
	for _, ns := range []string{"/", "/chat"} {
		rawpeer.Enter(t, p, ns, "")
		if got := <-upgraded; got != ns+" polling" {
			t.Errorf("connected: %s", got)
		}
	}
	p.Upgrade()
	for range 2 {
		if got := <-upgraded; !strings.HasSuffix(got, " websocket") {
			t.Errorf("upgraded: %s", got)
		}
	}
	if n := a.App().Stats().Endpoints[0].Transports; n["websocket"] != 1 || len(n) != 1 {
		t.Errorf("transports: %v", n)
	}
}
