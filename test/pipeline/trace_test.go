package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/internal/nodetest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// trace records steps in order.
type trace struct{ testkit.Steps }

// stage is one enhancement of each kind, bound in one scope. Its guard rejects a client whose
// query names it.
type stage struct {
	name string
	tr   *trace
}

func (s stage) note(what string) { s.tr.Add(s.name + " " + what) }

func (s stage) Check(_ context.Context, c *pipeline.Call) error {
	s.note("guard")
	if deny := c.Request.URL.Query().Get("deny"); c.Kind != pipeline.KindConnect && deny == s.name {
		return pipeline.ErrForbidden
	}
	return nil
}

func (s stage) Intercept(ctx context.Context, _ *pipeline.Call, next pipeline.Next) (any, error) {
	s.note("in")
	v, err := next(ctx)
	if err != nil {
		s.note("out with an error")
	} else {
		s.note("out")
	}
	return v, err
}

func (s stage) InterceptDenial(context.Context, *pipeline.Call, error) error {
	s.note("denial")
	return nil
}

func (s stage) Transform(_ context.Context, _ *pipeline.Call, payload any) error {
	s.note("pipe")
	if in, ok := payload.(*order); ok {
		in.tr = s.tr
	}
	return nil
}

func (s stage) Catch(context.Context, *pipeline.Call, error) *pipeline.Error {
	s.note("filter")
	return nil
}

// order is a payload with a Validate method. 13 is invalid, 14 makes the handler fail.
type order struct {
	N  int    `json:"n"`
	tr *trace // set by the pipes
}

func (o *order) Validate() error {
	o.tr.Add("Validate")
	if o.N == 13 {
		return errors.New("n must not be 13")
	}
	return nil
}

func (tr *trace) double(_ context.Context, in order) (int, error) {
	tr.Add("handler")
	if in.N == 14 {
		return 0, errors.New("the handler fails")
	}
	return 2 * in.N, nil
}

// The order of law 13, for messages and requests on every platform.
const (
	guarded = `
		global guard, owner guard, handler guard,`
	piping = guarded + `
		global in, owner in, handler in,
		global pipe, owner pipe, handler pipe,
		Validate`
	filtered = `
		handler filter, owner filter, global filter`
	served = piping + `, handler,
		handler out, owner out, global out`
	failed = piping + `, handler,
		handler out with an error, owner out with an error, global out with an error,` + filtered
	invalid = piping + `,
		handler out with an error, owner out with an error, global out with an error,` + filtered
	denial = `
		handler denial, owner denial, global denial,` + filtered
	deniedByHandler = guarded + denial
	deniedByOwner   = `global guard, owner guard,` + denial
	deniedByGlobal  = `global guard,` + denial
	// Before that, a connection was accepted; a request needs none.
	connected = `global guard, owner guard, HandleConnection`
)

func steps(text string) string {
	var out []string
	for s := range strings.SplitSeq(text, ",") {
		out = append(out, strings.TrimSpace(s))
	}
	return strings.Join(out, ", ")
}

// cases are the traced calls.
var cases = []struct {
	name string
	n    int
	deny string
	want string
}{
	{"served", 4, "", served},
	{"the handler fails", 14, "", failed},
	{"the payload is invalid", 13, "", invalid},
	{"denied by the guard of the handler", 4, "handler", deniedByHandler},
	{"denied by the guard of gateway or controller", 4, "owner", deniedByOwner},
	{"denied by the guard of the application", 4, "global", deniedByGlobal},
}

// traced is the gateway and the controller.
type traced struct {
	tr      *trace
	handler stage
}

func (g *traced) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("double", g.tr.double,
		websockets.UseFilters(g.handler), websockets.UsePipes(g.handler),
		websockets.UseInterceptors(g.handler), websockets.UseGuards(g.handler))}
}

func (g *traced) HandleConnection(_ context.Context, c websockets.Client) error {
	g.tr.Add("HandleConnection")
	return c.Emit(context.Background(), "hello", nil)
}

type tracedController struct{ *traced }

func (d *tracedController) Routes(r chi.Router) {
	web.Use(r, web.UseFilters(d.handler), web.UsePipes(d.handler), web.UseInterceptors(d.handler), web.UseGuards(d.handler)).
		Post("/double", web.JSON(d.tr.double))
}

func TestTrace(t *testing.T) {
	tr := &trace{}
	global, own, g := stage{"global", tr}, stage{"owner", tr}, &traced{tr, stage{"handler", tr}}
	d := &tracedController{g}
	h := &testApp{}
	h.start(t, module.New("traced",
		module.Providers(websockets.Gateway(func() *traced { return g },
			websockets.Via(socketio.New()), websockets.Via(ws.New(), websockets.Path("/ws")),
			websockets.UseFilters(own), websockets.UsePipes(own), websockets.UseInterceptors(own), websockets.UseGuards(own))),
		module.Controllers(web.Controller(func() *tracedController { return d },
			web.UseFilters(own), web.UsePipes(own), web.UseInterceptors(own), web.UseGuards(own)))), false,
		[]app.Option{app.UseFilters(global), app.UsePipes(global), app.UseInterceptors(global), app.UseGuards(global)})
	node := nodetest.Start(t)

	message := func(c *nodetest.Client, n int) {
		defer leave(c)
		c.Expect("hello") // the client is connected before its hook has run
		check(t, "connected", tr, connected)
		_, _ = c.TryCall("double", map[string]int{"n": n}) // other tests check the answer
	}
	for _, platform := range []struct {
		name string
		send func(n int, deny string)
	}{
		{"Socket.IO over polling", func(n int, deny string) {
			message(node.SocketIO(h.url, nodetest.Opts{"transports": []string{polling}, "query": map[string]string{"deny": deny}}), n)
		}},
		{"Socket.IO over websocket", func(n int, deny string) {
			message(node.SocketIO(h.url, nodetest.Opts{"transports": []string{webSocket}, "query": map[string]string{"deny": deny}}), n)
		}},
		{"plain WebSocket", func(n int, deny string) {
			message(node.WS("ws"+strings.TrimPrefix(h.url, "http")+"/ws?deny="+deny, nil), n)
		}},
		{"HTTP", func(n int, deny string) {
			v := &attempt{t: t, h: h, denies: map[string]string{"deny": deny}}
			v.route(http.MethodPost, "/double", fmt.Sprintf(`{"n":%d}`, n))
		}},
	} {
		for _, j := range cases {
			platform.send(j.n, j.deny)
			check(t, platform.name+", "+j.name, tr, j.want)
		}
	}
}

func check(t *testing.T, what string, tr *trace, want string) {
	t.Helper()
	if got := strings.Join(tr.Take(), ", "); got != steps(want) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, got, steps(want))
	}
}
