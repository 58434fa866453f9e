// Package ws serves gateways over plain WebSocket connections (RFC 6455), for
// browsers, devices and programs in any language that speak WebSocket and JSON.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()))
//
// # Wire protocol
//
// Everything is a JSON text in one WebSocket message; the client may send it as
// text or as binary. These are the forms of [JSON], the default [Codec]; keys
// may come in any order and with any white space, unknown keys are ignored.
//
// The client sends an event, and asks for an answer by adding an id of its own:
//
//	{"event":"chat.post","data":{"text":"hi"}}
//	{"event":"chat.post","data":{"text":"hi"},"id":7}
//
// data is any JSON value and may be missing. id is a number or a string of at
// most 64 bytes as written. The server answers a message that has one exactly
// once, and gives the id back as it was written:
//
//	{"id":7,"data":{"seq":1}}
//	{"id":7}
//	{"event":"exception","id":7,"data":{"status":"error","message":"Room is full"}}
//
// The second form is the empty answer. The third is the failure; a message
// without id that fails gets the same without id. What a handler returns to a
// message without id comes back as an event of the same name.
//
// The server sends events, and asks for an answer by adding an id, which is a
// number. Its ids and the client's are counted apart:
//
//	{"event":"posted","data":{"text":"hi"}}
//	{"event":"confirm","id":1,"data":"Delete all?"}
//
// The client answers with the id and no event. An answer {"id":1,"error":E}
// arrives at the caller as the payload {"error":E}.
//
//	{"id":1,"data":true}
//
// A message that is none of this is answered by an exception, with the code
// "bad_message", and the connection stays. So is data that does not fit the
// handler. Binary values ([]byte in Go) travel as base64 text.
//
// # Connections
//
// A refused handshake is an HTTP response with a JSON body: 405 for another
// method than GET, 426 for a request that is not an upgrade, 400 for one that
// is malformed, 403 for a foreign origin, 503 while the server stops, and
// whatever the gateway's own checks say.
//
// The server sends a ping when it has heard nothing for Limits.PingInterval.
// Its close codes (RFC 6455 §7.4) are: 1000 the client was disconnected, 1001
// the server stops, 1002 the client broke the protocol, 1007 a text message
// that is not UTF-8, 1008 the client read too slowly, took too long over one
// message or cut it into too many fragments, 1009 a message over
// Limits.MaxMessage, 1011 an internal error.
//
// While a handler is busy and the client's inbox is full, the client is not
// read from, so that TCP slows it down; only then its departure is noticed late.
package ws
