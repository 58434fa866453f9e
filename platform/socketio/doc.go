// Package socketio serves gateways over Socket.IO: protocol 5 on Engine.IO 4,
// as clients of Socket.IO 3 and 4 speak it, over WebSocket and HTTP long-polling
// with the upgrade between the two. The server is Gatehouse's own, on
// github.com/coder/websocket.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New()))
//
// Options of this platform are [Options]. Sizes, heartbeats and origins are the
// same on every platform: [websockets.WithLimits], [websockets.Origins].
//
// Sources: https://socket.io/docs/v4/socket-io-protocol/ and
// https://socket.io/docs/v4/engine-io-protocol/
package socketio
