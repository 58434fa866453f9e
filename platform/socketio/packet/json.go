package packet

// JSON is the default parser: text, with attachments as binary messages of
// their own.
//
//	<type>[<number of attachments>-][<namespace>,][<id>][<JSON>]
//
// Its decoders are those of a server. They accept what the clients of Socket.IO
// send, and refuse everything else, also where socket.io-parser is lenient:
//
//   - The type is one digit. The number of attachments is written in digits, from
//     1 to [Limits.Attachments], and each of them has exactly one placeholder
//     {"_placeholder":true,"num":n}: one that nothing points to is memory which
//     nobody sees, and one that two point to could be changed by the owner of the other.
//   - A namespace has at most 512 bytes, an id is at most [MaxID].
//   - JSON is that of RFC 8259, nested at most 10,000 deep, with nothing before
//     it and white space at most behind it.
//   - Connect has an object or nothing, Disconnect nothing, and neither an id.
//     ConnectError is the server's to send.
//   - Event and Ack have an array. That of an Event begins with its name, which
//     is not [Reserved]. A number there is taken as the name that JavaScript
//     would make of it, as socket.io does. An Ack has an id.
//
// Decoders keep no more than the packet under way and a few short names.
func JSON() Parser { return jsonParser{} }

type jsonParser struct{}

func (jsonParser) Name() string { return "json" }

func (jsonParser) NewDecoder(l Limits) Decoder { return &decoder{limit: l.attachments()} }
