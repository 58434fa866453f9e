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

// HeaderGuard says what it reads, and needs no constructor for it.
type HeaderGuard struct{}

func NewHeaderGuard() *HeaderGuard { return &HeaderGuard{} }

func (*HeaderGuard) Check(_ context.Context, c *pipeline.Call) error {
	if c.Request.Header.Get("X-Key") != "k1" {
		return pipeline.ErrUnauthorized
	}
	return nil
}

func (*HeaderGuard) Schemes() []pipeline.Scheme {
	return []pipeline.Scheme{{Kind: pipeline.SchemeHeader, Key: "X-Key"}}
}

// security prints what clients need to connect, as it is registered.
func security(guard any) {
	chat := module.New("chat", module.Providers(websockets.Gateway(NewChat, websockets.UseGuards(guard))))
	d, err := app.Describe(chat, app.WebSockets(ws.New()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range d.Gateways[0].Endpoints[0].Security {
		for _, scheme := range s.Schemes {
			fmt.Printf("%s %s %q\n", s.Guard, scheme.Kind, scheme.Key)
		}
	}
}

// A guard that says how clients send its credential. Its constructor does not run.
func ExampleSecured() {
	security(NewHeaderGuard)
	// Output: pipeline_test.NewHeaderGuard header "X-Key"
}

// A guard that says nothing is bound with what it reads.
func ExampleWithSchemes() {
	security(pipeline.WithSchemes(NewTokenGuard,
		pipeline.Scheme{Kind: pipeline.SchemeBearer},
		pipeline.Scheme{Kind: pipeline.SchemeCookie, Key: "token"},
	))
	// Output:
	// pipeline_test.NewTokenGuard bearer ""
	// pipeline_test.NewTokenGuard cookie "token"
}
