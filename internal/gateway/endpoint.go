package gateway

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/codec"
	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/emit"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/internal/payload"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/observe"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// endpoint is a namespace of a server (or the whole of it) with the gateways
// that share it.
type endpoint struct {
	rt       *Runtime
	srv      *boundServer
	hooks    *observers.Set // nil without, and for unobserved gateways
	numbered atomic.Uint32  // messages, for the hooks
	log      *slog.Logger   // that of the server, with the namespace
	traits   adapter.Traits
	pattern  namespacePattern // name is "" where the platform has no namespaces
	key      [1]uint32        // under which other nodes know the endpoint; an array, so that a message of one endpoint has it as a slice
	gateways []*boundGateway  // in registration order
	subs     map[string]*boundSub
	fallback *boundSub
	// observers see every message before its handler.
	observers  []*boundSub
	admissions []admission // one for each gateway
	emits      []pipeline.EmitInterceptor
	shares     []pipeline.SharedKey
	pathValues []config.PathValue

	concurrency int
	maxRooms    int
	errors      config.Errors // how they are sent
	// dropAfterClose: see [websockets.DropAfterClose].
	dropAfterClose bool
	unobserved     bool      // see [websockets.Unobserved]
	anonymous      sync.Once // logs that clients are not recovered
	warned         sync.Once // logs the first event without a handler

	overdue, dropsLeft logsample.Minute // see endOverdue

	unknown, dropped, recovered, notRecovered, arrived, departed atomic.Uint64 // see [observe.EndpointStats]

	mu         sync.RWMutex
	namespaces map[string]*hub.Namespace[*session]
}

// boundSub is a handler at an endpoint.
type boundSub struct {
	handler.Spec
	gateway *boundGateway
	chain   *pipe.Chain
	// decoder is that of In, with decoding.
	decoder  *codec.Decoder
	decoding codec.Options
	// result is how the result is encoded by a pointer to it; without an encoder if there is none.
	result adapter.PlainValue
	// keepsBytes reports that the handler may keep the bytes of the message.
	keepsBytes bool
	// responds reports that the handler's results are of type Response.
	responds bool
	// several reports that In is a websockets.Args2 or its like.
	several bool
}

func newBoundSub(sub handler.Spec, g *boundGateway, chain *pipe.Chain, budget int, binary bool) *boundSub {
	decoder, _ := codec.DecoderOf(sub.In) // a start error before
	var result adapter.PlainValue
	if sub.Out != nil && !(binary && payload.HasBytes(sub.Out)) {
		result.Size = new(atomic.Int32)
		result.Encoder, _ = codec.EncoderOf(reflect.PointerTo(sub.Out))
	}
	return &boundSub{
		Spec: sub, gateway: g, chain: chain,
		decoder:    decoder,
		decoding:   codec.Options{Strict: sub.Strict, Budget: budget},
		result:     result,
		keepsBytes: sub.In == reflect.TypeFor[websockets.Payload]() || sub.In == reflect.TypeFor[json.RawMessage](),
		several:    severalArguments(sub.In),
		responds:   sub.Out != nil && sub.Out.Implements(reflect.TypeFor[emit.Response]()),
	}
}

// severalArguments reports whether a handler's input is a websockets.Args2 or its like.
func severalArguments(in reflect.Type) bool {
	return in != nil && in.Kind() == reflect.Struct && reflect.PointerTo(in).Implements(reflect.TypeFor[interface{ Targets(f seal.Framework) []any }]())
}

// join adds a gateway with its handlers, and returns what is wrong with what is bound to them.
func (e *endpoint) join(g *boundGateway, cfg *config.Gateway, global pipe.Scope, built pipe.Built) (problems []string) {
	l, wrong := newLinker(cfg, global, built)
	for _, w := range wrong {
		problems = append(problems, "gateway "+g.name+": "+w)
	}
	a := l.newAdmission(g, e.admissions, cfg.Checks)
	a.chosen = e.pattern.re != nil || e.pattern.fn != nil
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
	budget := codec.BudgetFactor * int(e.srv.limits.MaxMessage)
	for _, sub := range g.subs {
		if !sub.Kind.HasClient() { // it has no client
			continue
		}
		chain, err := l.handler(sub)
		if err != nil {
			problems = append(problems, fmt.Sprintf("gateway %s: %s: %v", g.name, nameOf(sub), err))
		}
		if err := chain.CheckType(sub.In); err != nil && !e.reported(err) {
			problems = append(problems, fmt.Sprintf("gateway %s: %s: %v", g.name, nameOf(sub), err))
		}
		delete(unknown, sub.Event)
		sub.Strict = sub.Strict || cfg.Strict
		b := newBoundSub(sub, g, chain, budget, e.traits.Binary)
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
		problems = append(problems, fmt.Sprintf("gateway %s: ForEvent(%q): the gateway does not handle the event; its events are: %s", g.name, event, eventsOf(g)))
	}
	return problems
}

// eventsOf lists the events that a gateway handles.
func eventsOf(g *boundGateway) string {
	var names []string
	for _, sub := range g.subs {
		if sub.Event != "" && sub.Kind.HasClient() {
			names = append(names, sub.Event)
		}
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}

// reported reports whether another handler has had the error of its type already.
func (e *endpoint) reported(err error) bool {
	if slices.Contains(e.rt.typeErrors, err.Error()) {
		return true
	}
	e.rt.typeErrors = append(e.rt.typeErrors, err.Error())
	return false
}

var _ adapter.Endpoint = (*endpoint)(nil)

func (e *endpoint) Namespace() string { return e.pattern.name }

func (e *endpoint) Match(ns string) (ok bool) {
	if e.pattern.fn == nil {
		return e.pattern.match(ns)
	}
	err := recovered.Do(func() { ok = e.pattern.match(ns) })
	if p, isPanic := errors.AsType[*recovered.PanicError](err); isPanic {
		e.srv.log.Error("panic in NamespaceFunc", append([]any{"label", e.pattern.name, "namespace", ns}, p.Attrs()...)...)
	} else if err != nil {
		e.srv.log.Error("NamespaceFunc has ended its goroutine", "label", e.pattern.name, "namespace", ns)
	}
	return ok
}

var errNotAccepting = &websockets.Error{
	Message: "The application is not accepting clients", Code: websockets.CodeNotAccepting, Status: http.StatusServiceUnavailable,
}

// maxFormer is how many clients of one connection may have left while their handlers still
// run: a client of Socket.IO may leave a namespace and enter it again.
const maxFormer = 100

var errTooManyFormer = &websockets.Error{
	Message: "Handlers of too many former clients of this connection still run",
	Code:    websockets.CodeTooManyTasks, Status: http.StatusTooManyRequests,
}

func (e *endpoint) Admit(ctx context.Context, h *adapter.Handshake) error {
	if e.hooks == nil {
		return e.admit(ctx, h)
	}
	ctx, end := e.hooks.Admit(ctx, e.attempt(h))
	err := e.admit(ctx, h)
	end.Call(err)
	if err != nil {
		e.observeRefusal(h, refusalOf(observe.StageConnect, err))
	}
	return err
}

func (e *endpoint) admit(ctx context.Context, h *adapter.Handshake) error {
	if !e.rt.accepting.Load() {
		return errNotAccepting
	}
	if h.Connection == nil {
		h.Connection = new(adapter.Connection)
	}
	if h.Connection.Former() >= maxFormer {
		return errTooManyFormer
	}
	if err := ownAuth(h, e.srv.limits.MaxAuth); err != nil {
		return err
	}
	h.Request = e.pattern.request(h.Request, h.Namespace)
	if v, ok := pipeline.HolderFrom(h.Request.Context()).(*requestValues); ok {
		h.Values().Inherit(&v.values)
	}
	if len(e.pathValues) == 0 && !slices.ContainsFunc(e.admissions, func(a admission) bool { return a.applies(h) }) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.srv.limits.HandshakeTimeout)
	defer cancel()
	return e.srv.withTimeout(ctx, placeOf(h.Request), func() error {
		if err := e.readPath(ctx, h); err != nil {
			return err
		}
		return e.check(ctx, h)
	})
}

func (e *endpoint) Connect(conn adapter.Conn, h *adapter.Handshake) adapter.Session {
	s := newSession(e, conn, h)
	s.record = e.rt.history.recordOf(s)
	e.mu.Lock()
	s.namespace = e.namespace(h.Namespace)
	s.namespace.Add(s)
	e.mu.Unlock()

	if !s.place.hold() { // the connection ended after Admit
		conn.Close(websockets.Reason{Cause: websockets.CauseTransportClose})
		return s
	}
	if !e.rt.enter(s) { // the stop started after Admit
		s.place.drop()
		conn.Close(websockets.Reason{Cause: websockets.CauseShutdown})
		return s
	}
	e.hooks.Connected(s)
	s.run()
	return s
}

func (e *endpoint) Checks() bool { return slices.ContainsFunc(e.admissions, admission.hasChecks) }

// warnUnknown logs the first event without a handler: the client may not wait for an answer, and
// then sees nothing.
func (e *endpoint) warnUnknown(event string) {
	e.warned.Do(func() {
		const most = 20
		events := slices.Sorted(maps.Keys(e.subs))
		if n := len(events); n > most {
			events = append(events[:most], fmt.Sprintf("and %d more", n-most))
		}
		e.log.Warn("no gateway of the endpoint handles an event: correct its name, or add it to Subscriptions; further ones are logged at debug",
			"event", event, "handled", strings.Join(events, ", "))
	})
}

// remove removes a client from its rooms and from counts.
func (e *endpoint) remove(s *session) { e.removed(s, e.removeNow(s)) }

// removeNow is remove without what calls functions of the user, which removed does.
func (e *endpoint) removeNow(s *session) (was bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	was, empty := s.namespace.Remove(s)
	e.removeEmpty(empty, s)
	return was
}

func (e *endpoint) removed(s *session, was bool) {
	if was {
		e.rt.roster.Gone(s.ID())
	}
	if was && e.hooks.WantsRooms() {
		e.hooks.Left(s, s.Rooms())
	}
}

// namespace returns a concrete namespace, which it makes if it has no client yet; e.mu is held.
func (e *endpoint) namespace(name string) *hub.Namespace[*session] {
	ns := e.namespaces[name]
	if ns == nil {
		ns = hub.New[*session]()
		e.namespaces[name] = ns
	}
	return ns
}

// drop removes a suspended client.
func (e *endpoint) drop(s *session) {
	if e.dropUncounted(s) {
		e.notRecovered.Add(1)
	}
}

// dropUncounted is drop, and reports whether the client was suspended.
func (e *endpoint) dropUncounted(s *session) bool {
	e.mu.Lock()
	was, empty := s.namespace.Drop(s)
	e.removeEmpty(empty, s)
	e.mu.Unlock()
	if was {
		e.rt.roster.Gone(s.ID())
		s.dropped()
	}
	return was
}

// arrive adds a client of another node, suspended. It reports false when there is one with its id.
func (e *endpoint) arrive(s *session, rooms []string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.namespace = e.namespace(s.hs.Namespace)
	return s.namespace.Arrive(s, rooms)
}

// moved removes a suspended client that has gone to another node.
func (e *endpoint) moved(s *session) {
	if e.dropUncounted(s) {
		e.departed.Add(1)
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
