// Package handler describes the handlers of gateways: what package websockets declares and
// package gateway runs.
package handler

import (
	"context"
	"reflect"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// Kind is how a handler answers.
type Kind string

// The kinds of handlers; package websockets documents them.
const (
	On       Kind = "on"
	Listen   Kind = "listen"
	Stream   Kind = "stream"
	Fallback Kind = "fallback"
	Any      Kind = "any"
	Node     Kind = "node"
	Presence Kind = "presence"
)

// HasClient reports whether the handler handles messages of clients.
func (k Kind) HasClient() bool { return k != Node && k != Presence }

// Event describes an event that a handler sends.
type Event interface {
	EventInfo() (name string, payload reflect.Type)
}

// Spec describes one handler. It is not changed after its declaration.
type Spec struct {
	Event      string
	Kind       Kind
	In, Out    reflect.Type
	Item       reflect.Type // the T of a Response[T]; nil for other results
	Invoke     func(ctx context.Context, x Exchange) error
	Background int // how many run beside the client's other messages; 0: none
	Enhanced   pipe.Binding
	Sends      []Event           // what its responses may be
	Errors     []*pipeline.Error // what it may answer instead
	Func       string            // the handler's name with the path of its package
	Place      string            // where it was subscribed: chat/gateway.go:31
	Strict     bool              // payloads must not have unknown names
	Linger     time.Duration     // of Presence
	Problem    string            // what is wrong with the declaration; "" for nothing
}

// Exchange is one message and its answer, as the handler's invoker uses them.
type Exchange interface {
	// Event is the event's name.
	Event() string
	// Decode stores the payload in the value that v points to and runs the pipes over it.
	Decode(ctx context.Context, v any) error
	// Refuse marks err as an error about what the client has sent, and returns it.
	Refuse(err error) error
	// Result takes what the handler returned.
	Result(ctx context.Context, v any) error
	// Private reports that only the handler and the framework's codec see the input and the result, so that the memory of
	// both may be reused when ResultAt has returned.
	Private() bool
	// ResultAt is Result for what p points to; only if Private.
	ResultAt(p any) error
	// Ready waits until the client can take one more response.
	Ready(ctx context.Context) error
	// WantsItems reports whether interceptors see the responses of streams.
	WantsItems() bool
	// Item sends a response as the interceptors change it.
	Item(ctx context.Context, r emit.Response) error
	// Respond sends an event as the response.
	Respond(ctx context.Context, event string, data any, opts emit.Options) error
}
