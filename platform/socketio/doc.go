// Package socketio serves gateways over Socket.IO: protocol 5 on Engine.IO 4, for clients
// of Socket.IO 3 and 4, over WebSocket and HTTP long-polling with the upgrade between the
// two. The server is Gatehouse's own, based on github.com/coder/websocket.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(socketio.New()))
//
// [Options] has the options of this platform. Sizes, heartbeats and origins are set as on
// every platform: [websockets.WithLimits], [websockets.Origins].
//
// Sources: https://socket.io/docs/v4/socket-io-protocol/ and
// https://socket.io/docs/v4/engine-io-protocol/
package socketio
