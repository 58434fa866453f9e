package websockets

import (
	"fmt"
	"net"
	"reflect"

	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// GatewayInfo describes a gateway: what a document or a client's types are made of. Package
// app returns it, see app.Describe and App.Gateways.
type GatewayInfo struct {
	// Name is that of the constructor, such as chat.NewGateway. It is unique: where several
	// gateways have one constructor, each has its module's name too, as in
	// "chat.NewGateway of module tea".
	Name string
	// Type is the type of the gateway.
	Type reflect.Type
	// Module is the name of the module that declares it, Place where its constructor is:
	// chat/gateway.go:12.
	Module, Place string
	// Guards are the names of the gateway's guards, in the order in which they run: of a
	// function its own, of a constructor that of the constructor, of a value and of
	// pipeline.Injected its type. Those of the application and of handlers are not listed.
	Guards []string
	// Endpoints are where it is served.
	Endpoints []EndpointInfo
	// Subscriptions are its handlers, in the order of its method Subscriptions.
	Subscriptions []SubscriptionInfo
	// Fallback reports whether it handles events without a handler of their own.
	Fallback bool
	// Emits are the events of [Emits], those inside of [Via] included, each once. A call
	// implements [Answered].
	Emits []EventInfo
}

// EndpointInfo describes where a gateway is served.
type EndpointInfo struct {
	// Platform is the name of the adapter.
	Platform string
	// Listener is the address as declared; "" is the application's HTTP server.
	Listener string
	// Addr is where it listens; nil before the start, and with app.Mounted.
	Addr net.Addr
	// Path is the HTTP path, or its pattern.
	Path string
	// Namespace is as declared; empty on platforms without.
	Namespace string
	// Limits are those that hold, with their defaults.
	Limits Limits
	// Origins are those of the option [Origins]. If it is empty, pages of the same host may
	// connect, or those that [CheckOrigin] accepts.
	Origins []string
	// Security is what a client needs to connect: of the guards of the application and of the
	// gateway at this endpoint, those that read a credential. See [pipeline.Secured].
	Security []pipeline.Security
}

// SubscriptionInfo describes a handler.
type SubscriptionInfo struct {
	// Event is the event's name; empty for [Fallback] and [OnAny].
	Event string
	Kind  Kind
	// In is the type of the payload, Out that of the result; Out is nil where it has none.
	In, Out reflect.Type
	// Item is the T of a [Response], also of those of a stream; nil for other results.
	Item reflect.Type
	// Sends are the events that its responses may be, see [Sends]. A [StreamEvent] has its
	// item event first.
	Sends []EventInfo
	// Errors are what it may answer instead of a result, see [Errors].
	Errors []*Error
	// Func is the name of the handler: example.com/chat.(*Gateway).Join.
	Func string
	// Place is where it was subscribed: chat/gateway.go:31.
	Place string
	// Meta is the metadata of the handler, with that of [ForEvent] at its gateway's first
	// endpoint.
	Meta pipeline.Metadata
	// Security is what a message needs beside that of the endpoint: of the handler's guards, and
	// those of [ForEvent] at the gateway's first endpoint.
	Security []pipeline.Security
	// Strict reports whether payloads must not have unknown names, at all endpoints.
	Strict bool
	// Background is how many run beside the client's other messages; 0 is none.
	Background int
}

// Answered is implemented by an [EventInfo] that clients answer: a [CallEvent].
type Answered interface {
	// AnswerInfo returns the type of the answer.
	AnswerInfo() reflect.Type
}

// Sends lists the events that the responses of a handler may be, for the registry. The
// handler must return a [Response] whose T is the event's payload type. Handlers of a
// [StreamEvent] do not need it for the stream's item event.
//
//	websockets.On("post", g.Post, websockets.Sends(Posted))
//
//	func (g *Gateway) Post(ctx context.Context, p Post) (websockets.Response[Post], error)
func Sends(events ...EventInfo) HandlerOption {
	return handlerOption(func(s *handler.Spec) {
		for i, e := range events {
			if e == nil {
				s.Problem = fmt.Sprintf("Sends: event %d is nil; pass an event, such as one of NewEvent", i+1)
				continue
			}
			s.Sends = append(s.Sends, e)
			name, payload := e.EventInfo()
			switch item := s.Item; {
			case item == nil:
				s.Problem = fmt.Sprintf("Sends(%s): the handler returns no Response; return one, or list the event in websockets.Emits", name)
			case item != payload && item.Kind() != reflect.Interface:
				s.Problem = fmt.Sprintf("Sends(%s): the event's payload is %v, but the handler returns Response[%v]; make them equal", name, payload, item)
			}
		}
	})
}

// Errors lists the errors that a handler may answer, for the registry.
//
//	var errFull = &websockets.Error{Message: "Room is full", Code: "room_full"}
//
//	websockets.On("join", g.Join, websockets.Errors(errFull))
//
// It does not limit what the handler returns.
func Errors(errs ...*Error) HandlerOption {
	return handlerOption(func(s *handler.Spec) {
		for i, e := range errs {
			if e == nil {
				s.Problem = fmt.Sprintf("Errors: error %d is nil; pass a *websockets.Error", i+1)
				continue
			}
			s.Errors = append(s.Errors, e)
		}
	})
}

// itemOf returns the T of a result type that is a Response[T]; nil for others.
func itemOf(out reflect.Type) reflect.Type {
	t := out
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t.PkgPath() != reflect.TypeFor[Response[int]]().PkgPath() || !t.Implements(reflect.TypeFor[emit.Response]()) {
		return nil
	}
	f, _ := t.FieldByName("Data")
	return f.Type
}

// funcNamed sets the name of the handler, where it is wrapped.
func funcNamed(name string) HandlerOption {
	return handlerOption(func(s *handler.Spec) { s.Func = name })
}
