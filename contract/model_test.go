package contract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/contract"
	"github.com/gatehouse-go/gatehouse/internal/tea"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func modelOf(t *testing.T, root *module.Module, appOptions []app.Option, opts ...contract.Option) *contract.Model {
	t.Helper()
	d, err := app.Describe(root, appOptions...)
	if err != nil {
		t.Fatal(err)
	}
	m, err := contract.From(d, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// document returns a document as a tree.
func document(t *testing.T, text []byte, err error) node {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return node{t, v}
}

type node struct {
	t *testing.T
	v any
}

func (n node) at(path ...string) node {
	n.t.Helper()
	for i, name := range path {
		o, _ := n.v.(map[string]any)
		v, ok := o[name]
		if !ok {
			n.t.Fatalf("nothing at %q", path[:i+1])
		}
		n.v = v
	}
	return n
}

func (n node) names() []string {
	o, _ := n.v.(map[string]any)
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (n node) want(text string, path ...string) {
	n.t.Helper()
	b, err := json.Marshal(n.at(path...).v)
	if err != nil || string(b) != text {
		n.t.Errorf("%q is %s, want %s", path, b, text)
	}
}

// price has a form of its own that nothing describes; weight one that an option describes.
type (
	price  struct{ cents int }
	weight struct{ grams int }
)

func (p price) MarshalJSON() ([]byte, error)   { return fmt.Appendf(nil, "%d", p.cents), nil }
func (p *price) UnmarshalJSON(b []byte) error  { return json.Unmarshal(b, &p.cents) }
func (w weight) MarshalJSON() ([]byte, error)  { return fmt.Appendf(nil, "%d", w.grams), nil }
func (w *weight) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &w.grams) }

type (
	item struct {
		Price  []price `json:"price"`
		Weight weight  `json:"weight"`
	}
	almost struct {
		Status  string `json:"status"`
		Message string `json:"message"`
	}
	vague struct {
		Server *websockets.Server `websockets:"server"`
	}
)

func newVague() *vague { return &vague{} }

func (*vague) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("price", func(context.Context, item) (item, error) { return item{}, nil }),
		websockets.On("almost", func(context.Context, struct{}) (almost, error) { return almost{}, nil }),
		websockets.On("one", func(context.Context, int) (websockets.Response[int], error) { return websockets.Response[int]{}, nil }),
		websockets.Stream("many", func(context.Context, int) iter.Seq2[websockets.Response[int], error] { return nil }),
	}
}

type vagueController struct{}

func newVagueController() *vagueController { return &vagueController{} }

func (*vagueController) Routes(r chi.Router) {
	r.Connect("/tunnel", func(http.ResponseWriter, *http.Request) {})
	r.Get("/item", web.JSON(func(context.Context, struct {
		At string `query:"at"`
	}) (item, error) {
		return item{}, nil
	}))
}

func TestProblems(t *testing.T) {
	vagueModule := module.New("vague",
		module.Providers(websockets.Gateway(newVague, websockets.Via(ws.New(), websockets.Path("/ws")), websockets.Via(socketio.New()))),
		module.Controllers(newVagueController))
	d, err := app.Describe(vagueModule)
	if err != nil {
		t.Fatal(err)
	}
	d.Problems = append(d.Problems, "what Describe says")
	m, err := contract.From(d, contract.Type[weight](`{"type":"integer"}`))
	if err != nil {
		t.Fatal(err)
	}
	const methods = "its JSON is made by its own methods: add a method JSONSchema() jsontext.Value that returns its form, or pass contract.Type"
	const at = "gateway contract_test.newVague: "
	want := []string{
		"what Describe says",
		at + `event "price": field price: contract_test.price: ` + methods,
		at + `event "one": the events of its response are not known: list them with websockets.Sends`,
		at + `event "many": the events of its items are not known: list them with websockets.Sends`,
		at + `event "almost": contract_test.almost: its result has the texts status and message, so that clients of Socket.IO cannot distinguish it from an error: rename one of them`,
		"route CONNECT /tunnel: OpenAPI has no operation for the method: it is left out",
	}
	var got []string
	for _, p := range m.Problems {
		got = append(got, p.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	doc, err := m.AsyncAPI()
	n := document(t, doc, err)
	n.want(`{"items":{},"type":"array"}`, "components", "schemas", "item", "properties", "price")
	n.want(`{"type":"integer"}`, "components", "schemas", "item", "properties", "weight")
}

// TestTwoForms: an event with data of two forms at one endpoint is a problem, also of a handler and another gateway; one of equal forms is none.
func TestTwoForms(t *testing.T) {
	type text string
	first := websockets.Emits(websockets.NewEvent[int]("a"), websockets.NewEvent[string]("b"), websockets.NewEvent[item]("same"), websockets.NewEvent[bool]("asked"),
		websockets.NewEvent[int]("many"))
	second := websockets.Emits(websockets.NewEvent[string]("a"), websockets.NewEvent[text]("b"), websockets.NewEvent[item]("same"), websockets.NewCall[bool, int]("asked"))
	at := func(path string, o websockets.Option) []websockets.Option {
		return []websockets.Option{o, websockets.Via(ws.New(), websockets.Path(path))}
	}
	d, err := app.Describe(module.New("two", module.Providers(
		websockets.Gateway(newQuiet, at("/ws", first)...), websockets.Gateway(newLoud, at("/ws", second)...), websockets.Gateway(newElse, at("/other", second)...),
	)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := contract.From(d, contract.Type[weight](`{"type":"integer"}`), contract.Type[price](`{"type":"integer"}`))
	if err != nil {
		t.Fatal(err)
	}
	const end = ", and the documents have the first: give one of them another name"
	want := []string{
		`gateway contract_test.newLoud: event "a": /ws sends it in two forms, int and string` + end,
		`gateway contract_test.newLoud: event "asked": /ws sends it in two forms, bool and bool answered by int` + end,
		`gateway contract_test.newLoud: event "many": /ws sends it in two forms, int and []int` + end,
	}
	var got []string
	for _, p := range m.Problems {
		got = append(got, p.String())
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

type (
	silent struct {
		Server *websockets.Server `websockets:"server"`
	}
	other struct{ silent }
	loud  struct{}
)

func newQuiet() *silent { return &silent{} }
func newElse() *other   { return &other{} }
func newLoud() *loud    { return &loud{} }

func (*loud) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.Stream("go", func(context.Context, int) iter.Seq2[websockets.Response[[]int], error] { return nil },
			websockets.Sends(websockets.NewEvent[[]int]("many"))),
	}
}

func TestFromRefuses(t *testing.T) {
	d, err := app.Describe(tea.Module)
	if err != nil {
		t.Fatal(err)
	}
	for want, opt := range map[string]contract.Option{
		`contract: URL("example.com"): it has no form like https://api.example.com`: contract.URL("example.com"),
		`contract: URL("ftp://a"): it has no form like https://api.example.com`:     contract.URL("ftp://a"),
		`contract: AsyncAPIVersion("2.6.0"): use one of [3.0.0 3.1.0]`:              contract.AsyncAPIVersion("2.6.0"),
		`contract: Type[time.Time]: it is not one JSON object`:                      contract.Type[time.Time](`7`),
	} {
		if _, err := contract.From(d, opt); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := contract.From(nil); err == nil {
		t.Error("nil is accepted")
	}
}

// TestDeterminism: the documents are the same bytes each time, and what another gateway adds changes nothing else.
func TestDeterminism(t *testing.T) {
	var first []contract.Document
	for n := range 100 {
		docs, err := modelOf(t, tea.Module, nil).Documents()
		if err != nil || len(docs) != 2 {
			t.Fatal(docs, err)
		}
		for i, d := range docs {
			if n > 0 && !bytes.Equal(d.Text, first[i].Text) {
				t.Fatalf("%s differs in run %d", d.Name, n)
			}
		}
		first = docs
	}
	vague := module.New("vague", module.Providers(websockets.Gateway(newVague, websockets.Via(ws.New(), websockets.Path("/vague")))))
	alone, err := modelOf(t, tea.Module, nil).AsyncAPI()
	before := document(t, alone, err)
	for _, imports := range [][]*module.Module{{tea.Module, vague}, {vague, tea.Module}} {
		text, err := modelOf(t, module.New("both", module.Imports(imports...)), nil).AsyncAPI()
		both := document(t, text, err)
		for _, part := range [][]string{{"channels"}, {"operations"}, {"components", "schemas"}} {
			for _, name := range before.at(part...).names() {
				if !reflect.DeepEqual(before.at(part...).at(name).v, both.at(part...).at(name).v) {
					t.Errorf("%q %s is changed by another gateway", part, name)
				}
			}
		}
	}
}

func TestAddresses(t *testing.T) {
	m := module.New("m", module.Providers(
		websockets.Gateway(newVague, websockets.Via(ws.New(), websockets.Path("/a/{x}/{rest...}")), websockets.Via(socketio.New(), websockets.Namespace("b")), websockets.Addr("127.0.0.1:4000")),
	))
	text, err := modelOf(t, m, nil, contract.URL("https://example.com")).AsyncAPI()
	n := document(t, text, err)
	n.want(`{"host":"127.0.0.1:4000","protocol":"wss","x-gatehouse-platform":"ws"}`, "servers", "ws-4000")
	n.want(`"/a/{x}/{rest}"`, "channels", "ws-4000.a.x.rest", "address")
	n.want(`{"rest":{},"x":{}}`, "channels", "ws-4000.a.x.rest", "parameters")
	n.want(`"/b"`, "channels", "socketio-4000.b", "address")
	n.want(`[{"$ref":"#/servers/socketio-4000"}]`, "channels", "socketio-4000.b", "servers")
	n.want(`"m"`, "info", "title")
}

func TestNothing(t *testing.T) {
	m := modelOf(t, module.New("empty"), nil)
	if docs, err := m.Documents(); err != nil || len(docs) != 0 {
		t.Errorf("%v, %v", docs, err)
	}
	text, err := m.AsyncAPI()
	if names := document(t, text, err).names(); !slices.Equal(names, []string{"asyncapi", "defaultContentType", "info"}) {
		t.Error(names)
	}
}

// What is hidden is in no document; other handlers of its gateway are.
func TestHidden(t *testing.T) {
	newHandlers := func() *hiddenHandlers { return &hiddenHandlers{} }
	newRoutes := func() *hiddenRoutes { return &hiddenRoutes{} }
	m := modelOf(t, module.New("root", module.Providers(websockets.Gateway(newHandlers, websockets.Path("/some"))), module.Controllers(newRoutes)), []app.Option{app.WebSockets(ws.New())})
	for _, of := range []func() ([]byte, error){m.AsyncAPI, m.OpenAPI} {
		text, err := of()
		if err != nil {
			t.Fatal(err)
		}
		if s := string(text); !strings.Contains(s, "shown") || strings.Contains(s, "concealed") {
			t.Errorf("%s", s)
		}
	}
}

type hiddenHandlers struct{}

func (*hiddenHandlers) Subscriptions() []websockets.Subscription {
	f := func(context.Context, string) error { return nil }
	return []websockets.Subscription{websockets.Listen("shown", f), websockets.Listen("concealed", f, websockets.Meta(pipeline.Hidden()))}
}

type hiddenRoutes struct{}

func (*hiddenRoutes) Routes(r chi.Router) {
	r.Get("/shown", func(http.ResponseWriter, *http.Request) {})
	web.Use(r, web.Meta(pipeline.Hidden())).Get("/concealed", func(http.ResponseWriter, *http.Request) {})
}
