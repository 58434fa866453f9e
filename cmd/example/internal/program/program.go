// Package program puts the example together: its modules, and the options of its application.
package program

import (
	"time"

	"github.com/gatehouse-go/gatehouse/app"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/chat"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/documents"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/root"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/site"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/stats"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/validate"
)

// Settings are what a command of the example sets.
type Settings struct {
	// Addr is the address of the page, the gateways and the HTTP controllers.
	Addr string
	// StatsAddr is the address of the stats gateway; Addr if it is empty.
	StatsAddr string
	// Platforms are those of the gateways.
	Platforms platforms.Platforms
	// TokenLife is the lifetime of a token, at least two seconds.
	TokenLife time.Duration
	// Key signs tokens: the same in all processes, so that each accepts the tokens of the others.
	Key login.Key
	// Node is the name of this process, which pages show; empty with only one.
	Node chat.Node
	// Documents serves the documents of the application, for development.
	Documents bool
}

// Module returns the root module.
func (s Settings) Module() *module.Module {
	logins := login.NewModule(s.TokenLife, s.Key)
	chats := chat.NewModule(s.Platforms, logins, s.Node)
	imports := []*module.Module{root.NewModule(s.Platforms), logins, chats, stats.NewModule(s.Platforms, s.StatsAddr, chats), site.NewModule()}
	if s.Documents {
		imports = append(imports, documents.NewModule(logins))
	}
	return module.New("example", module.Imports(imports...))
}

// Options returns the options of the application.
func (s Settings) Options() []app.Option {
	return []app.Option{
		app.HTTP(s.Addr),
		// For each address 20 a second, bursts of 200. Behind a proxy all clients have
		// its address: set app.TrustedProxies.
		app.UseGuards(ratelimit.Connections(20, 200)),
		// Checks payloads by the validate tags of their types.
		app.UsePipes(validate.New),
	}
}
