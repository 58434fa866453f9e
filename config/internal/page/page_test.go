package page

import (
	"errors"
	"net/http"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/config"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
)

// The application of the page, with variables of a test and a free port.
//
// snippet:test
func start(t *testing.T, variables map[string]string) *apptest.App {
	cfg := config.Module[Config](config.Environment(variables))
	return apptest.New(t, module.New("app", module.Imports(cfg, Chat)), apptest.With(
		app.WebSockets(socketio.New()), app.Configure(Serving), app.HTTP("127.0.0.1:0"), // the last address counts
	))
}

// end

func TestPage(t *testing.T) {
	a := start(t, map[string]string{"DATABASE_URL": "postgres://", "ORIGINS": "https://a.example", "ADDR": "192.0.2.1:1"})
	c := a.DialSocketIO("/", apptest.WithHeader(http.Header{"Origin": {"https://a.example"}}))
	if got := apptest.Call[int](c, "database"); got != len("postgres://") {
		t.Errorf("got %d", got)
	}
	_, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithHeader(http.Header{"Origin": {"https://b.example"}}))
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != http.StatusForbidden {
		t.Errorf("another origin: %v", err)
	}
	if s := apptest.Get[*Store](a); s.url != "postgres://" {
		t.Errorf("store: %+v", s)
	}
}

// The message of the page.
func TestMessage(t *testing.T) {
	_, err := config.Read[Config](config.Prefix("CHAT_"), config.Environment(map[string]string{"CHAT_DRAIN_DELAY": "10"}))
	const want = `config: page.Config: 2 problems:
	CHAT_DRAIN_DELAY is not a time.Duration: unable to parse duration: time: missing unit in duration "10"
	CHAT_DATABASE_URL is not set`
	if err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	_, err = config.Read[Config](config.Environment(map[string]string{"DATABASE_URL": "x", "TLS_CERT": "a.pem"}))
	if want := "config: page.Config: 1 problem:\n\tTLS_CERT and TLS_KEY: set both or none"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}
