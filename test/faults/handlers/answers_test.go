package handlers_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/validate"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// secretForm is a payload with rules; clients must see neither its name nor the names of its Go fields.
type secretForm struct {
	InternalName string `json:"name" validate:"required,max=5"`
	InternalAge  int8   `json:"age"  validate:"gte=18"`
}

// counter is a controller with one route.
type counter struct{ route http.HandlerFunc }

func (c *counter) Routes(r chi.Router) { r.Post("/route", c.route) }

// serving starts an application with a gateway and a route.
func serving(t *testing.T, p platform, h *hooks, route http.HandlerFunc, opts ...app.Option) (*apptest.App, *testkit.Log) {
	t.Helper()
	log := &testkit.Log{}
	a := apptest.New(t, module.New("test",
		module.Providers(websockets.Gateway(func() *hooks { return h })),
		module.Controllers(func() *counter { return &counter{route} }),
	), apptest.With(append(opts, app.WebSockets(p.adapter()), logTo(log))...))
	return a, log
}

// TestFault_F66_ValidationError: A payload that breaks rules, or has the wrong types, is answered with the code
// bad_payload and the names used on the wire, over every protocol; nothing reveals the server's own types.
func TestFault_F66_ValidationError(t *testing.T) {
	onEach(t, func(t *testing.T, p platform) {
		ran := false
		h := &hooks{subs: []websockets.Subscription{
			websockets.On("save", func(context.Context, secretForm) (bool, error) { ran = true; return true, nil }),
		}}
		a, _ := serving(t, p, h, web.JSON(func(context.Context, secretForm) (bool, error) { ran = true; return true, nil }), app.UsePipes(validate.New))
		c := p.enter(t, a)
		for payload, field := range map[string]string{
			`{"name":"too long","age":20}`: "name",
			`{"name":"ann","age":3}`:       "age",
			`{"name":"ann","age":"old"}`:   "age",
			`{"name":"ann","age":1000}`:    "age",
			`{"name":5,"age":20}`:          "name",
			`{}`:                           "name",
		} {
			e := c.CallError("save", json.RawMessage(payload))
			checkBadPayload(t, payload, field, e.Code, e.Message+string(e.Details))
			status, body, err := post(t, a.URL()+"/route", payload)
			if err != nil || status != http.StatusBadRequest {
				t.Errorf("%s: %d %v", payload, status, err)
			}
			checkBadPayload(t, payload, field, websockets.CodeBadPayload, body)
		}
		if ran {
			t.Error("a handler has seen it")
		}
		echoes(t, c)
	})
}

func checkBadPayload(t *testing.T, payload, field, code, text string) {
	t.Helper()
	if code != websockets.CodeBadPayload || !strings.Contains(text, field) {
		t.Errorf("%s: answered %q with the code %q, want the field %q", payload, text, code, field)
	}
	for _, leak := range []string{"secretForm", "Internal", "handlers_test", "int8", "Go ", "struct", ".go:"} {
		if strings.Contains(text, leak) {
			t.Errorf("%s: %q reveals %q", payload, text, leak)
		}
	}
}

// TestFault_F67_SecretInAnError: An error that is not meant for clients, such as that of a database with its
// password, is sent as "Internal server error" everywhere, and is logged. No development mode reveals more.
func TestFault_F67_SecretInAnError(t *testing.T) {
	secret := errors.New("dial postgres://admin:hunter2@db: refused")
	if _, ok := errors.AsType[*websockets.Error](secret); ok {
		t.Fatal("the error is meant for clients")
	}
	onEach(t, func(t *testing.T, p platform) {
		at := func(place string) func(ctx context.Context, c *pipeline.Call) error {
			return func(_ context.Context, c *pipeline.Call) error {
				if asked(c.Request) == place+" "+string(c.Kind) {
					return secret
				}
				return nil
			}
		}
		h := &hooks{subs: []websockets.Subscription{
			websockets.On("fail", func(context.Context, int) (int, error) { return 0, secret }),
			websockets.On("hidden", func(context.Context, int) (int, error) {
				return 0, &websockets.Error{Message: "Try again", Err: secret}
			}),
		}}
		h.connect = func(_ context.Context, c websockets.Client) error {
			if asked(c.Request()) == "hook" {
				return secret
			}
			return nil
		}
		a, log := serving(t, p, h, web.Handle(func(http.ResponseWriter, *http.Request) error { return secret }),
			app.UseGuards(at("guard")))
		masked := func(where, text string) {
			t.Helper()
			if strings.Contains(text, "hunter2") || strings.Contains(text, "postgres") {
				t.Errorf("%s: the client gets %q", where, text)
			}
		}
		c := p.enter(t, a)
		e := c.CallError("fail", 1)
		masked("handler", e.Message+string(e.Details))
		if e = c.CallError("hidden", 1); e.Message != "Try again" {
			t.Errorf("the client gets %+v, want the public error", e)
		}
		_, err := p.mayDial(t, a, asking("guard connect"))
		refused := refusalOf(t, err)
		masked("guard", refused.Message+string(refused.Body)+string(refused.Data))
		out := p.enter(t, a, asking("hook"))
		exception := apptest.Expect[apptest.Exception](out, "exception")
		end := out.ExpectClose()
		masked("HandleConnection", exception.Message+string(exception.Details)+end.Reason)
		status, body, err := post(t, a.URL()+"/route", "{}")
		masked("route", body)
		if status != http.StatusInternalServerError || err != nil {
			t.Errorf("the route: %d %v", status, err)
		}
		for _, words := range [][]string{{"event=fail"}, {"a check before the handshake failed"}, {"event=handleConnection"}, {"POST /route"}} {
			if n := len(log.Lines(append(words, "hunter2", "level=ERROR")...)); n != 1 {
				t.Errorf("%q is in the log %d times, want once", words, n)
			}
		}
		echoes(t, c)
	})
}

// ring is a value that contains itself.
type ring struct{ Next *ring }

// mute refuses to be encoded.
type mute struct{}

func (mute) MarshalJSON() ([]byte, error) { return nil, errors.New("no words") }

// TestFault_F68_UnserialisableResult: A result that JSON cannot represent is answered like an unknown error, an ack
// included, and the client's next message is handled.
func TestFault_F68_UnserialisableResult(t *testing.T) {
	round := &ring{}
	round.Next = round
	values := map[string]any{
		"a channel": make(chan int), "a function": func() {}, "not a number": math.NaN(), "plus infinity": math.Inf(1),
		"a cycle": round, "a key that is not text": map[[2]float64]int{{1, 2}: 3}, "an error of its own": mute{},
		"deep inside": map[string]any{"a": []any{1, map[string]any{"b": math.NaN()}}}, "bad text": json.RawMessage(`{"a":`),
	}
	onEach(t, func(t *testing.T, p platform) {
		h := &hooks{}
		for name, v := range values {
			h.subs = append(h.subs,
				websockets.On(name, func(context.Context, int) (any, error) { return v, nil }),
				websockets.On(name+", response", func(context.Context, int) (websockets.Response[any], error) {
					return websockets.Respond("news", v), nil
				}),
				websockets.On(name+", emit", func(ctx context.Context, _ int) (string, error) {
					if err := websockets.ClientFrom(ctx).Emit(ctx, "news", v); err == nil {
						return "", websockets.NewError("Emit returns no error")
					}
					if err := h.Server.Emit(ctx, "news", v); err == nil {
						return "", websockets.NewError("Emit to all returns no error")
					}
					return "both fail", nil
				}))
		}
		a, log := serving(t, p, h, web.JSON(func(_ context.Context, in struct{ Name string }) (any, error) { return values[in.Name], nil }))
		c := p.enter(t, a)
		for name := range values {
			for _, event := range []string{name, name + ", response"} {
				if e := c.CallError(event, 1); e.Message != internal {
					t.Errorf("%s: the client gets %+v", event, e)
				}
				if n := len(log.Lines("level=ERROR", `event="`+event+`"`)); n != 1 {
					t.Errorf("%s: %d lines in the log, want 1", event, n)
				}
			}
			if got := apptest.Call[string](c, name+", emit", 1); got != "both fail" {
				t.Errorf("%s: %s", name, got)
			}
			echoes(t, c)
			body, _ := json.Marshal(map[string]string{"Name": name})
			status, answer, err := post(t, a.URL()+"/route", string(body))
			if err != nil || status != http.StatusInternalServerError || !strings.Contains(answer, internal) {
				t.Errorf("%s over HTTP: %d %s, %v", name, status, answer, err)
			}
		}
		c.ExpectNone("news", func() { echoes(t, c) })
	})
}

// post sends JSON on a new connection.
func post(t *testing.T, url, body string) (status int, answer string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return do(req)
}
