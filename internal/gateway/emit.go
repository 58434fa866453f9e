package gateway

import (
	"context"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

var framework seal.Framework

// outgoings has messages that were sent to one client and are reset.
var outgoings = sync.Pool{New: func() any { return new(adapter.Outgoing) }}

// outgoing returns a message for the client, for release.
func (s *session) outgoing(event string, v any, opts ...websockets.EmitOption) *adapter.Outgoing {
	out := outgoings.Get().(*adapter.Outgoing)
	out.Set(framework, event, v)
	for _, o := range opts {
		o.ApplyEmit(&out.Options)
	}
	out.SetCodec(framework, s.ep.rt.codec)
	return out
}

// release reuses the memory of a message that is sent.
func release(out *adapter.Outgoing) {
	out.Release(framework)
	out.Reset(framework)
	outgoings.Put(out)
}

// newOutgoing returns a message with its options.
func newOutgoing(event string, v any, opts []websockets.EmitOption) *adapter.Outgoing {
	out := adapter.NewOutgoing(event, v)
	for _, o := range opts {
		o.ApplyEmit(&out.Options)
	}
	return out
}

// intercept runs the interceptors of emits on an event, then sends it: to one client, or to
// the rooms of a broadcast.
func (e *endpoint) intercept(ctx context.Context, out *adapter.Outgoing, to *session, rooms []string, send func(*adapter.Outgoing) error) error {
	if len(e.emits) == 0 {
		return send(out)
	}
	em := pipeline.NewEmission(ctx, pipeline.Emission{
		Event: out.Event, Data: out.Value(), Rooms: rooms,
		Platform: e.srv.adapter.Name(), Path: e.srv.path, Namespace: e.pattern.name,
	})
	if to != nil {
		em.Client = to
	}
	codec, options, answer, re := out.Codec(framework), out.Options, out.Answer, out.InReplyTo // an interceptor may send later
	return e.emission(em, 0, func() error {
		if em.Event == "" {
			return websockets.ErrNoEvent
		}
		changed := adapter.NewOutgoing(em.Event, em.Data)
		changed.SetCodec(framework, codec)
		changed.Options, changed.Answer, changed.InReplyTo = options, answer, re
		defer changed.Release(framework)
		return send(changed)
	})
}

// emission runs the interceptors from the i-th on.
func (e *endpoint) emission(em *pipeline.Emission, i int, send func() error) (err error) {
	if i == len(e.emits) {
		return send()
	}
	defer func() {
		if v := recover(); v != nil {
			err = recovered.New(v)
			e.log.ErrorContext(em.Context(), "panic in an interceptor of emits", append([]any{"event", em.Event}, recovered.New(v).Attrs()...)...)
		}
	}()
	return e.emits[i].InterceptEmit(em, func() error { return e.emission(em, i+1, send) })
}
