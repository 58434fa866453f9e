// Package platforms selects the platforms of the example's gateways.
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

// Both returns Socket.IO and plain WebSocket.
func Both() Platforms { return Platforms{socketIO: socketio.New(), plain: ws.New()} }

// Parse parses "both", "socketio" or "ws".
func Parse(name string) (Platforms, error) {
	switch name {
	case "both":
		return Both(), nil
	case "socketio":
		return Platforms{socketIO: socketio.New()}, nil
	case "ws":
		return Platforms{plain: ws.New()}, nil
	}
	return Platforms{}, fmt.Errorf("unknown platform %q: use both, socketio or ws", name)
}

// At returns the options to serve a gateway at a Socket.IO namespace and at a path of
// plain WebSocket. Rooms and broadcasts of the gateway span both. The options plain
// apply to plain WebSocket only.
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
