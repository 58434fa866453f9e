package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Legacy is a type whose JSON is another one with encoding/json than with json/v2.
type Legacy struct {
	Name   string
	List   []int
	Map    map[string]int
	Zero   int `json:",omitempty"`
	Wait   time.Duration
	Sum    [3]byte
	Quoted int `json:"quoted,string"`
}

// legacyInput is accepted by encoding/json alone: a number for a duration, a duplicate name, an array for bytes.
const legacyInput = `{"name":"<a>","NAME":"<b>","wait":1500,"sum":[1,2,3],"map":{"z":1,"a":2},"quoted":"7"}`

type legacyGateway struct {
	Server *websockets.Server `websockets:"server"`
}

var askLegacy = websockets.NewCall[Legacy, Legacy]("ask")

func (g *legacyGateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, v Legacy) (Legacy, error) { return v, nil }),
		websockets.On("strict", func(_ context.Context, v Legacy) (Legacy, error) { return v, nil }, websockets.Strict()),
		websockets.On("binary", func(_ context.Context, v legacyBinary) (legacyBinary, error) { return v, nil }),
		websockets.On("call", func(ctx context.Context, v Legacy) (Legacy, error) {
			return askLegacy.Call(ctx, websockets.ClientFrom(ctx), v)
		},
			websockets.Background(1)),
		websockets.On("call all", func(ctx context.Context, v Legacy) (Legacy, error) {
			all, err := askLegacy.CallAll(ctx, g.Server, v)
			if err != nil || len(all.Answered) != 1 {
				return Legacy{}, websockets.NewError("no answer")
			}
			return all.Answered[0].Value, nil
		}, websockets.Background(1)),
	}
}

type legacyBinary struct {
	Data []byte
	Wait time.Duration
	List []int
}

type legacyController struct{}

func (legacyController) Routes(r chi.Router) {
	r.Post("/echo", web.JSON(func(_ context.Context, v Legacy) (Legacy, error) { return v, nil }, web.Status(http.StatusOK)))
	r.Post("/with/{name}", web.JSON(func(_ context.Context, v struct {
		Path string `path:"name"`
		Legacy
	}) (Legacy, error) {
		return v.Legacy, nil
	}, web.Status(http.StatusOK)))
	r.Post("/read", web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		v, err := web.ReadJSON[Legacy](w, r, 1<<20)
		if err != nil {
			return err
		}
		b, err := json.Marshal(v)
		_, _ = w.Write(b)
		return err
	}))
}

// legacyModule is an application; its types have plans of the framework's codec, as soon as it is served without JSONV1.
func legacyModule(routes bool) *module.Module {
	opts := []module.Option{module.Providers(websockets.Gateway(func() *legacyGateway { return &legacyGateway{} }))}
	if routes {
		opts = append(opts, module.Controllers(web.Controller(func() legacyController { return legacyController{} })))
	}
	return module.New("legacy", opts...)
}

// TestField_X41_RulesOfEncodingJSON: With app.JSON(websockets.JSONV1()) messages, answers of calls and routes are decoded and
// encoded as by encoding/json, also strict ones and those with binary; without it a time.Duration is a start error.
func TestField_X41_RulesOfEncodingJSON(t *testing.T) {
	_, err := app.New(legacyModule(false), app.HTTP("127.0.0.1:0"), app.WebSockets(ws.New()))
	if err != nil {
		t.Fatal(err)
	}
	var v Legacy
	if err := json.Unmarshal([]byte(legacyInput), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	want := string(out)
	for name, platform := range map[string]func() adapter.Adapter{
		"ws":       func() adapter.Adapter { return ws.New() },
		"socketio": func() adapter.Adapter { return socketio.New() },
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t, legacyModule(true), apptest.With(app.WebSockets(platform()), app.JSON(websockets.JSONV1())))
			var c *apptest.Client
			if name == "ws" {
				c = a.DialWS("/")
			} else {
				c = a.DialSocketIO("/")
			}
			c.OnCall("ask", func(in json.RawMessage) any {
				if string(in) != want {
					t.Errorf("asked %s\nwant  %s", in, want)
				}
				return in
			})
			for _, event := range []string{"echo", "strict", "call", "call all"} {
				if got := c.Call(event, json.RawMessage(legacyInput)); string(got) != want {
					t.Errorf("%s: got %s\nwant %s", event, got, want)
				}
			}
			if e := c.CallError("strict", json.RawMessage(`{"other":1}`)); e.Message != "Bad payload: other is unknown" {
				t.Errorf("strict: %q", e.Message)
			}
			if e := c.CallError("echo", json.RawMessage(`{"map":{"a":"x"}}`)); e.Message != "Bad payload: map.a must be a number, not a string" {
				t.Errorf("an error names the place: %q", e.Message)
			}
			got := apptest.Call[map[string]any](c, "binary", map[string]any{"data": []byte("bytes"), "wait": 5})
			if list, ok := got["List"]; !ok || list != nil || got["Wait"] != 5.0 || got["Data"] != "Ynl0ZXM=" {
				t.Errorf("binary: got %v", got)
			}
			for _, path := range []string{"/echo", "/with/name", "/read"} {
				if got := post(t, a, path, legacyInput); got != want {
					t.Errorf("%s: got %s\nwant %s", path, got, want)
				}
			}
		})
	}
	t.Run("without", func(t *testing.T) {
		_, err := app.Describe(legacyModule(true), app.WebSockets(ws.New()))
		if err == nil || !strings.Contains(err.Error(), "time.Duration") {
			d, _ := app.Describe(legacyModule(true), app.WebSockets(ws.New()))
			if d == nil || !strings.Contains(strings.Join(d.Problems, "\n"), "time.Duration") {
				t.Errorf("the framework's codec accepts a time.Duration: %v", err)
			}
		}
	})
}

func post(t *testing.T, a *apptest.App, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := a.HTTPClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%s: status %d, %v", path, res.StatusCode, err)
	}
	return string(b)
}
