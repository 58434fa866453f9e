package gateway

import (
	"context"
	"reflect"
	"regexp"
	"testing"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// paper is an adapter on paper: it has a name and traits, and serves no clients.
type paper struct {
	name   string
	traits adapter.Traits
}

func (p paper) Name() string           { return p.name }
func (p paper) Traits() adapter.Traits { return p.traits }
func (p paper) NewServer(adapter.ServerConfig) (adapter.Server, error) {
	return nil, websockets.ErrClosed
}

func plain() adapter.Adapter {
	return paper{"plain", adapter.Traits{DefaultPath: "/", PathPatterns: true, UpgradeOnly: true}}
}

func spaced() adapter.Adapter {
	return paper{"spaced", adapter.Traits{DefaultPath: "/socket.io/", Namespaces: true}}
}

type paperOption struct {
	Platform string
	N        int
}

func (o paperOption) ApplyGateway(c *config.Gateway) { c.AddPlatform(o) }
func (o paperOption) PlatformName() string           { return o.Platform }

type talker struct{ events []string }

func (g *talker) Subscriptions() []websockets.Subscription {
	var subs []websockets.Subscription
	for _, e := range g.events {
		subs = append(subs, websockets.Listen(e, func(context.Context, int) error { return nil }))
	}
	return subs
}

type mute struct{}

func anyNamespace(string) bool { return true }

var watchAll = websockets.OnAny(func(context.Context, string, websockets.Payload) {})

func TestBootErrors(t *testing.T) {
	a, b := &talker{[]string{"x"}}, &talker{[]string{"y"}}
	gw := func(name string, v any, opts ...websockets.Option) gatewayPlan {
		return gatewayPlan{name: name, typ: reflect.TypeOf(v), value: v, opts: options(opts...)}
	}
	odd, even := func(string) bool { return true }, func(string) bool { return false }
	odds := websockets.NamespaceFunc("odd", odd)
	http := Config{Adapter: plain(), HTTP: true, HTTPAddr: "127.0.0.1:3000"}
	sio := Config{Adapter: spaced(), HTTP: true, HTTPAddr: ":3000"}
	const otherFunc = `websockets: gateway B: NamespaceFunc("odd"): another gateway has another namespace of this name on spaced the HTTP server /socket.io/ namespace odd; Go does not compare functions: to share the namespaces, store the option in a package variable and give both that; otherwise choose another label`
	count, counted := websockets.NewEvent[int]("count"), websockets.NewEvent[string]("count")
	sends := func(events ...websockets.EventInfo) *testGateway {
		return &testGateway{subs: []websockets.Subscription{websockets.On("n", func(context.Context, int) (websockets.Response[int], error) {
			return count.Response(1), nil
		}, websockets.Sends(events...))}}
	}
	plainResult := websockets.On("n", func(context.Context, int) (int, error) { return 0, nil }, websockets.Sends(count))
	nilError := websockets.On("n", func(context.Context, int) (int, error) { return 0, nil }, websockets.Errors(nil))
	tests := []struct {
		name string
		cfg  Config
		gs   []gatewayPlan
		want string // "" is no error
	}{
		{"one", http, []gatewayPlan{gw("A", a)}, ""},
		{"shared path", http, []gatewayPlan{gw("A", a), gw("B", b)}, ""},
		{"no platform", Config{HTTP: true}, []gatewayPlan{gw("A", a)},
			"websockets: gateway A: no platform serves it; add app.WebSockets(ws.New()) to the application, or websockets.Via to the gateway"},
		{"no HTTP", Config{Adapter: plain()}, []gatewayPlan{gw("A", a)},
			`websockets: gateway A is on port 0, the application's HTTP server, but there is none; add app.HTTP(":3000"), or give the gateway a Port or Addr`},
		{"own port without HTTP", Config{Adapter: plain()}, []gatewayPlan{gw("A", a, websockets.Port(3001))}, ""},
		{"neither subscription nor hook", http, []gatewayPlan{gw("M", &mute{})},
			"websockets: gateway M returns *gateway.mute, which has neither Subscriptions nor a hook (AfterInit, HandleConnection, HandleDisconnect); add one, or the field Server *websockets.Server `websockets:\"server\"` to send only"},
		{"invalid port", http, []gatewayPlan{gw("A", a, websockets.Port(70000))},
			"websockets: gateway A: Port(70000): must be between 0 and 65535"},
		{"invalid address", http, []gatewayPlan{gw("A", a, websockets.Addr("localhost"))},
			`websockets: gateway A: Addr("localhost"): must be host:port, such as "127.0.0.1:3001" or ":3001"`},
		{"namespace without namespaces", http, []gatewayPlan{gw("A", a, websockets.Namespace("chat"))},
			`websockets: gateway A: the platform plain has no namespaces; set a Path instead, such as websockets.Path("/chat")`},
		{"function without namespaces", http, []gatewayPlan{gw("A", a, websockets.NamespaceFunc("odd", odd))},
			`websockets: gateway A: the platform plain has no namespaces; set a Path instead, such as websockets.Path("/odd")`},
		{"one function", sio, []gatewayPlan{gw("A", a, odds), gw("B", b, odds)}, ""},
		{"one declared function", sio, []gatewayPlan{gw("A", a, websockets.NamespaceFunc("odd", anyNamespace)), gw("B", b, websockets.NamespaceFunc("odd", anyNamespace))}, ""},
		{"event twice by one function", sio, []gatewayPlan{gw("A", a, odds), gw("B", a, odds)},
			`websockets: event "x" is handled twice on spaced the HTTP server /socket.io/ namespace odd: by gateway A at internal/gateway/plan_test.go and by gateway B at internal/gateway/plan_test.go; rename one, or give one gateway another path or namespace`},
		{"two functions", sio, []gatewayPlan{gw("A", a, websockets.NamespaceFunc("odd", odd)), gw("B", b, websockets.NamespaceFunc("odd", even))}, otherFunc},
		{"one literal", sio, []gatewayPlan{gw("A", a, websockets.NamespaceFunc("odd", odd)), gw("B", b, websockets.NamespaceFunc("odd", odd))}, otherFunc},
		{"function and namespace", sio, []gatewayPlan{gw("A", a, websockets.NamespaceFunc("/odd", odd)), gw("B", b, websockets.Namespace("odd"))},
			`websockets: gateway B: Namespace("/odd"): another gateway has another namespace of this name on spaced the HTTP server /socket.io/ namespace /odd; choose another name`},
		{"regular expression and namespace", sio, []gatewayPlan{gw("A", a, websockets.NamespaceRegexp(regexp.MustCompile("/a.b"))), gw("B", b, websockets.Namespace("a.b"))},
			`websockets: gateway B: Namespace("/a.b"): another gateway has another namespace of this name on spaced the HTTP server /socket.io/ namespace /a.b; choose another name`},
		{"two regular expressions", sio, []gatewayPlan{gw("A", a, websockets.NamespaceRegexp(regexp.MustCompile("/a.b"))), gw("B", b, websockets.NamespaceRegexp(regexp.MustCompile("/a.b")))}, ""},
		{"function without label", sio, []gatewayPlan{gw("A", a, websockets.NamespaceFunc("", odd))},
			"websockets: gateway A: NamespaceFunc: pass a label; errors and logs name the namespaces by it"},
		{"label without function", sio, []gatewayPlan{gw("A", a, websockets.NamespaceFunc("odd", nil))},
			`websockets: gateway A: NamespaceFunc("odd"): pass a function`},
		{"OnAny twice", http, []gatewayPlan{gw("A", &testGateway{subs: []websockets.Subscription{watchAll, watchAll}}), gw("B", &testGateway{subs: []websockets.Subscription{watchAll}})}, ""},
		{"OnAny without a function", http, []gatewayPlan{gw("A", &testGateway{subs: []websockets.Subscription{websockets.OnAny(nil)}})},
			`websockets: gateway A: subscription "" (internal/gateway/plan_test.go): the handler is nil; pass a method of the gateway`},
		{"path pattern without patterns", sio, []gatewayPlan{gw("A", a, websockets.Path("/{x}"))},
			`websockets: gateway A: Path("/{x}"): the platform spaced has no patterns in Path; use Namespace`},
		{"event twice", http, []gatewayPlan{gw("A", a), gw("B", &talker{[]string{"x"}})},
			`websockets: event "x" is handled twice on plain the HTTP server /: by gateway A at internal/gateway/plan_test.go and by gateway B at internal/gateway/plan_test.go; rename one, or give one gateway another path or namespace`},
		{"event twice in one namespace", sio, []gatewayPlan{gw("A", a, websockets.Namespace("chat")), gw("B", &talker{[]string{"x"}}, websockets.Namespace("/chat"))},
			`websockets: event "x" is handled twice on spaced the HTTP server /socket.io/ namespace /chat: by gateway A at internal/gateway/plan_test.go and by gateway B at internal/gateway/plan_test.go; rename one, or give one gateway another path or namespace`},
		{"same event in two namespaces", sio, []gatewayPlan{gw("A", a), gw("B", &talker{[]string{"x"}}, websockets.Namespace("chat"))}, ""},
		{"port of the HTTP server", http, []gatewayPlan{gw("A", a, websockets.Port(3000)), gw("B", &talker{[]string{"x"}})},
			`websockets: event "x" is handled twice on plain the HTTP server /: by gateway A at internal/gateway/plan_test.go and by gateway B at internal/gateway/plan_test.go; rename one, or give one gateway another path or namespace`},
		{"reserved event", http, []gatewayPlan{gw("A", &talker{[]string{"disconnect"}})},
			`websockets: gateway A: subscription "disconnect" (internal/gateway/plan_test.go): the name is reserved by the platforms; choose another`},
		{"option of another platform", http, []gatewayPlan{gw("A", a, paperOption{"spaced", 1})},
			"websockets: gateway A: option gateway.paperOption belongs to the platform spaced, but plain serves the gateway; remove it, or put it inside the Via of that platform"},
		{"options disagree", http, []gatewayPlan{gw("A", a, paperOption{"plain", 1}), gw("B", b, paperOption{"plain", 2})},
			"websockets: gateway A and gateway B share the server plain / but disagree on gateway.paperOption; give both the same, or leave it out of one"},
		{"options agree", http, []gatewayPlan{gw("A", a, paperOption{"plain", 1}), gw("B", b, paperOption{"plain", 1})}, ""},
		{"limits disagree", http, []gatewayPlan{gw("A", a, websockets.WithLimits(websockets.Limits{MaxMessage: 1})), gw("B", b, websockets.WithLimits(websockets.Limits{MaxMessage: 2}))},
			"websockets: gateway A and gateway B share the server plain / but disagree on WithLimits; give both the same, or leave it out of one"},
		{"concurrency differs", http, []gatewayPlan{gw("A", a), gw("B", b, websockets.Concurrency(4))},
			"websockets: gateway B: its Concurrency differs from that of the gateway it shares plain the HTTP server / with; give both the same, or another path or namespace"},
		{"MaxRooms differs", http, []gatewayPlan{gw("A", a, websockets.MaxRooms(3)), gw("B", b, websockets.MaxRooms(4))},
			"websockets: gateway B: its MaxRooms differs from that of the gateway it shares plain the HTTP server / with; give both the same, or another path or namespace"},
		{"one MaxRooms", http, []gatewayPlan{gw("A", a), gw("B", b, websockets.MaxRooms(4))}, ""},
		{"overlapping patterns", http, []gatewayPlan{gw("A", a, websockets.Path("/{x}/b")), gw("B", b, websockets.Path("/a/{y}"))},
			`websockets: gateway B: Path("/a/{y}") and Path("/{x}/b") of gateway A match the same requests; change one`},
		{"bad pattern", http, []gatewayPlan{gw("A", a, websockets.Path("/{x"))},
			`websockets: gateway A: Path("/{x"): not a path pattern of http.ServeMux: parsing "/{x": at offset 1: bad wildcard segment (must end with '}')`},
		{"unreachable path", http, []gatewayPlan{gw("A", a, websockets.Via(spaced())), gw("B", b, websockets.Path("/socket.io/x"))},
			`websockets: gateway B: Path("/socket.io/x") is never reached, because spaced serves everything below /socket.io/ (gateway A); choose another Path`},
		{"via both", http, []gatewayPlan{gw("A", a, websockets.Via(spaced(), websockets.Namespace("chat")), websockets.Via(plain(), websockets.Path("/ws")))}, ""},
		{"event of two types", http, []gatewayPlan{gw("A", a, websockets.Emits(count), websockets.Emits(count, counted))},
			`websockets: gateway A: the event "count" is declared twice, with the payload int and with the payload string; rename one, or give both the same types`},
		{"event of two types in two Via", http, []gatewayPlan{gw("A", a, websockets.Via(plain(), websockets.Path("/a"), websockets.Emits(count)), websockets.Via(plain(), websockets.Path("/b"), websockets.Emits(counted)))},
			`websockets: gateway A: the event "count" is declared twice, with the payload int and with the payload string; rename one, or give both the same types`},
		{"event that is a call too", http, []gatewayPlan{gw("A", a, websockets.Emits(count, websockets.NewCall[int, bool]("count")))},
			`websockets: gateway A: the event "count" is declared twice, with the payload int and with the payload int and the answer bool; rename one, or give both the same types`},
		{"response of another type than an event", http, []gatewayPlan{gw("A", sends(count), websockets.Emits(counted))},
			`websockets: gateway A: the event "count" is declared twice, with the payload string and with the payload int; rename one, or give both the same types`},
		{"event of one type twice", http, []gatewayPlan{gw("A", sends(count), websockets.Emits(count, count)), gw("B", b, websockets.Emits(counted))}, ""},
		{"no event", http, []gatewayPlan{gw("A", a, websockets.Emits(nil))},
			"websockets: gateway A: Emits: event 1 is nil; pass an event, such as one of NewEvent"},
		{"no response", http, []gatewayPlan{gw("A", sends(count, nil))},
			`websockets: gateway A: subscription "n" (internal/gateway/plan_test.go): Sends: event 2 is nil; pass an event, such as one of NewEvent`},
		{"response of another type", http, []gatewayPlan{gw("A", sends(counted))},
			`websockets: gateway A: subscription "n" (internal/gateway/plan_test.go): Sends(count): the event's payload is string, but the handler returns Response[int]; make them equal`},
		{"result that is no response", http, []gatewayPlan{gw("A", &testGateway{subs: []websockets.Subscription{plainResult}})},
			`websockets: gateway A: subscription "n" (internal/gateway/plan_test.go): Sends(count): the handler returns no Response; return one, or list the event in websockets.Emits`},
		{"no error", http, []gatewayPlan{gw("A", &testGateway{subs: []websockets.Subscription{nilError}})},
			`websockets: gateway A: subscription "n" (internal/gateway/plan_test.go): Errors: error 1 is nil; pass a *websockets.Error`},
		{"bad origin", http, []gatewayPlan{gw("A", a, websockets.Origins("example.com"))},
			`websockets: gateway A: Origins: origin "example.com" must be scheme and host, such as "https://app.example.com"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := makePlan(tt.gs, tt.cfg)
			if got := regexp.MustCompile(`_test\.go:\d+`).ReplaceAllString(text(err), "_test.go"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestViaMakesOneEndpointEach(t *testing.T) {
	servers, err := makePlan([]gatewayPlan{{
		name: "A", typ: reflect.TypeFor[*talker](), value: &talker{},
		opts: options(
			websockets.MaxRooms(7), paperOption{"plain", 3},
			websockets.Via(spaced(), websockets.Namespace("chat")), websockets.Via(plain(), websockets.Path("/ws"), websockets.Port(3001)),
		),
	}}, Config{HTTP: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(servers) != 2 {
		t.Fatalf("%d servers, want 2", len(servers))
	}
	s, p := servers[0], servers[1]
	if s.endpoints[0].pattern.name != "/chat" || s.listener != "" || len(s.platform) != 0 {
		t.Errorf("first endpoint: namespace %q, listener %q, %d options", s.endpoints[0].pattern.name, s.listener, len(s.platform))
	}
	if p.path != "/ws" || p.listener != ":3001" || len(p.platform) != 1 {
		t.Errorf("second endpoint: path %q, listener %q, %d options", p.path, p.listener, len(p.platform))
	}
	for _, x := range servers {
		if x.endpoints[0].maxRooms != 7 {
			t.Errorf("%s: MaxRooms %d, want 7", x.adapter.Name(), x.endpoints[0].maxRooms)
		}
	}
}
