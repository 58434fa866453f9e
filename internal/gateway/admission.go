package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/httperr"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// admission is what decides about the connections of one gateway: guards, then checks of
// Admit; filters see their errors.
type admission struct {
	gateway     *boundGateway
	chain       *pipe.Chain
	identifying *pipe.Chain // of the guards that identify a client
	checks      []config.Check
	chosen      bool // the client chooses the pattern of its calls
}

// newAdmission makes the chain of connections. The guards of the application are asked once
// for all gateways to which they look the same.
func (l *linker) newAdmission(g *boundGateway, before []admission, checks []config.Check) admission {
	global := l.global
	for _, a := range before {
		if len(a.chain.Owner) == 0 && len(l.owner.Meta) == 0 {
			global.Guards = nil
		}
	}
	chain := pipe.Link(global, l.owner, pipe.Scope{})
	var identifying pipe.Scope
	for _, guard := range chain.Guards() {
		if i, ok := guard.(pipeline.IdentityGuard); ok && i.Identifies() {
			identifying.Guards = append(identifying.Guards, guard)
		}
	}
	identifying.Meta = chain.Owner
	return admission{gateway: g, chain: chain, identifying: chain.WithGuards(identifying), checks: checks}
}

// hasChecks reports whether it has guards or checks.
func (a admission) hasChecks() bool { return a.chain.Guarded() || len(a.checks) > 0 }

// applies reports whether it has guards or checks for a client.
func (a admission) applies(h *adapter.Handshake) bool {
	if h.SkipChecks {
		return a.identifying.Guarded()
	}
	return a.hasChecks()
}

// mayIdentify reports whether guards or checks may distinguish clients.
func (a admission) mayIdentify() bool {
	return len(a.checks) > 0 || slices.ContainsFunc(a.chain.Guards(), func(g pipeline.Guard) bool {
		i, ok := g.(pipeline.IdentityGuard)
		return !ok || i.Identifies()
	})
}

// check runs the guards and checks of all gateways on a client.
func (e *endpoint) check(ctx context.Context, h *adapter.Handshake) error {
	ctx = pipeline.WithHolder(ctx, &h.Handshake)
	for _, a := range e.admissions {
		if !a.applies(h) {
			continue
		}
		if h.SkipChecks {
			a.chain, a.checks = a.identifying, nil
		}
		call, start := e.connectCall(h, a), a.chain.Begin()
		if err := a.check(ctx, call, &h.Handshake); err != nil {
			answer := a.refusal(ctx, call, err, e.log)
			a.report(ctx, call, start, err, answer, !e.traits.Namespaces, e.srv)
			return answer
		}
	}
	return nil
}

// connectCall returns the call of a client that connects.
func (e *endpoint) connectCall(h *adapter.Handshake, a admission) *pipeline.Call {
	c := &pipeline.Call{
		Kind: pipeline.KindConnect, Pattern: cmp.Or(h.Namespace, e.srv.path), Name: a.gateway.short,
		Request: h.Request, Owner: a.chain.Owner, Store: h.Values(), Connection: h.Connection.Values(),
	}
	if !h.Auth.IsZero() {
		c.Auth = &h.Auth
	}
	return c
}

func (a admission) check(ctx context.Context, call *pipeline.Call, h *websockets.Handshake) (err error) {
	defer recovered.Into(&err)
	if err := a.chain.Check(ctx, call); err != nil {
		callErrorMethods(err)
		return err
	}
	for _, check := range a.checks {
		if err := check(ctx, h); err != nil {
			callErrorMethods(err)
			return err
		}
	}
	return nil
}

// refusal returns the error that the client gets, and logs the one that it must not see.
func (a admission) refusal(ctx context.Context, call *pipeline.Call, err error, log *slog.Logger) error {
	return httperr.Sendable(ctx, log, a.visible(ctx, call, err, log), "pattern", a.logged(call), "remote", remote.Text(call.Request))
}

// logged returns the pattern of a call for the log.
func (a admission) logged(call *pipeline.Call) any {
	if a.chosen {
		return logsample.Chosen(call.Pattern)
	}
	return call.Pattern
}

func (a admission) visible(ctx context.Context, call *pipeline.Call, err error, log *slog.Logger) error {
	if changed := a.chain.Catch(ctx, call, err, log); changed != nil {
		return changed
	}
	if errors.Is(ctx.Err(), context.Canceled) && endedWith(ctx, err) { // the client has left
		log.DebugContext(ctx, "a check before the handshake ended with the client", a.gateway.failed(err, "pattern", a.logged(call), "error", err, "remote", remote.Text(call.Request))...)
	} else if e, ok := httperr.Visible(err); ok {
		log.DebugContext(ctx, "refused", a.gateway.failed(err, "pattern", a.logged(call), "code", e.Code, "error", err, "remote", remote.Text(call.Request))...)
	} else {
		log.ErrorContext(ctx, "a check before the handshake failed", a.gateway.failed(err, "error", err, "remote", remote.Text(call.Request))...)
	}
	return err
}

var errHandshakeTimeout = &websockets.Error{Message: "Handshake timeout", Status: http.StatusServiceUnavailable}

// withTimeout runs check on a goroutine of its own and waits until ctx ends: a check that
// ignores ctx must not block the handshake, but holds the place p until it returns.
func (s *boundServer) withTimeout(ctx context.Context, p *place, check func() error) error {
	if !p.hold() {
		return &websockets.Error{Message: "Handshake abandoned", Err: websockets.ErrClosed}
	}
	done := make(chan error, 1)
	go func() {
		err := errExited
		defer func() {
			p.drop()
			done <- err
		}()
		err = check()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			s.log.WarnContext(ctx, "a check before the handshake took too long", "timeout", s.limits.HandshakeTimeout)
			return errHandshakeTimeout
		}
		return &websockets.Error{Message: "Handshake abandoned", Err: ctx.Err()}
	}
}
