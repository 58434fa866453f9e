package interceptors

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
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

func (j *Journal) want(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, want) {
		t.Errorf("seen %q\nwant %q", j.lines, want)
	}
	j.lines = nil
}

func TestMessages(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New())))
	j, ok := apptest.Get[Seen](a).(*Journal)
	if !ok {
		t.Fatal("no journal")
	}
	c := a.DialWS("/")
	for range 2 { // the second one is from the cache
		if got := string(c.Call("price")); got != `{"data":7}` {
			t.Errorf("got %s", got)
		}
	}
	if n := apptest.Get[*Gateway](a).asked; n != 1 {
		t.Errorf("the handler was called %d times", n)
	}
	j.want(t, "price", "price")

	c.Call("count", 2)
	if one, two := apptest.Expect[int](c, "n"), apptest.Expect[int](c, "n"); one != 2 || two != 4 {
		t.Errorf("got %d, %d", one, two)
	}
	j.want(t, "sent n", "sent n", "count")

	if e := c.CallError("report"); e.Message != "Timeout" || e.Code != "timeout" {
		t.Errorf("got %+v", e)
	}
	j.want(t, "report: Timeout")

	c.Call("post", "news")
	if got := apptest.Expect[string](c, "news"); got != "text" {
		t.Errorf("got %q", got)
	}
	c.Call("post", "draft")
	c.ExpectNone("draft", func() { c.Call("count", 0) })
	j.want(t, "sent news", "post", "post", "count")
}

func TestRequests(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New())))
	j, ok := apptest.Get[Seen](a).(*Journal)
	if !ok {
		t.Fatal("no journal")
	}
	ask.JSON(t, "GET", a.URL()+"/price", "").Want(t, 200, `{"data":7}`)
	if got := ask.JSON(t, "GET", a.URL()+"/secret", ""); got.Status != 403 {
		t.Errorf("got %d", got.Status)
	}
	ask.JSON(t, "GET", a.URL()+"/slow", "").
		Want(t, 503, `{"statusCode":503,"message":"Timeout","error":"Service Unavailable","code":"timeout"}`)
	j.want(t, "GET /price", "denied GET /secret: Forbidden resource", "GET /slow: Timeout")
}

// Status and errors after the filters, also without a route.
func TestOutcomes(t *testing.T) {
	a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New()), app.UseInterceptors(NewCounter),
		app.UseFilters(pipeline.FilterIs(pipeline.ErrForbidden, &pipeline.Error{Message: "Nothing here", Status: 404}))))
	j, ok := apptest.Get[Seen](a).(*Journal)
	if !ok {
		t.Fatal("no journal")
	}
	for _, path := range []string{"/price", "/secret", "/slow", "/typo"} {
		ask.JSON(t, "GET", a.URL()+path, "")
	}
	j.want(t, "GET /price", "http GET /price 200", "denied GET /secret: Forbidden resource", "http GET /secret 404: Forbidden resource",
		"GET /slow: Timeout", "http GET /slow 503: Timeout", "http none 404: Cannot GET /typo")
}

func TestLogging(t *testing.T) {
	var l testkit.Log
	a := apptest.New(t, Module, apptest.With(app.WebSockets(ws.New()), app.UseInterceptors(pipeline.NewLogging),
		app.Logger(slog.New(slog.NewTextHandler(&l, nil)))))
	ask.JSON(t, "GET", a.URL()+"/price", "")
	ask.JSON(t, "GET", a.URL()+"/secret", "")
	c := a.DialWS("/")
	c.CallError("report")
	_ = c.Call("price") // handled after report has been logged
	for _, want := range []string{
		`level=INFO msg=handled kind=http pattern="GET /price" name=interceptors.NewController took=`,
		`level=WARN msg=denied kind=http pattern="GET /secret"`,
		` kind=message pattern=report name=interceptors.NewGateway took=`,
	} {
		if !strings.Contains(l.String(), want) {
			t.Errorf("no line %s in\n%s", want, &l)
		}
	}
}

// The order of the page.
func TestOrder(t *testing.T) {
	j := NewJournal()
	note := func(where string) pipeline.Interceptor {
		return pipeline.InterceptorFunc(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
			j.Observe(where+" in", 0, nil)
			v, err := next(ctx)
			j.Observe(where+" out", 0, err)
			return v, err
		})
	}
	failing := pipeline.PipeFunc(func(context.Context, *pipeline.Call, any) error { return errors.New("bad") })
	root := module.New("order", module.Providers(websockets.Gateway(NewGateway, websockets.UseInterceptors(note("gateway")),
		websockets.UseGuards(func(context.Context, *pipeline.Call) error { j.Observe("guard", 0, nil); return nil }),
		websockets.ForEvent("price", websockets.UseInterceptors(note("handler")), websockets.UsePipes(failing)))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New()), app.UseInterceptors(note("application"))))
	a.DialWS("/").CallError("price")
	j.want(t, "guard", "guard", "application in", "gateway in", "handler in",
		"handler out: bad", "gateway out: bad", "application out: bad")
}

// Recovery, and an error that is turned into a result.
func TestErrorsBecomeResults(t *testing.T) {
	calm := pipeline.InterceptorFunc(func(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
		if v, err := next(ctx); err == nil {
			return v, nil
		}
		return -1, nil
	})
	crash := pipeline.PipeFunc(func(context.Context, *pipeline.Call, any) error { panic("boom") })
	reported := make(chan any, 1)
	recovery := pipeline.Recovery(func(_ context.Context, _ *pipeline.Call, value any, _ []byte) error {
		reported <- value
		return &pipeline.Error{Message: "The error was reported", Code: "crash"}
	})
	root := module.New("calm", module.Providers(websockets.Gateway(NewGateway,
		websockets.ForEvent("price", websockets.UseInterceptors(calm)),
		websockets.ForEvent("report", websockets.UseInterceptors(recovery), websockets.UsePipes(crash)))))
	a := apptest.New(t, root, apptest.With(app.WebSockets(ws.New())))
	c := a.DialWS("/")
	c.Call("price") // the next one fails
	if got := string(c.Call("price")); got != `{"data":-1}` {
		t.Errorf("got %s", got)
	}
	if e := c.CallError("report"); e.Code != "crash" || <-reported != "boom" {
		t.Errorf("got %+v", e)
	}
}
