package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/cluster"
	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/httpmux"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/internal/roster"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Runtime is the gateways of one application. Package app calls, in this order, [Bind],
// Init, Open and Stop.
type Runtime struct {
	gateways  []*boundGateway
	infos     []websockets.GatewayInfo // of gateways, without addresses
	servers   []*boundServer
	endpoints []*endpoint // of all servers
	log       *slog.Logger

	codec      websockets.JSON // nil: the framework's own
	typeErrors []string        // of pipes, while gateways are bound
	drainRate  int             // clients a second; negative: all at once
	workers    *workerPool
	global     *pipe.Chain // for events without a handler
	node       websockets.Node
	cluster    *cluster.Cluster // nil without a backplane
	byKey      map[uint32]*endpoint
	hooks      *observers.Set // nil without
	nodeEvents nodeEvents
	roster     *roster.Table
	undeclared sync.Map // shared keys that are not declared and have been logged
	resets     resets
	moves      *moves   // nil unless clients may move between nodes
	history    *history // nil without a log

	answerLog, sharedLog logsample.Minute // of what other nodes ask for

	accepting atomic.Bool
	missed    logsample.Minute // connections to paths without a gateway
	ctx       context.Context  // of disconnect hooks; ends with the stop timeout
	cancel    context.CancelFunc

	mu       sync.Mutex
	sessions map[*session]struct{}
	stopping bool
	empty    chan struct{} // closed when stopping and no session is left
}

// Bind makes the servers of all gateways that the graph has built and sets their Server
// fields. They accept no clients yet. The error is a [*BindError] for mistakes of
// declaration.
func Bind(graph *module.Graph, cfg Config, log *slog.Logger) (*Runtime, error) {
	var gs []gatewayPlan
	for inst, reg := range module.Marked[config.Registration](graph) {
		gs = append(gs, gatewayPlan{
			name: inst.String(), short: inst.Name, place: inst.Place, module: inst.Module, typ: reflect.TypeOf(inst.Value), value: inst.Value, opts: reg.Options,
			isNil: isNil(inst.Value), handles: func(s *websockets.Server) { inst.Bind(framework, s) },
		})
	}
	return bind(gs, cfg, pipe.BuiltBy(graph), log)
}

func bind(gs []gatewayPlan, cfg Config, built pipe.Built, log *slog.Logger) (*Runtime, error) {
	rt := &Runtime{log: log, codec: cfg.JSON, drainRate: cmp.Or(cfg.DrainRate, DefaultDrainRate), workers: newWorkerPool(), node: newNode(), hooks: cfg.Observers, sessions: map[*session]struct{}{}, empty: make(chan struct{})}
	rt.ctx, rt.cancel = context.WithCancel(context.Background())
	plan := newPlan(gs, cfg)
	rt.infos = describe(gs, plan.servers, cfg.Global, built)
	for _, p := range gs {
		rt.gateways = append(rt.gateways, newBoundGateway(rt, p))
	}
	rt.global = pipe.Link(cfg.Global, pipe.Scope{}, pipe.Scope{})
	problems := plan.problems
	if rt.history = newHistory(rt, cfg.Backplane); rt.history == nil {
		rt.moves = newMoves(rt, cfg.Backplane)
	}
	servers := make([]*boundServer, len(plan.servers))
	for i, p := range plan.servers {
		var wrong []string
		servers[i], wrong = rt.assemble(p, cfg, built)
		problems = append(problems, wrong...)
	}
	if len(problems) > 0 {
		return nil, &BindError{problems}
	}
	for i, p := range plan.servers {
		if err := rt.serve(servers[i], p, cfg); err != nil {
			return nil, errors.Join(err, rt.close(context.Background()))
		}
	}
	if rt.moves != nil && !rt.moves.used() {
		rt.moves = nil
	}
	rt.nodeEvents.init(rt.gateways)
	rt.resets.stop = make(chan struct{})
	endpoints := rt.identify()
	if cfg.Backplane != nil {
		rt.join(cfg, endpoints)
	}
	rt.present(cfg)
	for _, g := range rt.gateways {
		if err := inject(g); err != nil {
			problems = append(problems, err.Error())
		}
		if g.handles != nil {
			g.handles(g.users)
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(&BindError{problems}, rt.close(context.Background()))
	}
	return rt, nil
}

// assemble makes a server that does not serve yet. problems is what is wrong with what its
// gateways have bound.
func (rt *Runtime) assemble(p *serverPlan, bound Config, built pipe.Built) (s *boundServer, problems []string) {
	s = &boundServer{
		adapter: p.adapter, listener: p.listener, path: p.path, limits: withDefaults(p.limits),
		log: rt.log.With("platform", p.adapter.Name(), "path", p.path),
	}
	if p.listener != "" {
		s.log = s.log.With("listener", p.listener)
	}
	for _, ep := range p.endpoints {
		e := &endpoint{
			rt: rt, srv: s, log: s.log, traits: p.adapter.Traits(), pattern: ep.pattern,
			subs: map[string]*boundSub{}, namespaces: map[string]*hub.Namespace[*session]{},
			concurrency: max(1, ep.concurrency), maxRooms: cmp.Or(ep.maxRooms, 1000),
		}
		if ep.pattern.name != "" {
			e.log = s.log.With("namespace", ep.pattern.name)
		}
		if slices.ContainsFunc(ep.members, func(m member) bool { return !m.cfg.Unobserved }) {
			e.hooks, s.hooks = rt.hooks, rt.hooks
		} else {
			e.unobserved = true
		}
		for _, m := range ep.members {
			g := rt.gateways[m.gateway]
			e.gateways = append(e.gateways, g)
			if err := e.joinErrors(m.cfg.Errors); err != "" {
				problems = append(problems, fmt.Sprintf("gateway %s: %s", g.name, err))
			}
			e.dropAfterClose = e.dropAfterClose || m.cfg.DropAfterClose
			e.shares = append(e.shares, m.cfg.Shares...)
			e.declarePathValues(m.cfg.PathValues)
			g.server.endpoints = append(g.server.endpoints, e)
			problems = append(problems, e.join(g, m.cfg, bound.Global, built.In(g.module))...)
		}
		s.endpoints = append(s.endpoints, e)
	}
	s.requestChecks = requestChecksOf(s.endpoints, bound.Global)
	return s, problems
}

// serve makes the platform's server.
func (rt *Runtime) serve(s *boundServer, p *serverPlan, bound Config) error {
	cfg := adapter.ServerConfig{
		Path: p.path, Options: p.platform, Limits: s.limits, CheckOrigin: s.originChecked(p.check), Logger: s.log,
		Reserve: s.reserving(bound.Reserve), TraceContext: s.hooks.WantsHandle(),
	}
	s.counted = bound.Reserve != nil
	switch {
	case rt.history != nil:
		cfg.Handover = rt.history
	case rt.moves != nil:
		cfg.Handover = rt.moves
	}
	for _, e := range s.endpoints {
		cfg.Endpoints = append(cfg.Endpoints, e)
	}
	if len(s.requestChecks) > 0 {
		cfg.AdmitRequest = s.admitRequest
	}
	as, err := p.adapter.NewServer(cfg)
	if err != nil {
		return fmt.Errorf("websockets: %s server at %s (gateway %s): %w", p.adapter.Name(), p.at(), p.claims["server"], err)
	}
	s.adapterServer = as
	rt.servers, rt.endpoints = append(rt.servers, s), append(rt.endpoints, s.endpoints...)
	return nil
}

// Hook is a hook of a gateway at the start.
type Hook struct {
	Name     string // AfterInit
	Provider string // chat.NewGateway
	Module   string
	Place    string // chat/gateway.go:12
	Call     func(context.Context) error
}

// Init calls AfterInit of every gateway in turn, by way of call, until one fails.
func (rt *Runtime) Init(call func(Hook) error) error {
	for _, g := range rt.gateways {
		for _, e := range g.server.endpoints {
			for _, sub := range g.subs {
				logsample.Raw(e.log).Debug("subscribed", "gateway", g.short, "event", sub.Event)
			}
		}
		if g.onInit == nil {
			continue
		}
		err := call(Hook{"AfterInit", g.short, g.moduleName(), g.place, func(ctx context.Context) error {
			return g.located(g.onInit.AfterInit(ctx, g.users))
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// Listeners yields the address of every listener beside the HTTP server, each once.
func (rt *Runtime) Listeners() iter.Seq[string] {
	return func(yield func(string) bool) {
		seen := map[string]bool{"": true}
		for _, s := range rt.servers {
			if !seen[s.listener] && !yield(s.listener) {
				return
			}
			seen[s.listener] = true
		}
	}
}

// Listening sets the address of a listener; "" is the HTTP server.
func (rt *Runtime) Listening(listener string, addr net.Addr) {
	for _, s := range rt.servers {
		if s.listener == listener {
			s.listening.Store(&addr)
		}
	}
}

// Open starts to accept clients.
func (rt *Runtime) Open() {
	rt.accepting.Store(true)
	rt.nodeEvents.open()
	rt.roster.Open()
}

// Refuse accepts no more clients; those that are connected stay.
func (rt *Runtime) Refuse() { rt.accepting.Store(false) }

// enter adds a client; false when the stop has started.
func (rt *Runtime) enter(s *session) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.stopping {
		return false
	}
	rt.sessions[s] = struct{}{}
	return true
}

func (rt *Runtime) exit(s *session) {
	rt.mu.Lock()
	_, in := rt.sessions[s]
	delete(rt.sessions, s)
	if in && rt.stopping && len(rt.sessions) == 0 {
		close(rt.empty)
	}
	rt.mu.Unlock()
	s.record.exit()
	if in {
		s.hs.Connection.Ended()
		s.place.drop()
	}
}

// Handler routes the requests of a listener to the gateways' servers, and otherwise to
// next, which may be nil. owns reports whether next has a route for the request; nil means
// that it has one for all.
func (rt *Runtime) Handler(listener string, next http.Handler, owns func(*http.Request) bool) http.Handler {
	var routes []httpmux.Route
	for _, s := range rt.servers {
		if s.listener == listener {
			routes = append(routes, httpmux.Route{Path: s.path, UpgradeOnly: s.adapter.Traits().UpgradeOnly, Handler: s.handler()})
		}
	}
	return httpmux.New(routes, next, owns, rt.reportMissed)
}
