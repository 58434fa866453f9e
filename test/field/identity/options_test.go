package identity_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/socketio/zishang"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

type originCheck = func(*http.Request) bool

func onlyInline(origin string) originCheck {
	return func(r *http.Request) bool { return r.Header.Get("Origin") == origin }
}

//go:noinline
func onlyCall(origin string) originCheck {
	return func(r *http.Request) bool { return r.Header.Get("Origin") == origin }
}

func onlyGeneric[T ~string](origin T) originCheck {
	return func(r *http.Request) bool { return r.Header.Get("Origin") == string(origin) }
}

// origin checks by a method value.
type origin string

func (o origin) allow(r *http.Request) bool { return r.Header.Get("Origin") == string(o) }

// onlyA is a declared function.
func onlyA(r *http.Request) bool { return r.Header.Get("Origin") == "https://a" }

// anyInline and anyCall return a literal that captures nothing.
func anyInline() originCheck { return func(*http.Request) bool { return true } }

//go:noinline
func anyCall() originCheck { return func(*http.Request) bool { return true } }

// pairs are pairs of different functions of each kind, made from the same line.
func pairs() map[string][2]originCheck {
	var loop [2]originCheck
	for i, o := range []string{"https://a", "https://b"} {
		loop[i] = func(r *http.Request) bool { return r.Header.Get("Origin") == o }
	}
	var calls [2]originCheck
	for i, o := range []string{"https://a", "https://b"} {
		calls[i] = onlyCall(o)
	}
	return map[string][2]originCheck{
		"inlined":               {onlyInline("https://a"), onlyInline("https://b")},
		"not inlined":           {onlyCall("https://a"), onlyCall("https://b")},
		"generic":               {onlyGeneric("https://a"), onlyGeneric(origin("https://b"))},
		"in a loop":             loop,
		"not inlined in a loop": calls,
		"method values":         {origin("https://a").allow, origin("https://b").allow},
	}
}

// gates is a module with two gateways, in two namespaces or at one path.
func gates(one, other []websockets.Option) *module.Module {
	return module.New("m", module.Controllers(websockets.Gateway(newLobby, one...), websockets.Gateway(newAnnex, other...)))
}

type annex struct{}

func newAnnex() *annex { return &annex{} }

// Subscriptions implements [websockets.Subscriber].
func (*annex) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.OnAny(func(context.Context, string, websockets.Payload) {})}
}

// TestField_X71_OriginChecks: Two origin checks of one server that came from one line were considered equal when the
// compiler had not inlined it, and pages allowed by one entered the namespace of the other; two checks are an error
// of the start, with every build flag, unless both gateways have the same option or the same declared function.
func TestField_X71_OriginChecks(t *testing.T) {
	const text = "websockets: gateway identity_test.newLobby (field/identity/main_test.go) and gateway identity_test.newAnnex (field/identity/options_test.go) share the server %s but disagree on CheckOrigin; " +
		"Go does not compare functions: store the option in a package variable (var checkOrigin = websockets.CheckOrigin(…)) and give both that, or leave it out of one"
	two := pairs()
	literal := anyCall()
	two["one literal, two options"] = [2]originCheck{literal, literal}
	two["literal that captures nothing, inlined"] = [2]originCheck{anyInline(), anyInline()}
	two["literal that captures nothing, not inlined"] = [2]originCheck{anyCall(), anyCall()}
	for name, f := range two {
		for server, a := range map[string]app.Option{"socketio /socket.io/": app.WebSockets(socketio.New()), "ws /": app.WebSockets(ws.New())} {
			t.Run(name+"/"+strings.Fields(server)[0], func(t *testing.T) {
				one, other := []websockets.Option{websockets.CheckOrigin(f[0])}, []websockets.Option{websockets.CheckOrigin(f[1])}
				if strings.HasPrefix(server, "socketio") {
					other = append(other, websockets.Namespace("b"))
				}
				got := lines.ReplaceAllString(refused(t, gates(one, other), a), ".go")
				want(t, got, strings.Replace(text, "%s", server, 1))
			})
		}
	}
	option := websockets.CheckOrigin(onlyCall("https://a"))
	for name, o := range map[string][2]websockets.Option{
		"one option":            {option, option},
		"one declared function": {websockets.CheckOrigin(onlyA), websockets.CheckOrigin(onlyA)},
		"one gateway has none":  {option, websockets.Namespace("b")},
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t, gates([]websockets.Option{o[0]}, []websockets.Option{o[1], websockets.Namespace("b")}), apptest.With(app.WebSockets(socketio.New())))
			for _, nsp := range []string{"/", "/b"} {
				a.DialSocketIO(nsp, apptest.WithHeader(http.Header{"Origin": {"https://a"}})).Close()
				_, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace(nsp), apptest.WithHeader(http.Header{"Origin": {"https://b"}}))
				if status(err) != http.StatusForbidden {
					t.Errorf("a page of another origin at %s: %v", nsp, err)
				}
			}
		})
	}
}

func status(err error) int {
	if e, ok := errors.AsType[*apptest.DialError](err); ok {
		return e.Status
	}
	return 0
}

// TestField_X71_Namespaces: Two functions of NamespaceFunc with one label and from one line were considered equal,
// and one gateway served the namespaces of the other; they are an error of the start, unless both gateways have the
// same option or the same declared function.
func TestField_X71_Namespaces(t *testing.T) {
	prefix := func(p string) func(string) bool { return func(s string) bool { return strings.HasPrefix(s, p) } }
	var loop []websockets.Option
	for _, p := range []string{"/a", "/b"} {
		loop = append(loop, websockets.NamespaceFunc("tenants", prefix(p)))
	}
	got := lines.ReplaceAllString(refused(t, gates(loop[:1], loop[1:]), app.WebSockets(socketio.New())), ".go")
	want(t, got, `websockets: gateway identity_test.newAnnex (field/identity/options_test.go): NamespaceFunc("tenants"): another gateway has another namespace of this name on socketio the HTTP server /socket.io/ namespace tenants; `+
		"Go does not compare functions: to share the namespaces, store the option in a package variable and give both that; otherwise choose another label")
	for name, o := range map[string][2]websockets.Option{
		"one option":            {loop[0], loop[0]},
		"one declared function": {websockets.NamespaceFunc("t", tenants), websockets.NamespaceFunc("t", tenants)},
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t, gates(o[:1], o[1:]), apptest.With(app.WebSockets(socketio.New())))
			a.DialSocketIO("/a1").Close()
			if _, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace("/b1")); err == nil {
				t.Error("a namespace that the function does not match is entered")
			}
		})
	}
}

func tenants(namespace string) bool { return strings.HasPrefix(namespace, "/a") }

// TestField_X71_Adapters: Of two adapters with one server, the options of the second one, including AllowRequest,
// were dropped silently; they are an error of the start, unless they are equal.
func TestField_X71_Adapters(t *testing.T) {
	allow := func(name string) func(*http.Request) error {
		return func(*http.Request) error { return &websockets.Error{Message: name, Status: http.StatusTeapot} }
	}
	b := websockets.Namespace("b")
	both := func(one, other adapter.Adapter) *module.Module {
		return gates([]websockets.Option{websockets.Via(one)}, []websockets.Option{websockets.Via(other, b)})
	}
	const text = "websockets: gateway identity_test.newLobby (field/identity/main_test.go) and gateway identity_test.newAnnex (field/identity/options_test.go) share the server socketio /socket.io/ but have different adapters (%s); " +
		"make the adapter once, store it in a package variable and give both that, or give one another Path"
	shared := allow("shared")
	for _, tt := range []struct {
		name       string
		one, other adapter.Adapter
		differs    string
	}{
		{"functions", socketio.New(socketio.Options{AllowRequest: allow("1")}), socketio.New(socketio.Options{AllowRequest: allow("2")}), "*socketio.Adapter.opts.AllowRequest"},
		{"one function", socketio.New(), socketio.New(socketio.Options{AllowRequest: shared}), "*socketio.Adapter.opts.AllowRequest"},
		{"values", socketio.New(), socketio.New(socketio.Options{MaxNamespaces: 3}), "*socketio.Adapter.opts.MaxNamespaces"},
		{"packages", socketio.New(), zishang.New(), "*zishang.Adapter"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := lines.ReplaceAllString(refused(t, both(tt.one, tt.other)), ".go")
			want(t, got, strings.Replace(text, "%s", tt.differs, 1))
		})
	}
	one := socketio.New(socketio.Options{AllowRequest: shared})
	for name, a := range map[string][2]adapter.Adapter{
		"equal": {one, socketio.New(socketio.Options{AllowRequest: shared})},
		"one":   {one, one},
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t, both(a[0], a[1]))
			for _, nsp := range []string{"/", "/b"} {
				if _, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace(nsp)); status(err) != http.StatusTeapot {
					t.Errorf("AllowRequest is not asked at %s: %v", nsp, err)
				}
			}
		})
	}
}

// gate refuses by a method value.
type gate struct{ name string }

func (g *gate) allow(*http.Request) error {
	return &websockets.Error{Message: g.name, Status: http.StatusTeapot}
}

// TestField_X72_OneOptionsValue: One socketio.Options value with AllowRequest was refused for two gateways, because
// functions never compare equal, and so was one outside of Via; it is accepted and called, another function is an
// error of the start that says where to pass it.
func TestField_X72_OneOptionsValue(t *testing.T) {
	cookie := &http.Cookie{Name: "io"}
	options := func(name string) socketio.Options {
		return socketio.Options{AllowRequest: (&gate{name}).allow, Cookie: cookie, Transports: []string{socketio.WebSocket}, Recovery: &socketio.Recovery{}}
	}
	one := options("one")
	closure := func(*http.Request) error {
		return &websockets.Error{Message: one.Transports[0], Status: http.StatusTeapot}
	}
	b := websockets.Namespace("b")
	asked := func(t *testing.T, m *module.Module, opts ...app.Option) {
		t.Helper()
		a := apptest.New(t, m, apptest.With(opts...))
		for _, nsp := range []string{"/", "/b"} {
			if _, err := apptest.TryDialSocketIO(t, a.URL(), apptest.WithNamespace(nsp)); status(err) != http.StatusTeapot {
				t.Errorf("AllowRequest is not asked at %s: %v", nsp, err)
			}
		}
	}
	t.Run("one value", func(t *testing.T) {
		asked(t, gates([]websockets.Option{one}, []websockets.Option{one, b}), app.WebSockets(socketio.New()))
	})
	t.Run("copies with one function", func(t *testing.T) {
		first, second := socketio.Options{AllowRequest: closure}, socketio.Options{AllowRequest: closure}
		asked(t, gates([]websockets.Option{first}, []websockets.Option{second, b}), app.WebSockets(socketio.New()))
	})
	t.Run("passed to the adapter", func(t *testing.T) {
		asked(t, gates(nil, []websockets.Option{b}), app.WebSockets(socketio.New(one)))
	})
	t.Run("outside of Via", func(t *testing.T) {
		via := []websockets.Option{one, websockets.Via(socketio.New()), websockets.Via(ws.New(), websockets.Path("/ws"))}
		asked(t, gates(via, []websockets.Option{b}), app.WebSockets(socketio.New()))
	})
	const text = "websockets: gateway identity_test.newLobby (field/identity/main_test.go) and gateway identity_test.newAnnex (field/identity/options_test.go) share the server socketio /socket.io/ but disagree on socketio.Options"
	const remedy = ".AllowRequest; Go does not compare functions: store the option in a package variable and give both that, or give it to the adapter, as in app.WebSockets(socketio.New(socketio.Options{…}))"
	for name, tt := range map[string]struct {
		other socketio.Options
		want  string
	}{
		"another function": {options("two"), remedy},
		"another value":    {socketio.Options{AllowRequest: one.AllowRequest}, "; give both the same, or leave it out of one"},
		"no function":      {socketio.Options{Cookie: cookie, Transports: one.Transports, Recovery: one.Recovery}, "; give both the same, or leave it out of one"},
	} {
		t.Run(name, func(t *testing.T) {
			got := lines.ReplaceAllString(refused(t, gates([]websockets.Option{one}, []websockets.Option{tt.other, b}), app.WebSockets(socketio.New())), ".go")
			want(t, got, text+tt.want)
		})
	}
	for name, f := range pairs() {
		t.Run(name, func(t *testing.T) {
			o := func(f originCheck) socketio.Options {
				return socketio.Options{AllowRequest: func(r *http.Request) error {
					if f(r) {
						return nil
					}
					return websockets.ErrClosed
				}}
			}
			got := lines.ReplaceAllString(refused(t, gates([]websockets.Option{o(f[0])}, []websockets.Option{o(f[1]), b}), app.WebSockets(socketio.New())), ".go")
			want(t, got, text+remedy)
		})
	}
}
