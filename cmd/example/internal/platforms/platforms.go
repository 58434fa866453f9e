// Package platforms says over what the example's gateways are served.
package platforms

import (
	"fmt"

	"github.com/gatehouse-go/gatehouse/platform/socketio"
	"github.com/gatehouse-go/gatehouse/platform/ws"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Platforms are one or two adapters.
type Platforms struct {
	socketIO adapter.Adapter
	plain    adapter.Adapter
}

// Both is Socket.IO and plain WebSocket.
func Both() Platforms { return Platforms{socketIO: socketio.New(), plain: ws.New()} }

// Parse understands "both", "socketio" and "ws".
func Parse(name string) (Platforms, error) {
	switch name {
	case "both":
		return Both(), nil
	case "socketio":
		return Platforms{socketIO: socketio.New()}, nil
	case "ws":
		return Platforms{plain: ws.New()}, nil
	}
	return Platforms{}, fmt.Errorf("there is no platform %q: it may be both, socketio or ws", name)
}

// At serves a gateway as a namespace of Socket.IO and at a path of plain
// WebSocket. It stays one gateway: its rooms and broadcasts span both. The options
// are those of plain WebSocket alone.
func (p Platforms) At(namespace, path string, plain ...websockets.Option) []websockets.Option {
	var opts []websockets.Option
	if p.socketIO != nil {
		opts = append(opts, websockets.Via(p.socketIO, websockets.Namespace(namespace)))
	}
	if p.plain != nil {
		opts = append(opts, websockets.Via(p.plain, append(plain, websockets.Path(path))...))
	}
	return opts
}
