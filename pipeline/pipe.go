package pipeline

import (
	"context"
	"reflect"
)

// Pipe checks or changes the decoded payload of a message, or the input of a typed
// HTTP handler, before the handler runs. payload is a pointer to it: a pipe may change
// what it points to, or reject it with an error. If the payload has a method
// Validate() error, that is called after all pipes.
//
// An [*Error], such as that of [Invalid], is sent to the client; for any other error
// the client gets "Internal server error".
type Pipe interface {
	Transform(ctx context.Context, c *Call, payload any) error
}

// TypePipe is a pipe that knows from a type whether it can handle its values, for example by
// struct tags. CheckType is called when the application starts, with each type that a
// handler behind the pipe decodes; its error fails the start.
type TypePipe interface {
	Pipe
	CheckType(t reflect.Type) error
}

// PipeFunc is a function that implements [Pipe].
type PipeFunc func(ctx context.Context, c *Call, payload any) error

// Transform implements [Pipe].
func (f PipeFunc) Transform(ctx context.Context, c *Call, payload any) error {
	return f(ctx, c, payload)
}

// PipeOf returns a pipe that calls f for payloads of type T and ignores others.
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
