package start_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-chi/chi/v5"
	"go.uber.org/fx"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

type (
	// base is what several gateways embed, and no gateway itself.
	base struct {
		Server *websockets.Server `websockets:"server"`
	}
	news   struct{ *base }
	sports struct{ *page }
	page   struct{ *base }
	window struct{ frame }
	frame  struct{ *lobby }
	copies struct{ base }
	lone   struct{ chi.Router }
)

func newBase() *base { return &base{} }

// Subscriptions implements [websockets.Subscriber].
func (b *base) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{websockets.On("n", func(ctx context.Context, _ struct{}) (int, error) { return b.Server.Count(ctx) })}
}

// What gateways embed, or what embeds a gateway, at any depth, has the methods of a gateway and is none.
func TestAudit_EmbeddedGateways(t *testing.T) {
	want(t, start(t, providers(newBase, websockets.Gateway(func(b *base) *news { return &news{b} }))), "")
	want(t, start(t, providers(newBase, websockets.Gateway(func(b *base) *sports { return &sports{&page{b}} }))), "")
	want(t, start(t, providers(websockets.Gateway(newLobby), func(l *lobby) *window { return &window{frame{l}} })), "")
	want(t, start(t, providers(newBase, websockets.Gateway(func() *copies { return &copies{} }))), // it does not reach clients
		"module m (field/start/main_test.go): start_test.newBase (field/start/audit_test.go) returns *start_test.base, which has the method Subscriptions but is not registered as a gateway, so that no client reaches it\n"+
			"hint: write module.Providers(websockets.Gateway(newBase)), or rename the method")
}

// A router of the application among controllers is not served, and so it is an error.
func TestAudit_RouterAsController(t *testing.T) {
	const message = ", a router of its own, which is not served; return a controller with the method Routes(r chi.Router), and call r.Mount(\"/\", …) in it"
	want(t, validated(controllers(func() *lone { return &lone{chi.NewRouter()} })),
		"web: controller start_test.TestAudit_RouterAsController.func1 (field/start/audit_test.go) returns *start_test.lone"+message)
	want(t, validated(controllers(func() *chi.Mux { return chi.NewMux() })), "web: controller start_test.TestAudit_RouterAsController.func2 (field/start/audit_test.go) returns *chi.Mux"+message)
	want(t, validated(providers(chi.NewMux)), "")
}

// When an OnStart of fx fails because the time of the start is over, the OnStop of the hooks before it have the time of a stop.
func TestAudit_RollbackOfFx(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // so that the time is over in the hook, and not before it
		var stopped []error
		m := module.New("m", module.Fx(fx.Invoke(func(lc fx.Lifecycle) {
			lc.Append(fx.StopHook(func(ctx context.Context) { stopped = append(stopped, ctx.Err()) }))
			lc.Append(fx.StartHook(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }))
		})))
		a, err := app.New(m, quiet(), app.Mounted())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := a.Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Start: %v", err)
		}
		if len(stopped) != 1 || stopped[0] != nil {
			t.Errorf("the contexts of OnStop: %v", stopped)
		}
	})
}
