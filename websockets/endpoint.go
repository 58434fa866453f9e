package websockets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"sync"
)

// endpoint is a namespace of a server (or the whole of it) with the gateways
// that share it.
type endpoint struct {
	rt       *Runtime
	srv      *boundServer
	traits   Traits
	pattern  namespacePattern // name is "" where the platform has no namespaces
	gateways []*boundGateway  // in registration order
	subs     map[string]*boundSub
	fallback *boundSub
	// observers see every message before its handler.
	observers []*boundSub
	admits    []func(context.Context, *Handshake) error

	concurrency int
	maxRooms    int
	hideCause   bool

	mu     sync.Mutex
	spaces map[string]*space
}

type boundSub struct {
	Subscription
	gateway *boundGateway
	raw     bool // the handler may keep the bytes of the message
}

func newBoundSub(sub Subscription, g *boundGateway) *boundSub {
	raw := sub.in == reflect.TypeFor[Payload]() || sub.in == reflect.TypeFor[json.RawMessage]()
	return &boundSub{sub, g, raw}
}

var _ Endpoint = (*endpoint)(nil)

func (e *endpoint) Namespace() string { return e.pattern.name }

func (e *endpoint) Match(ns string) (ok bool) {
	if e.pattern.fn != nil {
		returned := false
		defer func() {
			if v := recover(); v != nil {
				e.srv.log.Error("panic in NamespaceFunc", "label", e.pattern.name, "namespace", ns, "panic", v, "stack", string(debug.Stack()))
				ok = false
			} else if !returned {
				e.srv.log.Error("NamespaceFunc has ended its goroutine", "label", e.pattern.name, "namespace", ns)
			}
		}()
		ok = e.pattern.match(ns)
		returned = true
		return ok
	}
	return e.pattern.match(ns)
}

var errNotAccepting = &Error{
	Message: "The application is not accepting clients", Code: CodeNotAccepting, Status: http.StatusServiceUnavailable,
}

func (e *endpoint) Admit(ctx context.Context, h *Handshake) error {
	if !e.rt.accepting.Load() {
		return errNotAccepting
	}
	h.Request = e.pattern.request(h.Request, h.Namespace)
	if len(e.admits) == 0 || h.SkipChecks {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.srv.limits.HandshakeTimeout)
	defer cancel()
	// On a goroutine of its own: a check that ignores ctx must not hold the handshake.
	done := make(chan error, 1)
	go func() {
		err := errExited
		defer func() { done <- err }()
		err = e.check(ctx, h)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			e.srv.log.Warn("a check before the handshake took too long", "timeout", e.srv.limits.HandshakeTimeout)
			return &Error{Message: "Handshake timeout", Status: http.StatusServiceUnavailable}
		}
		return &Error{Message: "Handshake abandoned", Err: ctx.Err()}
	}
}

func (e *endpoint) check(ctx context.Context, h *Handshake) (err error) {
	defer func() {
		if v := recover(); v != nil {
			e.srv.log.Error("panic in a check before the handshake", "panic", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	for _, admit := range e.admits {
		if err := admit(ctx, h); err != nil {
			if _, ok := visible(err); !ok {
				e.srv.log.Error("a check before the handshake failed", "error", err, "remote", h.Request.RemoteAddr)
			}
			return err
		}
	}
	return nil
}

func (e *endpoint) Connect(conn Conn, h *Handshake) Session {
	s := newSession(e, conn, h)
	e.mu.Lock()
	sp := e.spaces[h.Namespace]
	if sp == nil {
		sp = newSpace()
		e.spaces[h.Namespace] = sp
	}
	s.space = sp
	sp.mu.Lock()
	sp.members[s] = struct{}{}
	sp.mu.Unlock()
	e.mu.Unlock()

	if !e.rt.enter(s) { // the stop began after Admit
		conn.Close(Reason{Cause: CauseShutdown})
		return s
	}
	go s.start()
	return s
}

// forget takes a client out of rooms and counts.
func (e *endpoint) forget(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tidy(s.space.remove(s), s)
}

// expire forgets a client that might have come back.
func (e *endpoint) expire(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tidy(s.space.expire(s), s)
}

// tidy drops the space of s when it is empty; e.mu is held.
func (e *endpoint) tidy(empty bool, s *session) {
	if empty && e.spaces[s.hs.Namespace] == s.space {
		delete(e.spaces, s.hs.Namespace)
	}
}

func (e *endpoint) spacesOf(namespace string) []*space {
	e.mu.Lock()
	defer e.mu.Unlock()
	if namespace != "" {
		if sp := e.spaces[namespace]; sp != nil {
			return []*space{sp}
		}
		return nil
	}
	out := make([]*space, 0, len(e.spaces))
	for _, sp := range e.spaces {
		out = append(out, sp)
	}
	return out
}
