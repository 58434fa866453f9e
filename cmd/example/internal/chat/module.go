// Package chat has rooms in which people talk, over every platform at once.
package chat

import (
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/login"
	"github.com/gatehouse-go/gatehouse/cmd/example/internal/platforms"
	"github.com/gatehouse-go/gatehouse/jwtauth"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/ratelimit"
	"github.com/gatehouse-go/gatehouse/web"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// NewModule has the gateway at the namespace /chat of Socket.IO and at /ws/chat,
// and the rooms at /rooms over HTTP. It imports the login, whose guard it asks.
// Rooms are private to it; the gateway may be injected by those who import it.
func NewModule(p platforms.Platforms, logins *module.Module) *module.Module {
	opts := append(
		p.At("/chat", "/ws/chat", ws.Options{Subprotocols: []string{login.Scheme}}),
		// When a client connects, and for each of its messages: 3 a second, 15 at once.
		websockets.UseGuards(login.NewGuard, ratelimit.Messages(3, 15)),
		websockets.HideCauseData(), // tokens are among what clients send
		websockets.Emits(Joined, Left, Posted, jwtauth.TokenExpiring),
	)
	return module.New("chat",
		module.Imports(logins),
		module.Providers(NewRooms, NewRoomLimit),
		module.Exports(websockets.Gateway(NewGateway, opts...)),
		module.Controllers(web.Controller(NewController, web.Prefix("/rooms"))),
	)
}
