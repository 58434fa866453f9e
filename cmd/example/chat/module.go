// Package chat has rooms in which people talk, over every platform at once.
package chat

import (
	"github.com/gatehouse-go/gatehouse/cmd/example/platforms"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// NewModule has the gateway at the namespace /chat of Socket.IO and at /ws/chat,
// and the rooms at /rooms over HTTP. Rooms are private to it; the gateway may be
// injected by those who import it.
func NewModule(p platforms.Platforms) *module.Module {
	opts := append(p.At("/chat", "/ws/chat"), websockets.Emits(Joined, Left, Posted))
	return module.New("chat",
		module.Providers(NewRooms),
		module.Exports(websockets.Gateway(NewGateway, opts...)),
		module.Controllers(NewController),
	)
}
