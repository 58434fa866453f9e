package websockets

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"

	enhance "github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
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
	doors     []door // one for each gateway
	emits     []pipeline.EmitInterceptor

	concurrency int
	maxRooms    int
	hideCause   bool
	// dropAfterClose: see [DropAfterClose].
	dropAfterClose bool
	anonymous      sync.Once // logs that clients are not recovered

	mu     sync.RWMutex
	spaces map[string]*space
}

type boundSub struct {
	Subscription
	gateway *boundGateway
	raw     bool // the handler may keep the bytes of the message
	chain   *enhance.Chain
	// responds tells that the handler's results are of type Response.
	responds bool
}

func newBoundSub(sub Subscription, g *boundGateway, chain *enhance.Chain) *boundSub {
	raw := sub.in == reflect.TypeFor[Payload]() || sub.in == reflect.TypeFor[json.RawMessage]()
	return &boundSub{sub, g, raw, chain, sub.out != nil && sub.out.Implements(reflect.TypeFor[response]())}
}

// join adds a gateway with its handlers, and tells what is wrong with what is bound to them.
func (e *endpoint) join(g *boundGateway, cfg *GatewayConfig, global enhance.Scope, built enhance.Built) (problems []string) {
	l, wrong := newLinker(cfg, global, built)
	for _, w := range wrong {
		problems = append(problems, "gateway "+g.Name+": "+w)
	}
	d := l.door(g, e.doors, cfg.admits)
	e.doors = append(e.doors, d)
	emits := d.chain.EmitInterceptors()
	if len(e.doors) > 1 { // the application's once
		emits = emits[len(e.rt.global.EmitInterceptors()):]
	}
	e.emits = append(e.emits, emits...)
	unknown := map[string]bool{}
	for event := range l.events {
		unknown[event] = true
	}
	for _, sub := range g.subs {
		chain, err := l.handler(sub)
		if err != nil {
			problems = append(problems, fmt.Sprintf("gateway %s: subscription %q: %v", g.Name, sub.event, err))
		}
		delete(unknown, sub.event)
		sub.strict = sub.strict || cfg.strict
		b := newBoundSub(sub, g, chain)
		switch sub.kind {
		case KindFallback:
			e.fallback = b
		case KindAny:
			e.observers = append(e.observers, b)
		default:
			e.subs[sub.event] = b
		}
	}
	for event := range unknown {
		problems = append(problems, fmt.Sprintf("gateway %s: ForEvent(%q): the gateway does not handle the event; correct the name", g.Name, event))
	}
	return problems
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
	h.onConnection()
	if err := h.takeAuth(e.srv.limits.MaxAuth); err != nil {
		return err
	}
	h.Request = e.pattern.request(h.Request, h.Namespace)
	if v, ok := pipeline.HolderFrom(h.Request.Context()).(*visitor); ok {
		h.values.Inherit(&v.values)
	}
	if !slices.ContainsFunc(e.doors, func(d door) bool { return d.asks(h) }) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.srv.limits.HandshakeTimeout)
	defer cancel()
	return e.srv.bounded(ctx, func() error { return e.check(ctx, h) })
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
	sp.add(s)
	e.mu.Unlock()

	if !e.rt.enter(s) { // the stop began after Admit
		conn.Close(Reason{Cause: CauseShutdown})
		return s
	}
	if s.hasHooks() {
		go s.start()
	} else {
		s.start() // nothing of the user's runs, so that it takes no time
	}
	return s
}

// Checks reports whether Admit asks anybody, and so needs a context that ends.
func (e *endpoint) Checks() bool { return slices.ContainsFunc(e.doors, door.checks) }

// forget takes a client out of rooms and counts.
func (e *endpoint) forget(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tidy(s.space.remove(s), s)
}

// expire forgets a client that might have come back.
func (e *endpoint) expire(s *session) {
	e.mu.Lock()
	was, empty := s.space.expire(s)
	e.tidy(empty, s)
	e.mu.Unlock()
	if was {
		s.expired()
	}
}

// tidy drops the space of s when it is empty; e.mu is held.
func (e *endpoint) tidy(empty bool, s *session) {
	if empty && e.spaces[s.hs.Namespace] == s.space {
		delete(e.spaces, s.hs.Namespace)
	}
}

func (e *endpoint) spacesOf(namespace string) []*space {
	e.mu.RLock()
	defer e.mu.RUnlock()
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
