package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// report calls the outcome interceptors of a message. sub is nil for an event without a
// handler, r if the handler has not started, and sent if the client was sent no error.
func (s *session) report(m *adapter.Message, sub *boundSub, r *reply, err error, sent *websockets.Error) {
	s.observeOutcome(m, sub, r, err, sent)
	chain := s.ep.rt.global
	if sub != nil {
		chain = sub.chain
	}
	if !chain.WantsOutcome() {
		return
	}
	var x *enhanced
	if r != nil {
		x = r.enhanced
	}
	if x == nil {
		x = &enhanced{call: s.callOf(sub, m), start: chain.Begin()}
	}
	chain.Report(s.context(r), &x.call, x.start, pipeline.Outcome{Err: err, Client: sent, Denied: x.denied}, s.ep.log)
}

// report calls the outcome interceptors of a connection that guards or checks have refused.
// answer is the error after the filters; overHTTP is how the client receives it.
func (a admission) report(ctx context.Context, call *pipeline.Call, start pipe.Moment, err, answer error, overHTTP bool, s *boundServer) {
	if !a.chain.WantsOutcome() {
		return
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		answer = errHandshakeTimeout // has been sent already
	}
	o := pipeline.Outcome{Err: err}
	o.Client, _ = httperr.Visible(answer)
	if overHTTP {
		o.Status = httperr.Status(answer)
	}
	_, panicked := errors.AsType[*recovered.PanicError](err)
	o.Denied = !panicked
	a.chain.Report(ctx, call, start, o, s.log)
}

// reportMissed calls the outcome interceptors of the application for a request without a
// gateway or route.
func (rt *Runtime) reportMissed(r *http.Request, e *pipeline.Error) {
	upgrade := strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
	if n := rt.missed.Count(); n > 0 {
		rt.log.InfoContext(r.Context(), "clients connect to a path without a gateway: see websockets.Path", "path", r.URL.Path, "clients", n)
	}
	if upgrade {
		rt.hooks.Refused(r.Context(), observe.Attempt{Request: r, Path: r.URL.Path}, refusalOf(observe.StagePath, e))
	}
	if !rt.global.WantsOutcome() {
		return
	}
	call := &pipeline.Call{Kind: pipeline.KindHTTP, Request: r}
	if upgrade {
		call.Kind = pipeline.KindHandshake
	}
	ctx := pipeline.WithHolder(r.Context(), call)
	rt.global.Report(ctx, call, rt.global.Begin(), pipeline.Outcome{Err: e, Client: e, Status: httperr.Status(e)}, rt.log)
}

// reportRefused calls the outcome interceptors of a connection that HandleConnection has refused.
func (s *session) reportRefused(g *boundGateway, start pipe.Moment, err error, sent *websockets.Error) {
	for _, a := range s.ep.admissions {
		if a.gateway == g && a.chain.WantsOutcome() {
			a.chain.Report(s.ctx, s.ep.connectCall(s.hs, a), start, pipeline.Outcome{Err: err, Client: sent}, s.ep.log)
		}
	}
}
