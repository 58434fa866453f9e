package redis_test

import (
	"context"
	"log/slog"
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane/emit"
	"github.com/gatehouse-go/gatehouse/backplane/redis"
	"github.com/gatehouse-go/gatehouse/internal/redistest"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// program is that of the page.
func program(Module *module.Module) (*app.App, error) {
	return app.New(
		// snippet:redis
		Module, app.HTTP(":3000"), app.WebSockets(socketio.New()),
		app.Backplane(redis.Native(redis.URL(os.Getenv("REDIS_URL")))),
		// end
		app.HTTP("127.0.0.1:0"), app.Logger(slog.New(slog.DiscardHandler)),
	)
}

// programWithNode is the other one.
func programWithNode(Module *module.Module) (*app.App, error) {
	return app.New(
		Module, app.HTTP("127.0.0.1:0"), app.WebSockets(socketio.New()), app.Logger(slog.New(slog.DiscardHandler)),
		// snippet:node
		app.Backplane(redis.SocketIO(redis.URL(os.Getenv("REDIS_URL")), redis.Key("socket.io"))),
		// end
	)
}

// publish is the job of the page.
func publish(ctx context.Context) error {
	// snippet:emit
	e, err := emit.Connect(ctx, redis.Native(redis.URL(os.Getenv("REDIS_URL"))), emit.SocketIO("/"))
	if err != nil {
		return err
	}
	defer e.Close()
	return e.To("tea").Emit(ctx, "said", "the kettle is on")
	// end
}

type chat struct {
	Server *websockets.Server `websockets:"server"`
}

func newChat() *chat { return &chat{} }

func (g *chat) Subscriptions() []websockets.Subscription {
	join := websockets.On("join", func(ctx context.Context, room string) (string, error) {
		return room, websockets.ClientFrom(ctx).Join(room)
	})
	return []websockets.Subscription{join, websockets.On("say", func(ctx context.Context, text string) (string, error) {
		return "sent", g.Server.Emit(ctx, "said", text)
	})}
}

func TestProgramOfThePage(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://"+redistest.Start(t).Address+"/2")
	t.Run("native", func(t *testing.T) { testProgram(t, program) })
	t.Run("with Node", func(t *testing.T) { testProgram(t, programWithNode) })
}

func testProgram(t *testing.T, program func(*module.Module) (*app.App, error)) {
	t.Helper()
	var all []*apptest.Client
	var apps []*app.App
	for range 2 {
		a, err := program(module.New("chat", module.Providers(websockets.Gateway(newChat))))
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Start(patient(t)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.Stop(context.Background()); err != nil {
				t.Error(err)
			}
		})
		apps = append(apps, a)
		all = append(all, apptest.DialSocketIO(t, "http://"+a.Addr().String()))
	}
	testkit.Eventually(t, "the nodes know each other", func() bool { return apps[0].Stats().Backplane.Nodes == 2 && apps[1].Stats().Backplane.Nodes == 2 })
	all[0].Call("say", "hello")
	for _, c := range all {
		if got := apptest.Expect[string](c, "said"); got != "hello" {
			t.Errorf("got %q", got)
		}
	}
}

func TestJobOfThePage(t *testing.T) {
	t.Setenv("REDIS_URL", "redis://"+redistest.Start(t).Address)
	a := apptest.New(t, module.New("chat", module.Providers(websockets.Gateway(newChat))),
		apptest.With(app.WebSockets(socketio.New()), app.Backplane(redis.Native(redis.URL(os.Getenv("REDIS_URL"))))))
	c := a.DialSocketIO("/")
	c.Call("join", "tea")
	if err := publish(patient(t)); err != nil {
		t.Fatal(err)
	}
	if got := apptest.Expect[string](c, "said"); got != "the kettle is on" {
		t.Errorf("got %q", got)
	}
}
