// Package msgpack has the parser of Socket.IO packets in MessagePack, which fits
// socket.io-msgpack-parser of npm on the client:
//
//	socketio.New(socketio.Options{Parser: msgpack.Parser()})
//
//	import parser from "socket.io-msgpack-parser"
//	const socket = io(url, { parser })
//
// It is worth it for payloads of many numbers and of binary: each packet is one
// binary message, while JSON sends binary parts as messages of their own.
//
// Gateways notice nothing, since payloads stay what they are, JSON text with
// attachments. What comes is turned into JSON so:
//
//	str                  string; must be UTF-8
//	int, uint            number, with all of its 64 bits
//	float 32, float 64   number; NaN and infinities are refused
//	nil, false, true     null, false, true
//	array                array
//	map                  object; a key is a string, or an integer that becomes its digits
//	bin                  attachment
//	ext 0, ext -1        what socket.io-msgpack-parser has for Date, ArrayBuffer and
//	                     undefined, and the timestamp of MessagePack: a date is the
//	                     string of toISOString, a buffer an attachment; undefined
//	                     is null, and in an object its member is left out
//	any other ext        refused
//
// And what is sent so: a number that is written without fraction and exponent
// and has at most 64 bits is an integer, any other one a float 64 (so a float64
// of 1 is sent as the integer: in JSON, too, it is just 1); a placeholder that
// points to an attachment is bin; times are strings, as always in JSON.
//
// The integers and bytes themselves are read and written by
// github.com/tinylib/msgp, which works on slices, token by token, without
// reflection, and believes no length that the bytes do not bear out.
//
// Source: https://github.com/socketio/socket.io-msgpack-parser and
// https://github.com/msgpack/msgpack/blob/master/spec.md
package msgpack

import "github.com/gatehouse-go/gatehouse/platform/socketio/packet"

// Parser is the parser. Each packet is one binary message, a map with
//
//	type      0 to 4
//	nsp       the namespace
//	id        an integer; may be absent
//	data      of an event [name, argument…], of an ack [argument…], of CONNECT an
//	          object, or absent
//
// Absent is also nil and undefined. Other keys are ignored.
//
// Decoders refuse what those of [packet.JSON] refuse, with the same bounds, also
// on depth and on attachments: [packet.Limits] counts the binary values of a
// packet. As there, an object with "_placeholder": true cannot be in a packet
// that has binary values: handlers could not tell it from a placeholder, and
// clients with the default parser would break off when it is sent on to them. In
// a packet without binary values it is an ordinary object. For the same reason
// gateways cannot send one beside binary: Emit returns an error.
//
// Attachments are parts of the message, so keeping one keeps the whole message in
// memory. The JSON of a message is at most six times as long as the message
// (control characters in strings), and usually about as long.
func Parser() packet.Parser { return parser{} }

type parser struct{}

func (parser) Name() string { return "msgpack" }

func (parser) NewDecoder(l packet.Limits) packet.Decoder {
	return &decoder{packet.JSON().NewDecoder(l), attachments(l)}
}

// attachments gives the limit with its default, as packet.Limits has it.
func attachments(l packet.Limits) int {
	if l.Attachments == 0 {
		return 10
	}
	return max(l.Attachments, 0)
}
