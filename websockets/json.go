package websockets

// JSON turns payloads into values and values into payloads, in place of the
// framework's own way, which is json/v2 with names that match without regard to
// case. An application takes one by app.JSON:
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
// It is asked for what typed handlers take and for what is sent. The framework's own
// way remains for [Strict] payloads, for values with a []byte in them on platforms
// with binary, for [Payload.Decode], and for the framework's own errors.
//
// What the framework's own way refuses, another may let pass: names that are there
// twice, and invalid UTF-8 in binary frames. Clients learn of a payload that does not
// fit, not where.
//
// It must be safe for concurrent use. A panic in it is an error of the message.
type JSON interface {
	// Unmarshal stores data, one JSON value whose grammar has been checked, in the
	// value that v points to. It must keep nothing of data, nor have v point into it:
	// the memory is used again.
	Unmarshal(data []byte, v any) error
	// Append appends v as one JSON value to dst and returns the extended buffer. It
	// must keep neither.
	Append(dst []byte, v any) ([]byte, error)
}
