// Package login issues tokens for names, and provides the guard that verifies them, for
// routes and gateways.
package login

import (
	"time"

	"github.com/gatehouse-go/gatehouse/module"
)

// NewModule returns the module: POST /login, POST /refresh, and the exported guard.
// Tokens live for life, at least two seconds, because their times are in seconds. The key
// signs them.
func NewModule(life time.Duration, key Key) *module.Module {
	return module.New("login",
		module.Providers(NewTokens, module.Value(key), module.Value(Life(max(life, 2*time.Second)))),
		module.Exports(NewGuard),
		module.Controllers(NewController),
	)
}
