// Package ws serves gateways over plain WebSocket connections (RFC 6455), for browsers,
// devices and programs in any language.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()))
//
// # Wire protocol
//
// Everything is a JSON text in one WebSocket message, which the client may send as text or
// as binary. This is the format of [JSON], the default [Codec]. Keys may be in any order,
// with any white space; unknown keys are ignored.
//
// The client sends an event, and adds an id to request an answer:
//
//	{"event":"chat.post","data":{"text":"hi"}}
//	{"event":"chat.post","data":{"text":"hi"},"id":7}
//
// data is any JSON value and may be missing. id is a number or a string of at most 64 bytes
// as written. The server answers a message with an id exactly once, with the same id as
// written:
//
//	{"id":7,"data":{"seq":1}}
//	{"id":7}
//	{"event":"exception","id":7,"data":{"status":"error","message":"Room is full"}}
//
// The second form is the empty answer. The third is a failure; when a message without id
// fails, the server sends the same without id. The result of a handler for a message
// without id is sent as an event of the same name.
//
// The items of a stream are events with the id of their request as "re". The client ends the
// stream by the second form; the request is answered as at any end:
//
//	{"event":"tick","data":1,"re":7}
//	{"cancel":7}
//
// The server sends events, and adds an id, which is a number, to request an answer. Its ids
// are independent of the client's:
//
//	{"event":"posted","data":{"text":"hi"}}
//	{"event":"confirm","id":1,"data":"Delete all?"}
//
// The client answers with the id and no event. The caller receives an answer
// {"id":1,"error":E} as the payload {"error":E}.
//
//	{"id":1,"data":true}
//
// Any other message is answered by an exception with the code "bad_message", and the
// connection stays open. So is data that does not fit the handler. Binary values ([]byte
// in Go) are sent as base64 text.
//
// # Connections
//
// A refused handshake gets an HTTP response with a JSON body: 405 for a method other than
// GET, 426 for a request that is not an upgrade, 400 for a malformed one, 403 for a foreign
// origin, 503 while the server stops, and the status of the gateway's own checks.
//
// The server sends a ping when a client has sent nothing for Limits.PingInterval. Its close
// codes (RFC 6455 §7.4) are: 1000 the client was disconnected, 1001 the server stops, 1002
// protocol error, 1007 a text message that is not UTF-8, 1008 the client reads too slowly,
// takes too long to send one message or sends it in too many fragments, 1009 a message over
// Limits.MaxMessage, 1011 an internal error.
//
// Clients that offer the subprotocol gatehouse.v1 get more, see docs/protocol.md: their id,
// and why they are refused; with Options.Recovery they resume after a lost connection.
//
// While a handler is busy and the client's inbox is full, the server does not read from
// the client, so that TCP slows it down. Only then may its departure be noticed late.
package ws
