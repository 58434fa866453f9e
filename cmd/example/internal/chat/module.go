// Package chat is a chat with rooms that span all platforms.
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

// NewModule returns the module: the gateway at the Socket.IO namespace /chat and at
// /ws/chat, and the controller at /rooms. It imports the login for its guard. It
// exports the gateway and keeps the rooms private. node is empty where there is only one.
func NewModule(p platforms.Platforms, logins *module.Module, node Node) *module.Module {
	opts := append(
		p.At("/chat", "/ws/chat", ws.Options{Subprotocols: []string{login.Scheme}}),
		// For the connect and for each message; 3 messages a second, bursts of 15.
		websockets.UseGuards(login.Required, ratelimit.Messages(3, 15)),
		websockets.HideCauseData(), // clients send tokens
		websockets.Emits(Welcome, Joined, Left, Posted, Listed, jwtauth.TokenExpiring),
	)
	return module.New("chat",
		module.Imports(logins),
		module.Providers(NewRooms, NewRoomLimit, module.Value(node)),
		module.Exports(websockets.Gateway(NewGateway, opts...)),
		module.Controllers(web.Controller(NewController, web.Prefix("/rooms"))),
	)
}
