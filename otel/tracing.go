package otel

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// TracingOptions are those of [NewTracing]. The zero value is fit for most applications.
type TracingOptions struct {
	// TracerProvider makes the spans; nil is the global one.
	TracerProvider trace.TracerProvider
	// PublicEndpoint is for clients that are not trusted, such as browsers: spans start traces of their own, with links to the
	// trace contexts that clients send. Otherwise these are parents, and choose whether spans are recorded. The span of a
	// middleware is the parent of a handshake in either case.
	PublicEndpoint bool
	// Emits makes a span of each event that is sent within a trace, one for all of its recipients. Default: only calls have
	// one.
	Emits bool
}

// Tracing makes spans of what the gateways of an application do. Its methods are safe for concurrent use.
type Tracing struct {
	tracer        trace.Tracer
	public, emits bool
	connects      spans[place]
	messages      spans[handlerKey]

	mu    sync.Mutex // guards drain
	drain trace.Span // nil unless the application stops
}

// handlerKey is a handler, and the namespace or path where its client is.
type handlerKey struct {
	place

	gateway, event string
}

// NewTracing makes a tracer, whose hooks are for one application:
//
//	tracing := otel.NewTracing(otel.TracingOptions{})
//	…
//	app.Main(Module, app.HTTP(":3000"), app.WebSockets(ws.New()), app.Observe(tracing.Hooks()))
//
// The span of a message is in the context that its guards, handler and interceptors get, and goes on with what the handler
// sends, on this node and on others.
func NewTracing(o TracingOptions) *Tracing {
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	t := &Tracing{tracer: o.TracerProvider.Tracer(scope, trace.WithInstrumentationVersion(version())), public: o.PublicEndpoint, emits: o.Emits}
	t.connects.make = func(p place) (string, []attribute.KeyValue) { return spanConnect + " " + p.endpoint, p.attributes() }
	t.messages.make = func(k handlerKey) (string, []attribute.KeyValue) {
		name := method(k.gateway, k.event)
		return name, append(k.attributes(), keyRPCSystem.String(system), keyRPCMethod.String(name))
	}
	return t
}

// Hooks returns the hooks for app.Observe.
func (t *Tracing) Hooks() observe.Hooks {
	return observe.Hooks{Admit: t.admit, Handle: t.handle, Emit: t.emit, Traceparent: Traceparent, Deliver: t.deliver, Drain: t.drainStep}
}

// connected is the span in which a client was admitted, to which the spans of its messages have links.
var connected = pipeline.NewValue[trace.SpanContext]("otel connect")

// start starts a span, which the function that a hook returns ends.
func (t *Tracing) start(ctx context.Context, name string, options ...trace.SpanStartOption) (context.Context, trace.Span) {
	return t.tracer.Start(ctx, name, options...) //nolint:spancheck // the caller has the span
}

// below makes a span the child of a trace context of a client, or links it.
func (t *Tracing) below(ctx context.Context, parent, state string, options []trace.SpanStartOption) (context.Context, []trace.SpanStartOption) {
	if parent == "" {
		return ctx, options
	}
	from := remote(parent, state)
	if t.public {
		return ctx, append(slices.Clip(options), trace.WithLinks(trace.Link{SpanContext: from}))
	}
	return trace.ContextWithRemoteSpanContext(ctx, from), options
}

// remote returns a W3C trace context.
func remote(parent, state string) trace.SpanContext {
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": parent, "tracestate": state})
	return trace.SpanContextFromContext(ctx)
}

func (t *Tracing) admit(ctx context.Context, a observe.Attempt) (context.Context, func(error)) {
	s := t.connects.get(placeOfAttempt(a))
	options := s.options
	if over := trace.SpanContextFromContext(a.Request.Context()); over.IsValid() { // the span of a middleware
		ctx = trace.ContextWithSpanContext(ctx, over)
	} else {
		ctx, options = t.below(ctx, a.Traceparent, a.Tracestate, options)
	}
	ctx, span := t.start(ctx, s.name, options...)
	if span.SpanContext().IsSampled() && a.Values != nil {
		connected.Set(a.Values, span.SpanContext())
	}
	return ctx, func(err error) {
		fail(span, err, nil, false)
		span.End()
	}
}

func (t *Tracing) handle(ctx context.Context, h observe.Handling) (context.Context, func(observe.Outcome)) {
	s := t.messages.get(handlerKey{placeOf(observe.EndpointOf(h.Client)), h.Gateway, h.Event})
	ctx, options := t.below(ctx, h.Traceparent, h.Tracestate, s.options)
	if from, ok := connected.Get(h.Client); ok {
		options = append(slices.Clip(options), trace.WithLinks(trace.Link{SpanContext: from}))
	}
	ctx, span := t.start(ctx, s.name, options...)
	return ctx, func(o observe.Outcome) {
		if span.IsRecording() {
			if o.Items > 0 {
				span.SetAttributes(keyItems.Int(o.Items))
			}
			fail(span, o.Err, o.Sent, o.Panicked)
		}
		span.End()
	}
}

func (t *Tracing) emit(ctx context.Context, e observe.Emission) (context.Context, func(observe.Delivery)) {
	if !e.Call && !t.emits || !trace.SpanContextFromContext(ctx).IsSampled() {
		return ctx, nil
	}
	name, kind := spanEmit, trace.SpanKindProducer
	if e.Call {
		name, kind = spanCall, trace.SpanKindClient
	}
	ctx, span := t.start(ctx, name+" "+e.Event, trace.WithSpanKind(kind), trace.WithAttributes(keyEvent.String(e.Event)))
	return ctx, func(d observe.Delivery) {
		if e.Call {
			span.SetAttributes(keyAnswers.Int(d.Answers))
		}
		delivered(span, d)
	}
}

func (t *Tracing) deliver(ctx context.Context, a observe.Arrival) (context.Context, func(observe.Delivery)) {
	if a.Traceparent == "" {
		return ctx, nil
	}
	ctx = trace.ContextWithRemoteSpanContext(ctx, remote(a.Traceparent, ""))
	ctx, span := t.start(ctx, spanDeliver+" "+a.Event, trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithAttributes(keyEvent.String(a.Event), keyNode.String(a.Node)))
	return ctx, func(d observe.Delivery) { delivered(span, d) }
}

// delivered ends the span of an event.
func delivered(span trace.Span, d observe.Delivery) {
	span.SetAttributes(keyRecipients.Int(d.Recipients), keyDropped.Int(d.Dropped), keyBytes.Int(d.Bytes))
	fail(span, d.Err, nil, false)
	span.End()
}

func (t *Tracing) drainStep(s observe.DrainStep) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.Phase == observe.DrainStarted {
		_, t.drain = t.start(context.Background(), spanDrain)
	}
	if t.drain == nil {
		return
	}
	t.drain.AddEvent(string(s.Phase), trace.WithAttributes(keyClients.Int(s.Clients)))
	if s.Phase == observe.DrainDone {
		t.drain.End()
		t.drain = nil
	}
}

// Traceparent returns the W3C trace context of a context, 55 characters; "" without a span.
func Traceparent(ctx context.Context) string {
	s := trace.SpanContextFromContext(ctx)
	if !s.IsValid() {
		return ""
	}
	id, span := s.TraceID(), s.SpanID()
	b := make([]byte, 0, 55)
	b = append(hex.AppendEncode(append(b, "00-"...), id[:]), '-')
	b = append(hex.AppendEncode(b, span[:]), '-')
	return string(hex.AppendEncode(b, []byte{byte(s.TraceFlags() & trace.FlagsSampled)}))
}

// fail notes an error at a span. Its status is an error only where the server is at fault: what a client may see of an
// error is for the client to mend.
func fail(span trace.Span, err error, sent *websockets.Error, panicked bool) {
	if err == nil || !span.IsRecording() {
		return
	}
	kind := errorType(err, sent, panicked)
	span.SetAttributes(keyErrorType.String(kind))
	switch _, forClient := errors.AsType[*websockets.Error](err); {
	case forClient && !panicked, kind == errCanceled, kind == errClosed:
	default:
		span.SetStatus(codes.Error, err.Error())
	}
}

// spans keeps the names and options of spans by what they are made of. It is safe for concurrent use.
type spans[K comparable] struct {
	make func(K) (string, []attribute.KeyValue)
	all  cache[K, *spanStart]
}

// spanStart is how a span starts.
type spanStart struct {
	name    string
	options []trace.SpanStartOption
}

func (s *spans[K]) get(k K) *spanStart {
	if found, ok := s.all.get(k); ok {
		return found
	}
	name, attributes := s.make(k)
	start := &spanStart{name, []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...)}}
	s.all.put(k, start)
	return start
}
