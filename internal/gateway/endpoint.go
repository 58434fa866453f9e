package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// endpoint is a namespace of a server (or the whole of it) with the gateways
// that share it.
type endpoint struct {
	rt       *Runtime
	srv      *boundServer
	traits   adapter.Traits
	pattern  namespacePattern // name is "" where the platform has no namespaces
	gateways []*boundGateway  // in registration order
	subs     map[string]*boundSub
	fallback *boundSub
	// observers see every message before its handler.
	observers  []*boundSub
	admissions []admission // one for each gateway
	emits      []pipeline.EmitInterceptor

	concurrency int
	maxRooms    int
	hideCause   bool
	// dropAfterClose: see [websockets.DropAfterClose].
	dropAfterClose bool
	anonymous      sync.Once // logs that clients are not recovered

	mu         sync.RWMutex
	namespaces map[string]*hub.Namespace[*session]
}

// boundSub is a handler at an endpoint.
type boundSub struct {
	handler.Spec
	gateway *boundGateway
	chain   *pipe.Chain
	// keepsBytes reports that the handler may keep the bytes of the message.
	keepsBytes bool
	// responds reports that the handler's results are of type Response.
	responds bool
}

func newBoundSub(sub handler.Spec, g *boundGateway, chain *pipe.Chain) *boundSub {
	return &boundSub{
		Spec: sub, gateway: g, chain: chain,
		keepsBytes: sub.In == reflect.TypeFor[websockets.Payload]() || sub.In == reflect.TypeFor[json.RawMessage](),
		responds:   sub.Out != nil && sub.Out.Implements(reflect.TypeFor[emit.Response]()),
	}
}

// join adds a gateway with its handlers, and returns what is wrong with what is bound to them.
func (e *endpoint) join(g *boundGateway, cfg *config.Gateway, global pipe.Scope, built pipe.Built) (problems []string) {
	l, wrong := newLinker(cfg, global, built)
	for _, w := range wrong {
		problems = append(problems, "gateway "+g.Name+": "+w)
	}
	a := l.newAdmission(g, e.admissions, cfg.Checks)
	e.admissions = append(e.admissions, a)
	emits := a.chain.EmitInterceptors()
	if len(e.admissions) > 1 { // the application's once
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
			problems = append(problems, fmt.Sprintf("gateway %s: subscription %q: %v", g.Name, sub.Event, err))
		}
		delete(unknown, sub.Event)
		sub.Strict = sub.Strict || cfg.Strict
		b := newBoundSub(sub, g, chain)
		switch sub.Kind {
		case handler.Fallback:
			e.fallback = b
		case handler.Any:
			e.observers = append(e.observers, b)
		default:
			e.subs[sub.Event] = b
		}
	}
	for event := range unknown {
		problems = append(problems, fmt.Sprintf("gateway %s: ForEvent(%q): the gateway does not handle the event; correct the name", g.Name, event))
	}
	return problems
}

var _ adapter.Endpoint = (*endpoint)(nil)

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

var errNotAccepting = &websockets.Error{
	Message: "The application is not accepting clients", Code: websockets.CodeNotAccepting, Status: http.StatusServiceUnavailable,
}

func (e *endpoint) Admit(ctx context.Context, h *adapter.Handshake) error {
	if !e.rt.accepting.Load() {
		return errNotAccepting
	}
	if h.Connection == nil {
		h.Connection = new(adapter.Connection)
	}
	if err := ownAuth(h, e.srv.limits.MaxAuth); err != nil {
		return err
	}
	h.Request = e.pattern.request(h.Request, h.Namespace)
	if v, ok := pipeline.HolderFrom(h.Request.Context()).(*requestValues); ok {
		h.Values().Inherit(&v.values)
	}
	if !slices.ContainsFunc(e.admissions, func(a admission) bool { return a.applies(h) }) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.srv.limits.HandshakeTimeout)
	defer cancel()
	return e.srv.withTimeout(ctx, func() error { return e.check(ctx, h) })
}

func (e *endpoint) Connect(conn adapter.Conn, h *adapter.Handshake) adapter.Session {
	s := newSession(e, conn, h)
	e.mu.Lock()
	ns := e.namespaces[h.Namespace]
	if ns == nil {
		ns = hub.New[*session]()
		e.namespaces[h.Namespace] = ns
	}
	s.namespace = ns
	ns.Add(s)
	e.mu.Unlock()

	if !e.rt.enter(s) { // the stop started after Admit
		conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
		return s
	}
	s.run()
	return s
}

func (e *endpoint) Checks() bool { return slices.ContainsFunc(e.admissions, admission.hasChecks) }

// remove removes a client from its rooms and from counts.
func (e *endpoint) remove(s *session) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.removeEmpty(s.namespace.Remove(s), s)
}

// drop removes a suspended client.
func (e *endpoint) drop(s *session) {
	e.mu.Lock()
	was, empty := s.namespace.Drop(s)
	e.removeEmpty(empty, s)
	e.mu.Unlock()
	if was {
		s.dropped()
	}
}

// removeEmpty removes the namespace of s when it is empty; e.mu is held.
func (e *endpoint) removeEmpty(empty bool, s *session) {
	if empty && e.namespaces[s.hs.Namespace] == s.namespace {
		delete(e.namespaces, s.hs.Namespace)
	}
}

// matching returns one concrete namespace, or all of them without a name.
func (e *endpoint) matching(namespace string) []*hub.Namespace[*session] {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if namespace != "" {
		if ns := e.namespaces[namespace]; ns != nil {
			return []*hub.Namespace[*session]{ns}
		}
		return nil
	}
	out := make([]*hub.Namespace[*session], 0, len(e.namespaces))
	for _, ns := range e.namespaces {
		out = append(out, ns)
	}
	return out
}
