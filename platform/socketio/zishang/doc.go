// Package zishang serves gateways over Socket.IO with the library
// github.com/zishang520/socket.io (servers/socket v3.0.5), for applications
// that already use it or want its native objects. Applications without that
// need are better served by the package platform/socketio, which is Gatehouse's
// own server.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(zishang.New()))
//
// Clients are those of Socket.IO 3 and 4: Engine.IO protocol 4, Socket.IO
// protocol 5 (https://socket.io/docs/v4/socket-io-protocol/).
//
// # How the work is divided
//
// The library does the Engine.IO half (handshakes, polling, WebSocket,
// heartbeats, transport upgrades) and keeps its Server, Namespace and Socket
// objects, so that native code finds them. This package stands in front of it
// and behind it:
//
//   - HTTP requests are checked before the library sees them: origin, CORS,
//     protocol version, transport, session id, size, encoding and duration of bodies.
//   - Packets are decoded here, strictly, and events and acks go straight to the
//     framework. Payloads stay JSON text and bytes; nothing becomes a map.
//   - What is sent waits in a queue bounded in bytes; the library is given only
//     as much as its transport is about to write.
//   - Rooms, broadcasts and acks are the framework's own.
//
// What cannot be mended from outside is listed, with measurements, in docs/socketio.md.
package zishang
