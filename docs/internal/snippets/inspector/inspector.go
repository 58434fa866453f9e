// Package inspector has the code of docs/inspector.md.
package inspector

import (
	"context"
	"os"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/inspect"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Gateway is what is inspected.
type Gateway struct{}

// NewGateway makes a Gateway.
func NewGateway() *Gateway { return &Gateway{} }

// Subscriptions implements [websockets.Subscriber].
func (*Gateway) Subscriptions() []websockets.Subscription {
	return []websockets.Subscription{
		websockets.On("echo", func(_ context.Context, text string) (string, error) { return text, nil }),
	}
}

// Chat is the module of the application.
var Chat = module.New("chat", module.Providers(websockets.Gateway(NewGateway, websockets.Path("/chat"))))

// Run runs the application.
//
// snippet:import
func Run() {
	root := module.New("app", module.Imports(Chat, inspect.Module(inspect.Options{})))
	app.Main(root, app.HTTP("127.0.0.1:3000"), app.WebSockets(ws.New()))
}

// end

// Dev is the module with the inspector where the environment asks for it.
//
// snippet:optional
func Dev() *module.Module {
	imports := []*module.Module{Chat}
	if os.Getenv("INSPECT") != "" {
		imports = append(imports, inspect.Module(inspect.Options{}))
	}
	return module.New("app", module.Imports(imports...))
}

// end

// Guarded is an inspector that others reach.
//
// snippet:guard
func Guarded(admins pipeline.Guard) *module.Module {
	return inspect.Module(inspect.Options{Guard: admins, Hosts: []string{"inspect.example.com"}})
}

// end
