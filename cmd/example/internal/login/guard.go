package login

import (
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/gatehouse-go/gatehouse/jwtauth"
)

// Guard lets in who has a token. Handlers ask it who that is:
//
//	claims, ok := guard.From(ctx)
type Guard = jwtauth.Guard[Claims]

// Scheme is the subprotocol before the token on plain WebSocket.
const Scheme = "bearer"

// NewGuard makes the guard. There is one: what it knows of a client, another one
// would not find.
func NewGuard(key Key) (*Guard, error) {
	return jwtauth.New[Claims](jwtauth.Options{
		Method: jwt.SigningMethodHS256,
		Key:    []byte(key),
		Sources: []jwtauth.Source{
			jwtauth.Header(),            // Authorization: Bearer …
			jwtauth.Subprotocol(Scheme), // new WebSocket(url, ["bearer", token])
			jwtauth.Auth("token"),       // io("/chat", { auth: { token } })
		},
		RefreshWindow: time.Minute,
	})
}
