package adminui_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/inspect/adminui"
	"github.com/gatehouse-go/gatehouse/internal/leaktest"
	"github.com/gatehouse-go/gatehouse/internal/need"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Main(m)) }

const password = "correct horse"

// hash returns the hash of the password, at the cost that is checked fastest.
func hash(t testing.TB) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// chat is the gateway whose clients the page shows.
type chat struct {
	Server *websockets.Server `websockets:"server"`
}

func newChat() *chat { return &chat{} }

func (*chat) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("join", func(ctx context.Context, room string) (string, error) {
			return room, websockets.ClientFrom(ctx).Join(room)
		}),
		websockets.On("say", func(ctx context.Context, text string) (string, error) {
			return text, websockets.ClientFrom(ctx).Emit(ctx, "said", text)
		}),
	}
}

// start starts an application with an admin namespace.
func start(t testing.TB, o adminui.Options, opts ...app.Option) *apptest.App {
	t.Helper()
	a, _ := startAdmin(t, o, opts...)
	return a
}

func startAdmin(t testing.TB, o adminui.Options, opts ...app.Option) (*apptest.App, *adminui.Admin) {
	t.Helper()
	o.Username, o.PasswordHash = "admin", hash(t)
	admin, err := adminui.New(o)
	if err != nil {
		t.Fatal(err)
	}
	plain := ws.New()
	root := module.New("root", module.Imports(admin.Module()), module.Providers(
		websockets.Gateway(newChat, websockets.Via(socketio.New()), websockets.Via(plain, websockets.Path("/plain"))),
	))
	opts = append(opts, app.WebSockets(socketio.New()), app.Observe(admin.Hooks()))
	return apptest.New(t, root, apptest.With(opts...)), admin
}

// pageFiles are those of the npm package.
func pageFiles(t testing.TB) string {
	t.Helper()
	return filepath.Join(need.Packages(t), "node_modules", "@socket.io", "admin-ui", "ui", "dist")
}
