package ws

// Envelope is what one message carries around its payload.
type Envelope struct {
	// Event is the name of the event; empty for the answer to a request.
	Event string
	// ID matches requests and answers: the text of a JSON number or of a JSON
	// string with its quotes, nil when no answer is asked for.
	ID []byte
	// Data is the payload as one JSON value; empty when there is none.
	Data []byte
}

// Codec turns messages of the wire into envelopes and back. Give one in
// [Options] for another framing than [JSON]. It must be safe for concurrent
// use, and comparable: a broadcast is encoded once for all connections whose
// codecs are equal. A panic in it ends the connection with 1011, nothing
// else; a broadcast that it panics at reaches nobody, and is logged.
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
	// Text tells whether messages are text, which RFC 6455 §5.6 wants in UTF-8,
	// or binary. Both kinds of frame are accepted either way.
	Text() bool
	// Decode takes a message apart. The envelope may point into msg, which is
	// the codec's only until the envelope has been used: keep nothing of it. An
	// error is told to the client as an exception, under the id of the envelope
	// when it has one, see [websockets.Error]; any other than
	// that says "Internal server error". Text has been checked to be UTF-8 when Text is true.
	Decode(msg []byte) (Envelope, error)
	// Append encodes e at the end of dst and returns the extended buffer. It
	// must keep neither. With an empty Event it is the answer to the request
	// that had the ID.
	Append(dst []byte, e Envelope) ([]byte, error)
}
