package start_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// lobby is a gateway.
type lobby struct {
	Server *websockets.Server `websockets:"server"`
}

func newLobby() *lobby { return &lobby{} }

// Subscriptions implements [websockets.Subscriber].
func (l *lobby) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("count", func(ctx context.Context, _ struct{}) (int, error) { return l.Server.Count(ctx) })}
}

// counter is an interface that lobby implements.
type counter interface {
	Subscriptions() []websockets.Subscription
}

// panel has all methods of a gateway that it embeds.
type (
	panel struct{ *lobby }
	other struct {
		Server *websockets.Server `websockets:"server"`
	}
)

// TestField_X47_NotRegistered: A gateway whose constructor was listed without websockets.Gateway was not served, without
// a word; it is an error of app.Validate or of the start, with the line to write.
func TestField_X47_NotRegistered(t *testing.T) {
	const message = " returns *start_test.lobby, which has the method Subscriptions but is not registered as a gateway, so that no client reaches it\nhint: write "
	want(t, validated(providers(newLobby)), "module m (field/start/main_test.go): start_test.newLobby (field/start/gateways_test.go)"+message+"module.Providers(websockets.Gateway(newLobby)), or rename the method")
	want(t, validated(controllers(newLobby)), "module m (field/start/main_test.go): start_test.newLobby (field/start/gateways_test.go)"+message+"module.Controllers(websockets.Gateway(newLobby)), or rename the method")
	want(t, validated(module.New("m", module.Exports(module.As[counter](newLobby)))),
		"module m (field/start/gateways_test.go): start_test.newLobby (field/start/gateways_test.go)"+message+"module.Exports(websockets.Gateway(newLobby)), or rename the method")
	want(t, validated(providers(module.Value(&lobby{}))),
		"module m (field/start/main_test.go): module.Value[*start_test.lobby] (field/start/gateways_test.go)"+message+"module.Providers(websockets.Gateway(module.Value(…))), or rename the method")
	hidden := providers(func() counter { return &lobby{} })
	want(t, validated(hidden), "")
	want(t, start(t, hidden), "module m (field/start/main_test.go): start_test.TestField_X47_NotRegistered.func1 (field/start/gateways_test.go)"+message+
		"module.Providers(websockets.Gateway(func() …)), or rename the method")
	second := providers(websockets.Gateway(newLobby), module.Named("second", func() *lobby { return &lobby{} }))
	want(t, start(t, second), "module m (field/start/main_test.go): start_test.TestField_X47_NotRegistered.func2 (field/start/gateways_test.go)"+message+
		"module.Providers(websockets.Gateway(func() …)), or rename the method")
	want(t, validated(providers(func() *other { return &other{} })),
		"module m (field/start/main_test.go): start_test.TestField_X47_NotRegistered.func3 (field/start/gateways_test.go) has the field start_test.other.Server with the tag `websockets:\"server\"` but is not a gateway, so that the field stays nil\n"+
			"hint: inject websockets.ServerOf of the gateway's type in the constructor, or the gateway itself")
	want(t, start(t, providers(websockets.Gateway(newLobby), func(l *lobby) counter { return l }, func(l *lobby) *panel { return &panel{l} })), "")
}

// bare is a gateway without the tag.
type bare struct{ server *websockets.Server }

// Subscriptions implements [websockets.Subscriber].
func (b *bare) Subscriptions() []websockets.Subscription { return newLobby().Subscriptions() }

// copied is a gateway with value receivers.
type copied struct {
	Server *websockets.Server `websockets:"server"`
}

// Subscriptions implements [websockets.Subscriber].
func (copied) Subscriptions() []websockets.Subscription { return newLobby().Subscriptions() }

// TestField_X48_ServerField: A Server field without its tag, or in a gateway that its constructor returns by value, was
// nil, and the first emit ended in a panic; both are errors of app.Validate or of the start.
func TestField_X48_ServerField(t *testing.T) {
	want(t, validated(providers(websockets.Gateway(func() *bare { return &bare{server: nil} }))),
		"websockets: gateway start_test.TestField_X48_ServerField.func1 (field/start/gateways_test.go) has the field start_test.bare.server without a tag, so that it stays nil; write Server *websockets.Server `websockets:\"server\"`, or set it in AfterInit")
	want(t, validated(providers(websockets.Gateway(func() copied { return copied{} }))),
		"websockets: gateway start_test.TestField_X48_ServerField.func2 (field/start/gateways_test.go) returns start_test.copied by value, so that its field start_test.copied.Server cannot be set; return *start_test.copied from the constructor")
	hidden := providers(websockets.Gateway(func() counter { return copied{} }))
	want(t, validated(hidden), "")
	want(t, start(t, hidden),
		"websockets: gateway start_test.TestField_X48_ServerField.func3 (field/start/gateways_test.go) returns start_test.copied by value, so that its field start_test.copied.Server cannot be set; return *start_test.copied from the constructor")
}

// eager emits in its constructor.
type eager struct {
	lobby

	errs []error
}

var posted = websockets.NewEvent[int]("posted")

func newEager() *eager {
	e, ctx := &eager{}, context.Background()
	s := e.Server
	_, count := s.Count(ctx)
	_, fetch := s.Fetch(ctx)
	_, call := s.Call(ctx, "x", 1)
	e.errs = []error{s.Emit(ctx, "x", 1), s.To("a").Emit(ctx, "x", 1), posted.Emit(ctx, s, 1), s.Join(ctx, "a"), s.Leave(ctx, "a"), s.Disconnect(ctx), count, fetch, call,
		s.Local().Emit(ctx, "x", 1), s.Of("/a").Emit(ctx, "x", 1), new(websockets.Server).Emit(ctx, "x", 1)}
	return e
}

// TestField_X48_NilServer: Emit on a Server that is not set yet, as in a constructor, was a nil panic; it returns an
// error that names the tag and the hook.
func TestField_X48_NilServer(t *testing.T) {
	a := apptest.New(t, providers(websockets.Gateway(newEager)), apptest.With(app.WebSockets(ws.New())))
	for i, err := range apptest.Get[*eager](a).errs {
		if !errors.Is(err, websockets.ErrNoServer) {
			t.Errorf("%d: %v", i, err)
		}
	}
	want(t, websockets.ErrNoServer.Error(), "websockets: the server is not set: tag the field with `websockets:\"server\"`, and use it from AfterInit on")
}
