// Package msgpack has the parser for Socket.IO packets in MessagePack. It is compatible
// with npm's socket.io-msgpack-parser on the client:
//
//	socketio.New(socketio.Options{Parser: msgpack.Parser()})
//
//	import parser from "socket.io-msgpack-parser"
//	const socket = io(url, { parser })
//
// It pays off for payloads with many numbers or binary values: each packet is one binary
// message, while JSON sends binary values as messages of their own.
//
// Gateways see no difference: payloads are JSON text with attachments as usual. Incoming
// values become JSON like this:
//
//	str                  string; must be UTF-8
//	int, uint            number, with all of its 64 bits
//	float 32, float 64   number; NaN and infinities become null
//	nil, false, true     null, false, true
//	array                array
//	map                  object; a key is a string, or an integer that becomes its digits
//	bin                  attachment
//	ext 0, ext -1        Date, ArrayBuffer and undefined of socket.io-msgpack-parser, and
//	                     the timestamp of MessagePack: a date becomes the string of
//	                     toISOString, a buffer an attachment, undefined null; a member
//	                     of an object that is undefined is omitted
//	any other ext        rejected
//
// Outgoing, a number without fraction and exponent that fits into 64 bits becomes an
// integer, any other number a float 64 (a float64 of 1 is sent as an integer: in JSON it
// is just 1); a placeholder of an attachment becomes bin; times are strings, as always in
// JSON.
//
// Values are read and written by github.com/tinylib/msgp, which works on slices, token by
// token, without reflection, and does not trust lengths.
//
// Source: https://github.com/socketio/socket.io-msgpack-parser and
// https://github.com/msgpack/msgpack/blob/master/spec.md
package msgpack

import (
	"math"

	"github.com/gatehouse-go/gatehouse/platform/socketio/packet"
)

// Parser returns the parser. Each packet is one binary message, a map with
//
//	type      0 to 4
//	nsp       the namespace
//	id        an integer; may be absent
//	data      of an event [name, argument…], of an ack [argument…], of CONNECT an
//	          object, or absent
//
// nil and undefined count as absent. Other keys are ignored.
//
// Decoders reject what those of [packet.JSON] reject, with the same limit of depth. Binary
// values are parts of the message, so [packet.Limits].Attachments has no effect: a message
// may have 1,000 of them, a longer one a value for each 64 bytes. As there, a packet with binary values must not have an object with "_placeholder": true: handlers
// could not distinguish it from a placeholder, and clients with the default parser would
// disconnect when it is forwarded to them. Without binary values it is an ordinary object.
// For the same reason Emit returns an error for such an object beside binary values.
//
// Attachments are parts of the message, so keeping one keeps the whole message in memory.
// The JSON of a message is at most six times as long as the message (control characters in
// strings), and usually about as long.
func Parser() packet.Parser { return parser{} }

type parser struct{}

func (parser) Name() string { return "msgpack" }

func (parser) NewDecoder(l packet.Limits) packet.Decoder {
	return &decoder{packet.JSON().NewDecoder(unlimited(l))}
}

// maxBinary returns how many binary values a message of n bytes may have, so that what is
// kept for each is not much more than the message.
func maxBinary(n int) int { return max(1000, n/64) }

// unlimited returns the limits without that of attachments.
func unlimited(l packet.Limits) packet.Limits {
	l.Attachments = math.MaxInt32
	return l
}
