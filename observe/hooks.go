// Package observe has the hooks by which metrics, tracing and recorders see what the
// gateways of an application do.
//
//	hooks := observe.Hooks{
//		Connected:    func(c websockets.Client) { connections.Add(1) },
//		Disconnected: func(c websockets.Client, r websockets.Reason, lasted time.Duration) { connections.Add(-1) },
//		Refused: func(ctx context.Context, a observe.Attempt, r observe.Refusal) {
//			slog.WarnContext(ctx, "refused", "stage", r.Stage, "code", r.Sent.Code)
//		},
//	}
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()), app.Observe(hooks))
//
// For gauges, such as the number of rooms or the bytes that wait to be sent, read [Stats].
//
// # Rules
//
//   - A hook runs on the goroutine that does the work, which waits for it: return quickly. A
//     panic is recovered and logged, at most once a second, and nothing else changes. Do not
//     end the goroutine, as t.FailNow does: a connection may depend on it.
//   - A hook may call every method of the client and the server: no lock is held that they
//     take. Do not wait in it for what the client sends.
//   - A payload is valid until the hook returns. Copy what you keep.
//   - Of one client Connected comes first, Received comes in the order of the wire, and
//     Disconnected comes after its handlers. What is sent to it later is Dropped or, while it
//     may be recovered, Sent. A client that is recovered after a lost connection is another
//     Client with the same ID; its Connected may come before the Disconnected of the other.
//   - Gateways with websockets.Unobserved are left out.
//
// # Trace context
//
// Clients send a W3C Trace Context with a message, see docs/observability.md. Handle has it as Handling.Traceparent and
// returns a context with a span, which the handler gets. What the handler sends by that context has the trace at
// the other nodes, by the hooks Traceparent and Deliver. With OpenTelemetry:
//
//	propagator := propagation.TraceContext{}
//	hooks := observe.Hooks{
//		Handle: func(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
//			ctx = propagator.Extract(ctx, propagation.MapCarrier{"traceparent": h.Traceparent, "tracestate": h.Tracestate})
//			ctx, span := tracer.Start(ctx, h.Gateway+"/"+h.Event, trace.WithSpanKind(trace.SpanKindServer))
//			return ctx, func(observe.Outcome) { span.End() }
//		},
//		Traceparent: func(ctx context.Context) string {
//			c := propagation.MapCarrier{}
//			propagator.Inject(ctx, c)
//			return c["traceparent"]
//		},
//		Deliver: func(ctx context.Context, a observe.Arrival) (context.Context, func(observe.Delivery)) {
//			ctx = propagator.Extract(ctx, propagation.MapCarrier{"traceparent": a.Traceparent})
//			ctx, span := tracer.Start(ctx, "deliver "+a.Event, trace.WithSpanKind(trace.SpanKindConsumer))
//			return ctx, func(observe.Delivery) { span.End() }
//		},
//	}
//
// Attributes of metrics should be few: use the declared paths, namespaces and events, not
// those that clients send.
package observe

import (
	"context"
	"net/http"
	"time"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Hooks are functions that are called about the gateways of an application, see app.Observe.
// Those that are nil cost nothing. They must be safe for concurrent use.
type Hooks struct {
	// Admit is called before the guards and checks of a connection: with Socket.IO once for
	// each namespace. They get the context that it returns. The function it returns is
	// called with their result; nil means that HandleConnection follows.
	Admit func(ctx context.Context, a Attempt) (context.Context, func(error))
	// Refused is called when a connection was refused. What a platform refuses by itself,
	// such as a request that is no handshake, is not reported.
	Refused func(ctx context.Context, a Attempt, r Refusal)
	// Connected is called when a client has been admitted, before HandleConnection.
	Connected func(c websockets.Client)
	// Ready is called when HandleConnection of every gateway has accepted a client: its messages are handled from then on.
	Ready func(c websockets.Client)
	// Upgraded is called when a client has changed its transport, see Client.Transport.
	Upgraded func(c websockets.Client)
	// Leaving is called when the connection of a client has ended, before it leaves its rooms and before HandleDisconnect. Handlers
	// of its messages may still run. It is not called for clients that the stop of the application disconnects.
	Leaving func(c websockets.Client, r websockets.Reason)
	// Disconnected is called after HandleDisconnect, once for each client that was connected.
	Disconnected func(c websockets.Client, r websockets.Reason, lasted time.Duration)

	// Received is called for each message when it arrives. It may still wait for others.
	Received func(c websockets.Client, m Received)
	// Handle is called before the guards of a message's handler, which get the context that
	// it returns. The function it returns is called when the client has been answered.
	Handle func(ctx context.Context, h Handling) (context.Context, func(Outcome))
	// Answered is called when a message has been answered under its ack or id.
	Answered func(c websockets.Client, a Answer)

	// Emit is called before an event is sent to one client or to many, by Emit, by a call or
	// as the Response of a handler. Interceptors get the context that it returns. The
	// function it returns is called when the event is queued for all of its recipients; of a
	// call, when it has ended.
	Emit func(ctx context.Context, e Emission) (context.Context, func(Delivery))
	// Traceparent returns the W3C trace context of a context, 55 characters, which goes to the other
	// nodes with an event, a call or a node event that is sent with it; empty for none, as is what
	// has another form. It is called after Emit, with its context, and only with a backplane. Where
	// several hooks have one, the first that is not empty counts.
	Traceparent func(ctx context.Context) string
	// Deliver is called before what another node has sent reaches clients of this one, or a handler
	// of a NodeEvent, which gets the context that it returns. The function it returns is called when
	// the event is queued for the clients, or when the handler has returned.
	Deliver func(ctx context.Context, a Arrival) (context.Context, func(Delivery))
	// Sent is called for each recipient of an event once it is queued, also for events of the
	// framework such as exception. The answer to a call may come before.
	Sent func(c websockets.Client, s Sent)
	// Dropped is called for each recipient that was not sent an event. err is
	// websockets.ErrQueueFull or websockets.ErrClosed.
	Dropped func(c websockets.Client, event string, err error)

	// Joined and Left are called when a client has joined or left a room. A client that
	// disconnects leaves all of its rooms; one that is recovered joins them again.
	Joined, Left func(c websockets.Client, room string)

	// Drain is called while the application stops.
	Drain func(s DrainStep)

	// Backplane is called when the connection to the other nodes changes, by one goroutine at a
	// time, and after losses: within seconds, once for all of them.
	Backplane func(s BackplaneStep)
}

// Attempt is a connection that a client wants to open.
type Attempt struct {
	// Request is that of the handshake.
	Request *http.Request
	// Platform is the name of the adapter; empty where no gateway is at the path.
	Platform string
	// Path is the path of the server as declared; where no gateway is at it, that of the
	// request.
	Path string
	// Endpoint is the namespace as declared; empty on platforms without, and before the
	// namespace is known.
	Endpoint string
	// Namespace is the concrete one, as the client sent it.
	Namespace string
	// Traceparent and Tracestate are the W3C Trace Context of the request's headers, or with Socket.IO of the members
	// traceparent and tracestate of auth; empty without a valid one.
	Traceparent, Tracestate string
	// Values are those that the client has once it is connected: what Admit sets there, later hooks find. Nil before the
	// namespace is known.
	Values *websockets.Values
}

// Stage is where a connection was refused.
type Stage string

// The stages, in the order in which they come.
const (
	StagePath     Stage = "path"     // no gateway is at the path
	StageOrigin   Stage = "origin"   // pages of this origin may not connect
	StageLimit    Stage = "limit"    // too many connections, or too little memory
	StageRequest  Stage = "request"  // by a guard of the request, before the handshake
	StageStopping Stage = "stopping" // the application does not accept clients
	StageConnect  Stage = "connect"  // by a guard or check of the client
	StageHook     Stage = "hook"     // by HandleConnection; the client was Connected before
)

// Refusal is why a connection was refused.
type Refusal struct {
	Stage Stage
	// Err is the error, after the filters.
	Err error
	// Sent is what the client receives of it.
	Sent *websockets.Error
	// Client is that of StageHook; nil in other stages.
	Client websockets.Client
}

// Received is a message of a client.
type Received struct {
	// Event is its name as the client sent it, at most 256 bytes.
	Event string
	// Payload is valid until the hook returns.
	Payload websockets.Payload
	// Bytes is how many the client sent for it, without frames and after decompression.
	Bytes int
	// Number is that of Handling and Answer of the message, or of Sent of the call that it answers. A client has no other
	// message, or call, of that number for as long as it is connected.
	Number uint64
	// WantsAnswer reports whether the client waits for an answer.
	WantsAnswer bool
	// Answer reports that the message answers a call; Event is empty then.
	Answer bool
	// Err is why it is not a message; nil for those that are.
	Err error
}

// Handling is a message that is about to be handled.
type Handling struct {
	Client websockets.Client
	// Gateway is the name of the gateway that has the handler; empty without a handler.
	Gateway string
	// Event is the name in the handler's declaration; empty for one of Fallback, and without a
	// handler.
	Event string
	// Number is that of Received.
	Number uint64
	// Waited is how long the message has waited for others of the client.
	Waited time.Duration
	// Traceparent, 55 characters, and Tracestate, at most 512, are the W3C Trace Context that the client has sent with the
	// message; empty without a valid one. They are the client's: a server that does not trust its clients starts a trace of
	// its own, and links to this one.
	Traceparent, Tracestate string
}

// Outcome is how the handling of a message ended.
type Outcome struct {
	// Err is the error of the handler, a guard, interceptor or pipe; nil when there was none.
	// A panic is an error too, see Panicked.
	Err error
	// Sent is what the client was sent of it, after the filters; nil if it was sent no error.
	Sent *websockets.Error
	// Denied reports that a guard returned Err.
	Denied bool
	// Panicked reports that Err is a panic.
	Panicked bool
	// Items is how many items a stream has sent.
	Items int
	// Took is how long guards, handler and answer took.
	Took time.Duration
}

// Answer is the answer to a message.
type Answer struct {
	// Event is that of the message, Number that of Received.
	Event  string
	Number uint64
	// Payload is valid until the hook returns. It is empty for an answer without one.
	Payload websockets.Payload
	// Failed reports that it is an error.
	Failed bool
}

// Emission is an event that is about to be sent.
type Emission struct {
	Event string
	// Client is the recipient; nil for a selection.
	Client websockets.Client
	// Namespace and Rooms are those of the selection.
	Namespace string
	Rooms     []string
	// Call reports that the recipients are asked for an answer.
	Call bool
}

// Arrival is an event of another node.
type Arrival struct {
	Event string
	// Node is the id of the node that has sent it; "emitter" for one of package backplane/emit.
	Node string
	// Traceparent is the trace context that the hook of that node has returned; empty without one.
	Traceparent string
	// Call reports that the clients are asked for an answer, NodeEvent that it is for a handler.
	Call, NodeEvent bool
}

// Delivery is what has become of an emission, or of an arrival on this node.
type Delivery struct {
	// Recipients is how many clients have the event queued, Dropped how many were not sent it.
	Recipients, Dropped int
	// Bytes is the size of name and payload, for all recipients together.
	Bytes int
	// Answers is how many recipients have answered a call.
	Answers int
	// Err is what Emit or Call returned.
	Err error
	// Took is how long it took to send, and of a call to be answered.
	Took time.Duration
}

// Sent is an event for one client.
type Sent struct {
	Event string
	// Payload is valid until the hook returns.
	Payload websockets.Payload
	// Call reports that the client is asked for an answer. Number is that of the call; 0 for others.
	Call   bool
	Number uint64
}

// DrainPhase is how far the stop of an application is.
type DrainPhase string

// The phases, in order.
const (
	DrainStarted DrainPhase = "started" // Clients are connected
	DrainClosing DrainPhase = "closing" // Clients have been closed since the start, or are about to be
	DrainLate    DrainPhase = "late"    // the deadline has come, Clients are cut
	DrainDone    DrainPhase = "done"    // Clients are left: those whose HandleDisconnect has not returned
)

// DrainStep is a step of the stop. [DrainClosing] comes several times when many clients are
// drained in batches, [DrainLate] only if there is one.
type DrainStep struct {
	Phase   DrainPhase
	Clients int
}

// BackplaneEvent is what a [BackplaneStep] is about.
type BackplaneEvent string

// The first three are the states of a node.
const (
	BackplaneUp       BackplaneEvent = "up"       // connected, and nothing was lost within the last minute
	BackplaneDegraded BackplaneEvent = "degraded" // connected, but messages were lost within the last minute, or a node reads other versions only
	BackplaneDown     BackplaneEvent = "down"     // the service cannot be reached
	BackplaneGap      BackplaneEvent = "gap"      // Messages of other nodes, about clients, have not arrived
	BackplaneDropped  BackplaneEvent = "dropped"  // Messages for other nodes were not sent, or perhaps not
)

// BackplaneStep is a change of the connection to the other nodes, or a loss.
type BackplaneStep struct {
	Event BackplaneEvent
	// Messages is how many were lost since the last step of this kind.
	Messages int
	// Err is why, of BackplaneDegraded and BackplaneDown.
	Err error
}
