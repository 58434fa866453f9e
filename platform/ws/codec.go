package ws

// Envelope is what one message carries around its payload.
type Envelope struct {
	// Event is the name of the event; empty in the answer to a request.
	Event string
	// ID matches answers with requests: the text of a JSON number, or of a JSON string
	// with its quotes; nil when no answer is requested.
	ID []byte
	// Data is the payload as one JSON value; empty when there is none.
	Data []byte
	// Re is the id of the request to whose stream the event belongs; nil for other events
	// and for requests without an id. Only from the server.
	Re []byte
	// Traceparent and Tracestate are the W3C Trace Context of the message, as text; nil without one. Only from clients.
	Traceparent, Tracestate []byte
	// Cancel is the id of a request whose stream is to end; nil in other messages. Only from
	// clients.
	Cancel []byte
}

// Codec converts messages of the wire to envelopes and back. Set it in [Options] for
// another format than [JSON]. It must be safe for concurrent use, and comparable: a
// broadcast is encoded once for all connections with equal codecs. A panic in it closes
// the connection with 1011; a broadcast during which it panics is not sent, and logged.
//
// A codec for lines "event payload", without ids:
//
//	type lines struct{}
//
//	func (lines) Text() bool { return true }
//	func (lines) Decode(msg []byte) (ws.Envelope, error) {
//		event, data, _ := bytes.Cut(msg, []byte{' '})
//		return ws.Envelope{Event: string(event), Data: data}, nil
//	}
//	func (lines) Append(dst []byte, e ws.Envelope) ([]byte, error) {
//		return append(append(append(dst, e.Event...), ' '), e.Data...), nil
//	}
type Codec interface {
	// Text reports whether messages are text, which must be UTF-8 by RFC 6455 §5.6,
	// or binary. Both kinds of frame are accepted in either case.
	Text() bool
	// Decode parses a message. The envelope may point into msg, but the codec must not
	// keep msg. An error is sent to the client as an exception, with the id of the
	// envelope if it has one: a [websockets.Error] as it is, any other as "Internal
	// server error". When Text returns true, msg is valid UTF-8.
	Decode(msg []byte) (Envelope, error)
	// Append encodes e at the end of dst and returns the extended buffer. It must keep
	// neither. An envelope without Event is the answer to the request with the ID.
	Append(dst []byte, e Envelope) ([]byte, error)
}
