package pipeline

import "context"

// Pipe sees the decoded payload of a message, or the input of a typed HTTP
// handler, before the handler gets it. payload is a pointer to it: a pipe may
// change what it points to, or refuse it with an error. After all pipes, a payload
// that has a method Validate() error is asked itself.
//
// An [*Error] is told to the client, such as that of [Invalid]; any other error
// says "Internal server error".
type Pipe interface {
	Transform(ctx context.Context, c *Call, payload any) error
}

// PipeFunc is a function as a pipe.
type PipeFunc func(ctx context.Context, c *Call, payload any) error

// Transform implements [Pipe].
func (f PipeFunc) Transform(ctx context.Context, c *Call, payload any) error {
	return f(ctx, c, payload)
}

// PipeOf makes a pipe for payloads of type T; others pass it untouched.
//
//	trim := pipeline.PipeOf(func(_ context.Context, m *Message) error {
//		m.Text = strings.TrimSpace(m.Text)
//		return nil
//	})
func PipeOf[T any](f func(ctx context.Context, payload *T) error) Pipe {
	return PipeFunc(func(ctx context.Context, _ *Call, payload any) error {
		if v, ok := payload.(*T); ok {
			return f(ctx, v)
		}
		return nil
	})
}
