package websockets

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"

	enhance "github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/remote"
	"github.com/gatehouse-go/gatehouse/pipeline"
)

// door is what stands before and behind the connections of one gateway.
type door struct {
	gateway *boundGateway
	chain   *enhance.Chain
	known   *enhance.Chain // of the guards that say who a client is
	admits  []admitCheck
}

// door makes the chain of connections. The guards of the application need not be
// asked once more for a gateway that looks to them like one before.
func (l *linker) door(g *boundGateway, before []door, admits []admitCheck) door {
	global := l.global
	for _, d := range before {
		if len(d.chain.Owner) == 0 && len(l.owner.Meta) == 0 {
			global.Guards = nil
		}
	}
	chain := enhance.Link(global, l.owner, enhance.Scope{})
	var known enhance.Scope
	for _, guard := range chain.Guards() {
		if i, ok := guard.(pipeline.IdentityGuard); ok && i.Identifies() {
			known.Guards = append(known.Guards, guard)
		}
	}
	known.Meta = chain.Owner
	return door{g, chain, chain.WithGuards(known), admits}
}

// checks reports whether there is anything to be asked.
func (d door) checks() bool { return d.chain.Guarded() || len(d.admits) > 0 }

// asks is checks for one client.
func (d door) asks(h *Handshake) bool {
	if h.SkipChecks {
		return d.known.Guarded()
	}
	return d.checks()
}

// discerns reports whether the checks may tell clients apart.
func (d door) discerns() bool {
	return len(d.admits) > 0 || slices.ContainsFunc(d.chain.Guards(), func(g pipeline.Guard) bool {
		i, ok := g.(pipeline.IdentityGuard)
		return !ok || i.Identifies()
	})
}

func (e *endpoint) check(ctx context.Context, h *Handshake) error {
	ctx = pipeline.WithHolder(ctx, h)
	for _, d := range e.doors {
		if !d.asks(h) {
			continue
		}
		if h.SkipChecks {
			d.chain, d.admits = d.known, nil
		}
		call := e.knock(h, d)
		if err := d.ask(ctx, call, h); err != nil {
			return d.refusal(ctx, call, err, e.srv.log)
		}
	}
	return nil
}

// knock is a client at a door.
func (e *endpoint) knock(h *Handshake, d door) *pipeline.Call {
	pattern := h.Namespace
	if pattern == "" {
		pattern = e.srv.path
	}
	c := &pipeline.Call{
		Kind: pipeline.KindConnect, Pattern: pattern, Name: d.gateway.Name,
		Request: h.Request, Owner: d.chain.Owner, Store: &h.values, Connection: h.Connection.Values(),
	}
	if !h.Auth.IsZero() {
		c.Auth = &h.Auth
	}
	return c
}

func (d door) ask(ctx context.Context, call *pipeline.Call, h *Handshake) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	if err := d.chain.Check(ctx, call); err != nil {
		probe(err)
		return err
	}
	for _, admit := range d.admits {
		if err := admit(ctx, h); err != nil {
			probe(err)
			return err
		}
	}
	return nil
}

// refusal gives what the client is told, and logs what it may not see.
func (d door) refusal(ctx context.Context, call *pipeline.Call, err error, log *slog.Logger) error {
	if told := d.chain.Catch(ctx, call, err, log); told != nil {
		return told
	}
	if e, ok := visible(err); ok {
		log.Debug("refused", "pattern", call.Pattern, "code", e.Code, "error", err, "remote", remote.Text(call.Request))
	} else {
		args := []any{"error", err, "remote", remote.Text(call.Request)}
		if d.gateway != nil {
			args = append(args, "gateway", d.gateway.Name)
		}
		if p, isPanic := errors.AsType[*panicError](err); isPanic {
			args = append(args, "stack", string(p.stack))
		}
		log.Error("a check before the handshake failed", args...)
	}
	return err
}

// bounded waits for a check as long as ctx lasts: on a goroutine of its own, since
// one that ignores ctx must not hold the handshake.
func (s *boundServer) bounded(ctx context.Context, check func() error) error {
	done := make(chan error, 1)
	go func() {
		err := errExited
		defer func() { done <- err }()
		err = check()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			s.log.Warn("a check before the handshake took too long", "timeout", s.limits.HandshakeTimeout)
			return &Error{Message: "Handshake timeout", Status: http.StatusServiceUnavailable}
		}
		return &Error{Message: "Handshake abandoned", Err: ctx.Err()}
	}
}
