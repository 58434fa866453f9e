package gateway

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/httpmux"
	"github.com/gatehouse-go/gatehouse/internal/hub"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Runtime is the gateways of one application. Package app calls, in this order, [Bind],
// Init, Open and Stop.
type Runtime struct {
	gateways []*boundGateway
	infos    []websockets.GatewayInfo // of gateways, without addresses
	servers  []*boundServer
	log      *slog.Logger

	codec     websockets.JSON // nil: the framework's own
	drainRate int             // clients a second; negative: all at once
	workers   *workerPool
	global    *pipe.Chain // for events without a handler
	node      websockets.Node

	accepting atomic.Bool
	ctx       context.Context // of disconnect hooks; ends with the stop timeout
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
		})
	}
	return bind(gs, cfg, pipe.BuiltBy(graph), log)
}

func bind(gs []gatewayPlan, cfg Config, built pipe.Built, log *slog.Logger) (*Runtime, error) {
	rt := &Runtime{log: log, codec: cfg.JSON, drainRate: cmp.Or(cfg.DrainRate, DefaultDrainRate), workers: newWorkerPool(), node: newNode(rand.Text()), sessions: map[*session]struct{}{}, empty: make(chan struct{})}
	rt.ctx, rt.cancel = context.WithCancel(context.Background())
	plans, err := makePlan(gs, cfg)
	if err != nil {
		return nil, err
	}
	rt.infos = describe(gs, plans)
	for _, p := range gs {
		rt.gateways = append(rt.gateways, newBoundGateway(rt, p))
	}
	rt.global = pipe.Link(cfg.Global, pipe.Scope{}, pipe.Scope{})
	var problems []string
	for _, p := range plans {
		wrong, err := rt.serve(p, cfg, built)
		if err != nil {
			return nil, errors.Join(err, rt.close(context.Background()))
		}
		problems = append(problems, wrong...)
	}
	for _, g := range rt.gateways {
		if err := inject(g); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(&BindError{problems}, rt.close(context.Background()))
	}
	return rt, nil
}

// serve makes a server. problems is what is wrong with what its gateways have bound.
func (rt *Runtime) serve(p *serverPlan, bound Config, built pipe.Built) (problems []string, err error) {
	global := bound.Global
	s := &boundServer{
		adapter: p.adapter, listener: p.listener, path: p.path, limits: withDefaults(p.limits),
		log: rt.log.With("platform", p.adapter.Name(), "path", p.path),
	}
	cfg := adapter.ServerConfig{
		Path: p.path, Options: p.platform, Limits: s.limits, CheckOrigin: originChecked(p.check, s.log), Logger: s.log,
		Reserve: bound.Reserve,
	}
	for _, ep := range p.endpoints {
		e := &endpoint{
			rt: rt, srv: s, traits: p.adapter.Traits(), pattern: ep.pattern,
			subs: map[string]*boundSub{}, namespaces: map[string]*hub.Namespace[*session]{},
			concurrency: max(1, ep.concurrency), maxRooms: ep.maxRooms,
		}
		if e.maxRooms == 0 {
			e.maxRooms = 1000
		}
		for _, m := range ep.members {
			g := rt.gateways[m.gateway]
			e.gateways = append(e.gateways, g)
			e.hideCause = e.hideCause || m.cfg.HideCauseData
			e.dropAfterClose = e.dropAfterClose || m.cfg.DropAfterClose
			g.server.endpoints = append(g.server.endpoints, e)
			problems = append(problems, e.join(g, m.cfg, global, built.In(g.module))...)
		}
		s.endpoints = append(s.endpoints, e)
		cfg.Endpoints = append(cfg.Endpoints, e)
	}
	if s.requestChecks = requestChecksOf(s.endpoints, global); len(s.requestChecks) > 0 {
		cfg.AdmitRequest = s.admitRequest
	}
	as, err := p.adapter.NewServer(cfg)
	if err != nil {
		return nil, fmt.Errorf("websockets: %s server at %s (gateway %s): %w", p.adapter.Name(), p.path, p.claims["server"], err)
	}
	s.adapterServer = as
	rt.servers = append(rt.servers, s)
	return problems, nil
}

// Init calls AfterInit of every gateway in turn.
func (rt *Runtime) Init(ctx context.Context) error {
	for _, g := range rt.gateways {
		for _, e := range g.server.endpoints {
			for _, sub := range g.subs {
				logsample.Raw(e.srv.log).Debug("subscribed", "gateway", g.Name, "event", sub.Event, "namespace", e.pattern.name)
			}
		}
		if g.onInit == nil {
			continue
		}
		if err := g.init(ctx); err != nil {
			return fmt.Errorf("AfterInit of %s: %w", g.Name, err)
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
func (rt *Runtime) Open() { rt.accepting.Store(true) }

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
	defer rt.mu.Unlock()
	if _, ok := rt.sessions[s]; !ok {
		return
	}
	delete(rt.sessions, s)
	if rt.stopping && len(rt.sessions) == 0 {
		close(rt.empty)
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
	return httpmux.New(routes, next, owns)
}
