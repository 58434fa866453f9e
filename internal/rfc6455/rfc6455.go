// Package rfc6455 is the WebSocket protocol of RFC 6455 as far as it needs neither a
// connection nor a goroutine: frame headers, masking, close codes, the values of a
// handshake, and the [Validator], which checks the frames of a client.
//
// Everything in it is for the server's side: frames that are written are not masked,
// frames that are read must be.
package rfc6455

// Opcodes, RFC 6455 §5.2.
const (
	OpContinuation = 0x0
	OpText         = 0x1
	OpBinary       = 0x2
	OpClose        = 0x8
	OpPing         = 0x9
	OpPong         = 0xA
)

// Fin is the bit of a header's first byte that marks the last frame of a message.
const Fin = 0x80

// Rsv1 is the bit of a header's first byte that is set on compressed messages, RFC 7692 §6.
const Rsv1 = 0x40

const rsv = 0x30 // RSV2 and RSV3

// MaxControl is the largest payload of a control frame in bytes, RFC 6455 §5.5.
const MaxControl = 125

// MaxHeader is the largest header of a frame that a server sends, in bytes.
const MaxHeader = 10
