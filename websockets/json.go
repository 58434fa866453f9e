package websockets

import "github.com/gatehouse-go/gatehouse/internal/codec"

// JSON decodes and encodes payloads instead of the framework's own codec, which is
// json/v2 with names that match without regard to case and U+FFFD for text that is not Unicode. Set it with app.JSON:
//
//	type codec struct{}
//
//	func (codec) Unmarshal(data []byte, v any) error { return sonic.ConfigStd.Unmarshal(data, v) }
//
//	func (codec) Append(dst []byte, v any) ([]byte, error) {
//		b, err := sonic.ConfigStd.Marshal(v)
//		return append(dst, b...), err
//	}
//
// It decodes the input of typed handlers and encodes what is sent. The framework's own
// codec remains in use for [Strict] payloads, for values with a []byte in them on
// platforms with binary, for [Payload.Decode], and for the framework's own errors.
//
// A codec may accept what the framework's own rejects: duplicate names, and invalid
// UTF-8 in binary frames. When a payload does not decode, the error for the client does
// not name the place.
//
// It must be safe for concurrent use. A panic in it is an error of the message.
type JSON interface {
	// Unmarshal stores data, one JSON value whose grammar has been checked, in the
	// value that v points to. It must not keep data, and v must not point into it: the
	// memory is reused.
	Unmarshal(data []byte, v any) error
	// Append appends v as one JSON value to dst and returns the extended buffer. It
	// must keep neither.
	Append(dst []byte, v any) ([]byte, error)
}

// JSONV1 decodes and encodes as encoding/json does, for an application whose clients rely on that: nil
// slices are null, time.Duration is a number, byte arrays are arrays of numbers, omitempty leaves out
// zero numbers, and duplicate names are accepted. docs/json.md lists the differences.
//
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()), app.JSON(websockets.JSONV1()))
//
// Unlike another [JSON], it applies to all typed input and output: with []byte and [Strict] too, of
// routes, of calls to clients, and of events between nodes. [Payload.Decode], web.WriteJSON, shared
// keys, presence and the framework's own errors keep the framework's codec. It is several times slower than
// that, because its plans are not used.
func JSONV1() JSON { return codec.V1{} }
