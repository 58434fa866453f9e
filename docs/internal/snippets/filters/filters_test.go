package filters

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/ask"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func start(t *testing.T) (*apptest.App, *testkit.Log) {
	t.Helper()
	j := &testkit.Log{}
	return apptest.New(t, Module, apptest.With(app.WebSockets(ws.New()), app.UseFilters(NoRows, NewReport),
		app.Logger(slog.New(slog.NewTextHandler(j, nil))))), j
}

func TestMessages(t *testing.T) {
	a, j := start(t)
	c := a.DialWS("/")
	for room, want := range map[string]apptest.Exception{
		"tea":    {Message: "tea is full", Code: "full"},
		"gone":   {Message: "Not found", Code: "not_found"},
		"broken": {Message: "Internal server error"},
		"crash":  {Message: "Internal server error"},
	} {
		if e := c.CallError("enter", room); e.Message != want.Message || e.Code != want.Code {
			t.Errorf("%s: got %+v", room, e)
		}
	}
	// Errors that no filter converts are logged by the framework, others are not.
	if n := len(j.Lines("gateway failed")); n != 2 {
		t.Errorf("logged %d times", n)
	}
	// The filters of the gateway took one, NoRows another; Report saw the others.
	if n := len(j.Lines("level=WARN msg=failed kind=message pattern=enter")); n != 2 {
		t.Errorf("reported %d times", n)
	}
	if e := c.CallError("enter", 5); e.Code != "bad_payload" || len(j.Lines("error=\"Bad payload: the payload must be a string, not a number")) != 1 {
		t.Errorf("got %+v, log %s", e, j)
	}
	if e := c.CallError("dance"); e.Code != "unknown_event" || len(j.Lines("pattern=dance")) != 1 {
		t.Errorf("got %+v", e)
	}
	c.Raw().Text(`{"event":"old","id":99}`)
	c.Raw().Expect(`{"event":"exception","id":99,"data":{"ok":false,"reason":"no"}}`)
}

func TestRequests(t *testing.T) {
	a, j := start(t)
	for room, want := range map[string]string{
		"tea":    `{"statusCode":409,"message":"tea is full","error":"Conflict","code":"full"}`,
		"gone":   `{"statusCode":404,"message":"Not found","error":"Not Found","code":"not_found"}`,
		"broken": `{"statusCode":500,"message":"Internal server error","error":"Internal Server Error"}`,
		"crash":  `{"statusCode":500,"message":"Internal server error","error":"Internal Server Error"}`,
	} {
		if got := ask.JSON(t, "DELETE", a.URL()+"/rooms/"+room, ""); got.Body != want {
			t.Errorf("%s: got %s", room, got.Body)
		}
	}
	if n := len(j.Lines("level=WARN msg=failed kind=http pattern=\"DELETE /rooms/{room}\"")); n != 2 {
		t.Errorf("reported %d times", n)
	}
	before := len(j.Lines("msg=failed"))
	ask.JSON(t, "GET", a.URL()+"/nowhere", "").
		Want(t, 404, `{"statusCode":404,"message":"Cannot GET /nowhere","error":"Not Found"}`)
	if n := len(j.Lines("msg=failed")); n != before {
		t.Error("a filter saw a request without a route")
	}
}

func TestConnections(t *testing.T) {
	a, j := start(t)
	c := a.DialWS("/?room=tea")
	if e := apptest.Expect[apptest.Exception](c, "exception"); e.Message != "tea is full" || e.Cause.Pattern != "handleConnection" {
		t.Errorf("got %+v", e)
	}
	if end := c.ExpectClose(); end.Code != 1008 {
		t.Errorf("closed with %d", end.Code)
	}
	c = a.DialWS("/?room=broken")
	if e := apptest.Expect[apptest.Exception](c, "exception"); e.Message != "Internal server error" {
		t.Errorf("got %+v", e)
	}
	if len(j.Lines("kind=connect pattern=/ error=\"disk full\"")) != 1 {
		t.Error("not reported")
	}
}

func TestRefusedByAGuard(t *testing.T) {
	root := module.New("guarded", module.Providers(websockets.Gateway(NewGateway, websockets.UseFilters(Full),
		websockets.UseGuards(func(_ context.Context, c *pipeline.Call) error { return &FullError{"The house"} }))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())))
	_, err := apptest.TryDialWS(t, a.URL())
	if e, ok := errors.AsType[*apptest.DialError](err); !ok || e.Status != 409 || e.Message != "The house is full" {
		t.Errorf("got %v", err)
	}
}

func TestOrder(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	note := func(where string) pipeline.Filter {
		return pipeline.FilterFunc(func(context.Context, *pipeline.Call, error) *pipeline.Error {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, where)
			return nil
		})
	}
	root := module.New("order", module.Providers(websockets.Gateway(NewGateway,
		websockets.UseFilters(note("gateway 1"), note("gateway 2")), websockets.ForEvent("enter", websockets.UseFilters(note("handler"))))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New()), app.UseFilters(note("application"))))
	a.DialWS("/").CallError("enter", "broken")
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"handler", "gateway 1", "gateway 2", "application"}; !slices.Equal(asked, want) {
		t.Errorf("got %q", asked)
	}
}

func TestAFilterThatPanics(t *testing.T) {
	bad := pipeline.FilterFunc(func(context.Context, *pipeline.Call, error) *pipeline.Error { panic("boom") })
	root := module.New("bad", module.Providers(websockets.Gateway(NewGateway, websockets.UseFilters(bad, NoRows))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())))
	if e := a.DialWS("/").CallError("enter", "gone"); e.Message != "Internal server error" {
		t.Errorf("got %+v", e)
	}
}
