// Package login gives people a token for their name, and has the guard that asks for
// it: at routes, and before a client is connected.
package login

import (
	"time"

	"github.com/gatehouse-go/gatehouse/module"
)

// NewModule has POST /login and POST /refresh, and the guard for those who import it.
// Tokens last as long as life, at least two seconds, which is how exact their times are.
func NewModule(life time.Duration) *module.Module {
	return module.New("login",
		module.Providers(NewKey, NewTokens, module.Value(Life(max(life, 2*time.Second)))),
		module.Exports(NewGuard),
		module.Controllers(NewController),
	)
}
