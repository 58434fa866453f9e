package pipes

import (
	"context"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/docs/internal/snippets/ask"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/validate"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func start(t *testing.T, opts ...app.Option) *apptest.App {
	t.Helper()
	return apptest.New(t, Module, apptest.With(append(opts, app.WebSockets(ws.New()), app.UsePipes(validate.New))...))
}

func onPage(t *testing.T, text string) {
	t.Helper()
	page, err := os.ReadFile("../../../pipes.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), text) {
		t.Errorf("docs/pipes.md does not show\n%s", text)
	}
}

func TestInputThatDoesNotDecode(t *testing.T) {
	a := start(t)
	for _, tt := range []struct{ body, want string }{
		{`{"sizes":["small",5]}`, `{"statusCode":400,"message":"Bad body: sizes.1 must be a string, not a number","error":"Bad Request","code":"bad_payload","details":[{"field":"sizes.1","rule":"type","message":"must be a string"}]}`},
		{`{"sizes":["huge"]}`, `{"statusCode":400,"message":"Bad body: sizes.0 must be small or large","error":"Bad Request","code":"bad_payload","details":[{"field":"sizes.0","rule":"size","message":"must be small or large"}]}`},
	} {
		ask.JSON(t, "POST", a.URL()+"/parcels", tt.body).Want(t, 400, tt.want)
		onPage(t, tt.want)
	}
}

var broken = map[string]any{"text": "hi", "to": []any{map[string]any{}}}

func TestMessages(t *testing.T) {
	a := start(t)
	c := a.DialWS("/")
	c.Raw().Text(`{"event":"post","data":{"text":"hi","to":[{}]},"id":100}`)
	frame := c.Raw().ExpectPrefix(`{"event":"exception","id":100,"data":`)
	frame = strings.TrimSuffix(strings.TrimPrefix(frame, `{"event":"exception","id":100,"data":`), "}")
	onPage(t, frame)
	if got := apptest.Call[string](c, "post", Message{Room: "a", Text: " hi "}); got != "hi" {
		t.Errorf("got %q", got)
	}
	if e := c.CallError("post", "text"); e.Code != "bad_payload" || !strings.HasPrefix(e.Message, "Bad payload: the payload must be") {
		t.Errorf("got %+v", e)
	}
	if e := c.CallError("book", Stay{3, 2}); e.Message != "Bad payload: to must be after from" || e.Code != "bad_payload" {
		t.Errorf("got %+v", e)
	}
	if got := apptest.Call[int](c, "book", map[string]any{"from": 1, "to": 3, "extra": true}); got != 2 {
		t.Errorf("got %d", got)
	}
}

func TestSocketIO(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(socketio.New()), app.UsePipes(validate.New)))
	e := a.DialSocketIO("/").CallError("post", broken)
	if e.Message != "Bad payload: room is required; to.0.name is required" || e.Status != "error" {
		t.Errorf("got %+v", e)
	}
}

func TestRequests(t *testing.T) {
	a := start(t)
	got := ask.JSON(t, "POST", a.URL()+"/messages", `{"text":"hi","to":[{}]}`)
	onPage(t, got.Body)
	if got.Status != 400 {
		t.Errorf("status %d", got.Status)
	}
	got = ask.JSON(t, "GET", a.URL()+"/search?page=101", "")
	if m := got.Field(t, "message"); got.Status != 400 || m != "Bad payload: q is required; page may be at most 100" {
		t.Errorf("%d %s", got.Status, m)
	}
	got = ask.JSON(t, "GET", a.URL()+"/search?q=a&page=two", "")
	if m := got.Field(t, "message"); got.Status != 400 || m != "Bad payload: page must be a number" {
		t.Errorf("%d %s", got.Status, m)
	}
	got = ask.JSON(t, "POST", a.URL()+"/strict", `{"from":1,"to":2,"extra":true}`)
	if m := got.Field(t, "message"); got.Status != 400 || m != "Bad body: extra is unknown" {
		t.Errorf("%d %s", got.Status, m)
	}
}

func TestRule(t *testing.T) {
	a := apptest.New(t, ShopModule, apptest.With(app.WebSockets(ws.New())))
	c := a.DialWS("/")
	if !apptest.Call[bool](c, "order", Order{"tea"}) {
		t.Error("not ordered")
	}
	if e := c.CallError("order", Order{"coal"}); e.Message != "Bad payload: shop is not one of our shops" {
		t.Errorf("got %+v", e)
	}
}

func TestQuota(t *testing.T) {
	a := start(t, app.UsePipes(NewQuota))
	c := a.DialWS("/")
	c.Call("book", Stay{1, 91})
	if e := c.CallError("book", Stay{1, 2}); e.Code != "quota" || e.Message != "There are no more days for book" {
		t.Errorf("got %+v", e)
	}
}

// The order of the page.
func TestOrder(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	note := func(where string) pipeline.Pipe {
		return pipeline.PipeFunc(func(_ context.Context, _ *pipeline.Call, payload any) error {
			mu.Lock()
			defer mu.Unlock()
			if _, ok := payload.(*Stay); !ok {
				t.Errorf("%s sees a %T", where, payload)
			}
			seen = append(seen, where)
			return nil
		})
	}
	root := module.New("order", module.Providers(websockets.Gateway(NewGateway,
		websockets.UsePipes(note("gateway")), websockets.ForEvent("book", websockets.UsePipes(note("handler"))))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New()), app.UsePipes(note("application"))))
	c := a.DialWS("/")
	if e := c.CallError("book", Stay{3, 2}); e.Message != "Bad payload: to must be after from" {
		t.Errorf("got %+v", e)
	}
	c.CallError("book", "no stay") // does not decode, so no pipe sees it
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"application", "gateway", "handler"}; !slices.Equal(seen, want) {
		t.Errorf("got %q", seen)
	}
}

// snippet:test
func TestTags(t *testing.T) {
	if err := validate.New().CheckType(reflect.TypeFor[Message]()); err != nil {
		t.Error(err)
	}
}

// end
