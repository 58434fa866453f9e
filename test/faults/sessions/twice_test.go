package sessions_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type echoes struct{}

func (*echoes) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("echo", (*echoes)(nil).Echo)}
}

// TestFault_V18_MiddlewareTwice: A net/http middleware that calls the server twice for one request, and writes a
// header afterwards, does no harm: the first call opens the session, the second finds the request answered.
func TestFault_V18_MiddlewareTwice(t *testing.T) {
	for name, adapter := range map[string]adapter.Adapter{"ws": ws.New(), "socketio": socketIO()} {
		t.Run(name, func(t *testing.T) {
			g := &echoes{}
			root := module.New("echoes", module.Providers(websockets.Gateway(func() *echoes { return g })))
			a, err := app.New(root, app.Mounted(), app.WebSockets(adapter), app.Logger(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				a.Handler().ServeHTTP(w, r)
				a.Handler().ServeHTTP(w, r)
				w.WriteHeader(http.StatusTeapot)
			}))
			srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // net/http logs it each time
			srv.Start()
			defer srv.Close()
			if name == "ws" {
				p := rawpeer.Open(t, srv.URL, "/")
				rawpeer.EchoWS(t, p, "once")
				p.Close()
				rawpeer.AliveWS(t, srv.URL, "/")
			} else {
				w := rawpeer.NewEngine(t, srv.URL).WebSocket()
				rawpeer.Enter(t, w, "/", "")
				rawpeer.Echo(t, w, "once")
				w.Close()
				s := rawpeer.NewEngine(t, srv.URL).Poll()
				if a := s.Post("1"); a.Status != http.StatusOK { // its second call finds no session
					t.Errorf("a session over polling: %d %.100s", a.Status, a.Body)
				}
				rawpeer.AliveSocketIO(t, srv.URL)
			}
			if err := a.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Echo returns its argument.
func (*echoes) Echo(_ context.Context, text string) (string, error) { return text, nil }
