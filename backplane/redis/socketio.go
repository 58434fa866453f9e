package redis

import "github.com/gatehouse-go/gatehouse/backplane"

// SocketIOEngine is the engine of one application, see [SocketIO].
type SocketIOEngine struct{ Engine }

var _ backplane.Bridge = (*SocketIOEngine)(nil)

// SocketIO returns an engine that also exchanges messages with servers of Socket.IO on Node with
// @socket.io/redis-adapter, and with programs that use @socket.io/redis-emitter. Gatehouse nodes
// send each other native frames, with the prefix that [Key] and "-gatehouse" make, so among them
// everything is as with [Native].
//
// Node receives events, Join, Leave, Disconnect and events for the nodes, of gateways of Socket.IO, in
// namespaces without a pattern. What Node asks, such as fetchSockets and events with acks, is answered.
// Fetch, Count and Call of Gatehouse ask the servers of Node too, which are one node with the id
// "socket.io" in the results. What its decoder would not accept, such as a room whose name is not UTF-8,
// is not sent to Node.
func SocketIO(opts ...Option) *SocketIOEngine {
	e := &SocketIOEngine{}
	e.init(append([]Option{Prefix(DefaultKey + keySuffix)}, opts...))
	e.bridge = newBridge(e.opts.key)
	return e
}

// Name implements [backplane.Backplane].
func (*SocketIOEngine) Name() string { return "redis/socketio" }

// SetEndpoints implements [backplane.EndpointsUser].
func (e *SocketIOEngine) SetEndpoints(all []backplane.Endpoint) { e.bridge.setEndpoints(all) }

// Servers implements [backplane.Bridge]: the servers of Node.
func (*SocketIOEngine) Servers() backplane.Node {
	return backplane.Node{ID: foreign, Name: "Socket.IO on Node"}
}
