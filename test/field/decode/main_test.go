// Package decode_test tests the errors that clients receive for input that does not decode, over every way in.
package decode_test

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }

// answer is what a client reads of an error.
type answer struct {
	Status  int             `json:"statusCode"` // over HTTP
	Message string          `json:"message"`
	Code    string          `json:"code"`
	Details json.RawMessage `json:"details"`
}

func (a answer) check(t *testing.T, about, message, code, details string) {
	t.Helper()
	if a.Message != message || a.Code != code || string(a.Details) != details {
		t.Errorf("%s: got %q, %q, %s\nwant %q, %q, %s", about, a.Message, a.Code, a.Details, message, code, details)
	}
}

// gate takes forms as messages.
type gate struct{}

func newGate() *gate { return &gate{} }

func (*gate) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("save", func(context.Context, form) (bool, error) { return true, nil }),
		websockets.On("color", func(context.Context, color) (bool, error) { return true, nil }),
	}
}

// formController takes forms as bodies, and parameters.
type formController struct{}

func newFormController() *formController { return &formController{} }

func (*formController) Routes(r chi.Router) {
	r.Post("/save", web.JSON(func(context.Context, form) (bool, error) { return true, nil }))
	r.Post("/color", web.JSON(func(context.Context, color) (bool, error) { return true, nil }))
	r.Get("/query", web.JSON(func(context.Context, query) (bool, error) { return true, nil }))
	r.Get("/path/{at}/{color}", web.JSON(func(context.Context, inPath) (bool, error) { return true, nil }))
	r.Get("/header", web.JSON(func(context.Context, inHeader) (bool, error) { return true, nil }))
}

// sender sends JSON as the event or the body of that name, and returns the error. Its input is called a payload or a body.
type sender func(t *testing.T, name, text string) answer

// onEach runs a test with each way for JSON.
func onEach(t *testing.T, test func(t *testing.T, send sender, input string)) {
	for _, p := range []struct {
		name    string
		adapter func() adapter.Adapter
		dial    func(*apptest.App) *apptest.Client
	}{
		{"ws", func() adapter.Adapter { return ws.New() }, func(a *apptest.App) *apptest.Client { return a.DialWS("/") }},
		{"socketio", func() adapter.Adapter { return socketio.New() }, func(a *apptest.App) *apptest.Client { return a.DialSocketIO("/") }},
		{"zishang", func() adapter.Adapter { return zishang.New() }, func(a *apptest.App) *apptest.Client { return a.DialSocketIO("/") }},
	} {
		t.Run(p.name, func(t *testing.T) {
			a := apptest.New(t, module.New("gate", module.Providers(websockets.Gateway(newGate))), apptest.With(app.WebSockets(p.adapter())))
			c := p.dial(a)
			test(t, func(t *testing.T, name, text string) answer {
				t.Helper()
				e := c.CallError(name, json.RawMessage(text))
				return answer{Message: e.Message, Code: e.Code, Details: e.Details}
			}, "payload")
		})
	}
	t.Run("http", func(t *testing.T) {
		a := startDesk(t)
		test(t, func(t *testing.T, name, text string) answer {
			t.Helper()
			return request(t, http.MethodPost, a.URL()+"/"+name, text, nil)
		}, "body")
	})
}

func startDesk(t *testing.T) *apptest.App {
	t.Helper()
	return apptest.New(t, module.New("forms", module.Controllers(newFormController)))
}

// queryFor returns the answer to parameters that have the values.
func queryFor(t *testing.T, a *apptest.App, name string, values ...string) answer {
	t.Helper()
	return request(t, http.MethodGet, a.URL()+"/query?"+url.Values{name: values}.Encode(), "", nil)
}

func request(t *testing.T, method, target, body string, header http.Header) (got answer) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	maps.Copy(r.Header, header)
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &got); err != nil || got.Status != res.StatusCode {
		t.Fatalf("%d %s: %v", res.StatusCode, text, err)
	}
	return got
}

// parameter returns the name and the values of a field: "1&x" are two.
func parameter(field, text string) (name string, values []string) {
	name, _, isList := strings.Cut(field, ".")
	if !isList {
		return name, []string{text}
	}
	return name, strings.Split(text, "&")
}

func fill(text, name, value string) string { return strings.ReplaceAll(text, name, value) }
