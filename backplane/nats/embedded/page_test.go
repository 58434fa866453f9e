package embedded_test

import (
	"context"
	"os"
	"testing"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/apptest"
	"github.com/gatehouse-go/gatehouse/backplane/nats"
	"github.com/gatehouse-go/gatehouse/backplane/nats/embedded"
	"github.com/gatehouse-go/gatehouse/internal/testkit"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// The programs of the page.

func withNATS(Module *module.Module) (*app.App, error) {
	return app.New(
		// snippet:nats
		Module, app.HTTP(":3000"), app.WebSockets(socketio.New()),
		app.Backplane(nats.New(nats.URL(os.Getenv("NATS_URL")))),
		// end
		app.HTTP("127.0.0.1:0"),
	)
}

func withEmbedded(Module *module.Module, at string) (*app.App, error) {
	return app.New(
		// snippet:embedded
		Module, app.HTTP(":3000"), app.WebSockets(socketio.New()),
		app.Backplane(embedded.New(
			embedded.Peers(os.Getenv("CLUSTER_NODES")), // such as chat-nodes:6222, a name with the addresses of all nodes
			embedded.Secret(os.Getenv("CLUSTER_SECRET")),
		)),
		// end
		app.HTTP("127.0.0.1:0"), app.Backplane(embedded.New(
			embedded.Peers(os.Getenv("CLUSTER_NODES")), embedded.Secret(os.Getenv("CLUSTER_SECRET")), embedded.Listen(at),
		)),
	)
}

func TestProgramsOfThePage(t *testing.T) {
	t.Setenv("NATS_URL", "nats://"+service(t, nil))
	at := testkit.FreeAddress(t)
	t.Setenv("CLUSTER_NODES", at)
	t.Setenv("CLUSTER_SECRET", "secret")
	for name, program := range map[string]func(m *module.Module, number int) (*app.App, error){
		"nats": func(m *module.Module, _ int) (*app.App, error) { return withNATS(m) },
		"embedded": func(m *module.Module, number int) (*app.App, error) {
			return withEmbedded(m, []string{at, "127.0.0.1:0"}[number])
		},
	} {
		t.Run(name, func(t *testing.T) {
			var apps []*app.App
			var clients []*apptest.Client
			for number := range 2 {
				a, err := program(module.New("chat", module.Providers(websockets.Gateway(newGateway))), number)
				if err != nil {
					t.Fatal(err)
				}
				if err := a.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() {
					if err := a.Stop(context.Background()); err != nil {
						t.Error(err)
					}
				})
				apps = append(apps, a)
				clients = append(clients, apptest.DialSocketIO(t, "http://"+a.Addr().String()))
			}
			for _, a := range apps {
				testkit.Eventually(t, "the nodes know each other", func() bool { return len(a.Nodes()) == 2 })
			}
			clients[0].Call("shout", "hello")
			if got := apptest.Expect[string](clients[1], "shout"); got != "hello" {
				t.Errorf("got %q", got)
			}
		})
	}
}
