package pipeline_test

import (
	"context"
	"fmt"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TokenGuard is provided by a module, for all modules that import it.
type TokenGuard struct{}

func NewTokenGuard() *TokenGuard { return &TokenGuard{} }

func (*TokenGuard) Check(context.Context, *pipeline.Call) error { return nil }

type Chat struct{}

func NewChat() *Chat { return &Chat{} }

func (*Chat) HandleConnection(context.Context, websockets.Client) error { return nil }

// A gateway binds the guard of another module by its type.
func ExampleInjected() {
	auth := module.New("auth", module.Exports(NewTokenGuard))
	chat := module.New("chat",
		module.Imports(auth),
		module.Providers(websockets.Gateway(NewChat, websockets.UseGuards(pipeline.Injected[*TokenGuard]()))),
	)
	fmt.Println(app.Validate(chat, app.WebSockets(ws.New())))
	// Output: <nil>
}
