package packet

// JSON returns the default parser: text, with attachments as binary messages of their own.
//
//	<type>[<number of attachments>-][<namespace>,][<id>][<JSON>]
//
// Its decoders are for servers. They accept what Socket.IO clients send, and reject
// everything else, even where socket.io-parser is lenient:
//
//   - The type is one digit. The number of attachments is written in digits, from 1 to
//     [Limits.Attachments], and each attachment has exactly one placeholder
//     {"_placeholder":true,"num":n}: without one it would be unused memory, with two a
//     handler could change it through one of them.
//   - A namespace has at most 512 bytes, an id is at most [MaxID].
//   - JSON is that of RFC 8259, nested at most 10,000 deep, with nothing before it and only
//     white space after it.
//   - Connect has an object or nothing, Disconnect nothing, and neither has an id.
//     ConnectError is sent by servers only.
//   - Event and Ack have an array. That of an Event starts with its name, which is not
//     [Reserved]. A number becomes the name that JavaScript makes of it, as in socket.io.
//     An Ack has an id.
//
// Decoders keep only the packet that waits for attachments and a few short names.
func JSON() Parser { return jsonParser{} }

type jsonParser struct{}

func (jsonParser) Name() string { return "json" }

func (jsonParser) NewDecoder(l Limits) Decoder { return &decoder{limit: l.attachments()} }
