package login

import (
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Guard accepts calls with a valid token. Handlers read the claims from it:
//
//	claims, ok := guard.From(ctx)
type Guard = jwtauth.Guard[Claims]

// Scheme is the subprotocol that precedes the token on plain WebSocket.
const Scheme = "bearer"

// NewGuard returns the guard. Use one instance: another one does not see its claims.
func NewGuard(key Key) (*Guard, error) {
	return jwtauth.New[Claims](jwtauth.Options{
		Method:        jwt.SigningMethodHS256,
		Key:           []byte(key),
		Sources:       sources(),
		RefreshWindow: time.Minute,
	})
}

// sources are where clients put the token.
func sources() []jwtauth.Source {
	return []jwtauth.Source{
		jwtauth.Header(),            // Authorization: Bearer …
		jwtauth.Subprotocol(Scheme), // new WebSocket(url, ["bearer", token])
		jwtauth.Auth("token"),       // io("/chat", { auth: { token } })
	}
}

// Required binds the guard of the login, for users who are logged in. The documents say where the token is.
var Required = pipeline.WithSchemes(pipeline.Injected[*Guard](), jwtauth.Schemes(sources()...)...)
