// Package codec_test tests what payloads may be: text that is not Unicode, lists that need much memory, and types that JSON
// does not have.
package codec_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/internal/rawpeer"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }

// note is a payload with text at each place.
type note struct {
	Text string            `json:"text"`
	Any  any               `json:"any,omitzero"`
	List []string          `json:"list,omitempty"`
	Map  map[string]string `json:"map,omitempty"`
}

// item needs 800 bytes, and 3 in JSON.
type item struct {
	Numbers [100]int `json:"numbers,omitzero"`
}

// odd is a type that the library decodes.
type odd struct {
	ID    int    `json:"id,string"`
	Items []item `json:"items"`
}

// mixed has elements of all sizes.
type mixed struct {
	ID    int              `json:"id,string"`
	Rows  []row            `json:"rows"`
	Any   []any            `json:"any"`
	Maps  []map[string]any `json:"maps"`
	Items []item           `json:"items"`
}

type row struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

var (
	ask    = websockets.NewCall[string, string]("ask")
	askRaw = websockets.NewCall[string, websockets.Payload]("ask")
)

// testGateway takes messages.
type testGateway struct{}

func newTestGateway() *testGateway { return &testGateway{} }

func (*testGateway) Subscriptions() []websockets.Subscription {
	count := func(n int) (int, error) { return n, nil }
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, v string) (string, error) { return v, nil }),
		websockets.On("note", func(_ context.Context, v note) (note, error) { return v, nil }),
		websockets.On("strict", func(_ context.Context, v note) (note, error) { return v, nil }, websockets.Strict()),
		websockets.On("any", func(_ context.Context, v any) (any, error) { return v, nil }),
		websockets.On("cut", func(_ context.Context, n int) (string, error) { return "grün"[:n], nil }),
		websockets.On("cut note", func(_ context.Context, n int) (note, error) {
			cut := "grün"[:n]
			return note{Text: cut, Any: []any{cut}, List: []string{cut}, Map: map[string]string{cut: cut}}, nil
		}),
		websockets.On("ask", func(ctx context.Context, v string) (string, error) {
			return ask.Call(ctx, websockets.ClientFrom(ctx), v)
		}),
		websockets.On("ask raw", func(ctx context.Context, v string) (string, error) {
			p, err := askRaw.Call(ctx, websockets.ClientFrom(ctx), v)
			return string(p.JSON), err
		}),
		websockets.On("auth", func(ctx context.Context, _ any) (v map[string]string, err error) {
			err = websockets.ClientFrom(ctx).Auth().Decode(&v)
			return v, err
		}),
		websockets.On("items", func(_ context.Context, v []item) (int, error) { return count(len(v)) }),
		websockets.On("pointers", func(_ context.Context, v []*item) (int, error) { return count(len(v)) }),
		websockets.On("map", func(_ context.Context, v map[string]item) (int, error) { return count(len(v)) }),
		websockets.On("deep", func(_ context.Context, v [][]item) (int, error) { return count(len(v)) }),
		websockets.On("odd", func(_ context.Context, v odd) (int, error) { return count(len(v.Items)) }),
		websockets.On("odds", func(_ context.Context, v []odd) (int, error) { return count(len(v)) }),
		websockets.On("mixed", func(_ context.Context, v mixed) (int, error) { return count(len(v.Rows)) }),
		websockets.On("keys", func(_ context.Context, v map[int]item) (int, error) { return count(len(v)) }),
		websockets.On("numbers", func(_ context.Context, v []int) (int, error) { return count(len(v)) }),
	}
}

// testController takes bodies.
type testController struct{}

func newTestController() *testController { return &testController{} }

func (*testController) Routes(r chi.Router) {
	r.Post("/note", web.JSON(func(_ context.Context, v note) (note, error) { return v, nil }))
	r.Post("/strict", web.JSON(func(_ context.Context, v note) (note, error) { return v, nil }, web.Strict()))
	r.Post("/cut", web.JSON(func(_ context.Context, n int) (string, error) { return "grün"[:n], nil }))
	r.Post("/items", web.JSON(func(_ context.Context, v []item) (int, error) { return len(v), nil }))
	r.Post("/odd", web.JSON(func(_ context.Context, v odd) (int, error) { return len(v.Items), nil }))
	r.Post("/read", web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		v, err := web.ReadJSON[[]item](w, r, 1<<20)
		if err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, len(v))
	}))
}

// asker sends a message with a payload in JSON, and returns the text of the answer.
type asker struct {
	t    *testing.T
	send func(packet string)
	read func() string
	ws   bool
}

// ask sends a message, and returns the answer; an error as its message.
func (a asker) ask(event, data string) string {
	a.t.Helper()
	if a.ws {
		a.send(`{"event":"` + event + `","id":77,"data":` + data + `}`)
		return a.answer(`{"id":77,"data":`, "}")
	}
	a.send(`4277["` + event + `",` + data + `]`)
	return a.answer(`4377[`, "]")
}

func (a asker) answer(prefix, suffix string) string {
	a.t.Helper()
	for {
		got := a.read()
		if strings.Contains(got, `"message":`) && !a.ws && strings.HasPrefix(got, "42") {
			continue // the same error as an event
		}
		text, ok := strings.CutPrefix(got, prefix)
		if !ok {
			return got
		}
		return strings.TrimSuffix(text, suffix)
	}
}

// onEach runs a test on each platform.
func onEach(t *testing.T, test func(t *testing.T, a asker)) {
	t.Helper()
	for _, p := range []struct {
		name    string
		adapter func() adapter.Adapter
		dial    func(t *testing.T, addr string) asker
	}{
		{"ws", func() adapter.Adapter { return ws.New() }, func(t *testing.T, addr string) asker {
			p := rawpeer.Open(t, addr, "/")
			return asker{t, p.Send, p.Text, true}
		}},
		{"socketio", func() adapter.Adapter { return socketio.New() }, socket},
		{"polling", func() adapter.Adapter { return socketio.New() }, func(t *testing.T, addr string) asker {
			p := rawpeer.NewEngine(t, addr).Poll()
			rawpeer.Enter(t, p, "/", auth)
			t.Cleanup(func() { p.Send("1") }) // the server does not wait for it
			return asker{t, p.Send, p.Read, false}
		}},
		{"zishang", func() adapter.Adapter { return zishang.New() }, socket},
	} {
		t.Run(p.name, func(t *testing.T) {
			a := apptest.New(t, module.New("echo", module.Exports(websockets.Gateway(newTestGateway))), apptest.With(app.WebSockets(p.adapter())))
			test(t, p.dial(t, a.URL()))
		})
	}
}

// auth is what clients of Socket.IO send along.
const auth = `{"token":"x"}`

func socket(t *testing.T, addr string) asker {
	s := rawpeer.NewEngine(t, addr).WebSocket()
	rawpeer.Enter(t, s, "/", auth)
	return asker{t, s.Send, s.Read, false}
}

// post sends a body, and returns the status and the answer.
func post(t *testing.T, a *apptest.App, path, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it was only read
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
