package websockets_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// level has a form of its own in a path.
type level int

func (l *level) UnmarshalText(text []byte) error {
	switch string(text) {
	case "low":
		*l = 1
	case "high":
		*l = 2
	case "secret":
		return &pipeline.Error{Message: "No such level", Code: "no_level", Status: http.StatusNotFound}
	case "crash":
		panic("crash")
	default:
		return errors.New("unknown level")
	}
	return nil
}

var (
	tableNumber = websockets.PathValue[int]("table")
	tableName   = websockets.PathValue[string]("table")
	heat        = websockets.PathValue[level]("heat")
	pause       = websockets.PathValue[time.Duration]("pause")
	undeclared  = websockets.PathValue[uint]("table")
)

// visit is what a client has of its path.
type visit struct {
	Table   int
	Name    string
	Heat    int
	Pause   string
	Unknown string
}

// diner is a gateway with path values.
type diner struct{ guarded, left chan int }

func newDiner() *diner { return &diner{make(chan int, 1), make(chan int, 1)} }

func (g *diner) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("visit", g.visit)}
}

func (g *diner) visit(ctx context.Context, _ struct{}) (s visit, err error) {
	s.Table, err = tableNumber.From(ctx)
	s.Name, _ = tableName.Get(websockets.ClientFrom(ctx))
	h, _ := heat.From(ctx)
	s.Heat = int(h)
	d, _ := pause.From(ctx)
	s.Pause = d.String()
	_, missing := undeclared.From(ctx)
	s.Unknown = missing.Error()
	return s, err
}

func (g *diner) HandleDisconnect(ctx context.Context, _ websockets.Client, _ websockets.Reason) {
	table, _ := tableNumber.From(ctx)
	g.left <- table
}

func (g *diner) GatewayOptions() []websockets.Option {
	return []websockets.Option{websockets.Admit(func(ctx context.Context, h *websockets.Handshake) error {
		table, err := tableNumber.Get(h)
		g.guarded <- table
		return err
	}), pause}
}

const tablePath = "/tables/{table}/{heat}/{pause}"

func dinerModule() *module.Module {
	return module.New("diner", module.Controllers(newTables), module.Exports(websockets.Gateway(newDiner, tableNumber, tableName, heat,
		websockets.Via(ws.New(), websockets.Path(tablePath)), websockets.Via(socketio.New(), websockets.Namespace(tablePath)))))
}

// tables has the path values of diner, over HTTP.
type tables struct{}

func newTables() *tables { return &tables{} }

func (*tables) Routes(r chi.Router) {
	type in struct {
		Table int           `path:"table"`
		Heat  level         `path:"heat"`
		Pause time.Duration `path:"pause"`
	}
	r.Get("/http"+tablePath, web.JSON(func(_ context.Context, in in) (int, error) { return in.Table, nil }))
}

// Guards, checks, handlers and hooks have the typed values of the path or namespace.
func TestPathValue(t *testing.T) {
	a := apptest.New(t, dinerModule())
	g := apptest.Get[*diner](a)
	want := visit{Table: 12, Name: "12", Heat: 2, Pause: "1m30s", Unknown: `websockets: PathValue[uint]("table") has no value: ` +
		`pass it to websockets.Gateway, beside the Path or Namespace that has {table}; a client that has left has none`}
	for name, dial := range map[string]func(string) *apptest.Client{
		"ws":       func(path string) *apptest.Client { return a.DialWS(path) },
		"socketio": func(path string) *apptest.Client { return a.DialSocketIO(path) },
	} {
		c := dial("/tables/12/high/1m30s")
		if got := testkit.Receive(t, "check of Admit", g.guarded); got != 12 {
			t.Errorf("%s: table %d in Admit", name, got)
		}
		if got := apptest.Call[visit](c, "visit"); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		c.Close()
		if got := testkit.Receive(t, "HandleDisconnect", g.left); got != 12 {
			t.Errorf("%s: table %d in HandleDisconnect", name, got)
		}
	}
}

// A value that does not convert refuses the client, with the error of package web for the same path, before any check.
func TestPathValueRefused(t *testing.T) {
	log := &testkit.Log{}
	a := apptest.New(t, dinerModule(), apptest.With(app.Logger(log.Logger(0))))
	for _, path := range []string{"/tables/x/high/1s", "/tables/1/mild/1s", "/tables/99999999999999999999/high/1", "/tables/1/secret/1s"} {
		resp, err := http.Get(a.URL() + "/http" + path)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&want); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()

		_, err = apptest.TryDialWS(t, a.URL()+path)
		refused, ok := errors.AsType[*apptest.DialError](err)
		if !ok || refused.Status != resp.StatusCode {
			t.Fatalf("%s: %v, want status %d", path, err, resp.StatusCode)
		}
		_ = json.Unmarshal(refused.Body, &got)
		if got["message"] != want["message"] || got["code"] != want["code"] {
			t.Errorf("%s:\ngot  %s\nwant %v", path, refused.Body, want)
		}
		_, err = apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace(path))
		if err == nil || !strings.Contains(err.Error(), want["message"].(string)) {
			t.Errorf("%s: Socket.IO: %v, want %v", path, err, want["message"])
		}
	}
	if g := apptest.Get[*diner](a); len(g.guarded) > 0 {
		t.Error("the check of Admit ran")
	}

	if _, err := apptest.TryDialWS(t, a.URL()+"/tables/1/crash/1s"); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("a panic in UnmarshalText: %v", err)
	}
	if len(log.Lines("panic in UnmarshalText of a path value", "panic=crash")) != 1 {
		t.Errorf("log:\n%s", log)
	}
}

// Without a client, and for a unit test.
func TestPathValueOutside(t *testing.T) {
	if _, err := tableNumber.From(t.Context()); err == nil || err.Error() != `websockets: PathValue[int]("table"): the context has no client: pass that of a handler, hook or guard` {
		t.Error(err)
	}
	c := apptest.NewFakeClient("7")
	tableNumber.Set(c, 3)
	heat.Set(c, 1)
	if n, err := tableNumber.Get(c); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if l, err := heat.From(websockets.WithClient(t.Context(), c)); l != 1 || err != nil {
		t.Errorf("%d, %v", l, err)
	}
	if _, err := tableName.Get(c); err == nil {
		t.Error("a value of another type is set")
	}
}
