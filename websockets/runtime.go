package websockets

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/logsample"
	enhance "github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
)

// Runtime is the bound gateways of one application. Package app drives it:
// Bind, Init, listen, Open, Stop.
type Runtime struct {
	gateways []*boundGateway
	servers  []*boundServer
	log      *slog.Logger

	codec     JSON // nil: the framework's own
	drainRate int  // clients a second; negative: all at once
	crew      *crew
	global    *enhance.Chain // for what no handler takes

	accepting atomic.Bool
	unknown   atomic.Int64
	ctx       context.Context // of disconnect hooks; ends with the stop timeout
	cancel    context.CancelFunc

	mu       sync.Mutex
	sessions map[*session]struct{}
	stopping bool
	empty    chan struct{} // closed when stopping and no session is left
}

type boundGateway struct {
	Name         string
	module       *module.Module // that declares it
	value        any
	server       *server
	onInit       OnGatewayInit
	onConnection OnGatewayConnection
	onDisconnect OnGatewayDisconnect
	subs         []Subscription
	emits        []EventInfo
}

type boundServer struct {
	adapter       Adapter
	adapterServer AdapterServer
	listener      string
	path          string
	limits        Limits
	log           *slog.Logger
	endpoints     []*endpoint
	porters       []door // who are asked about a request that opens a connection
	listening     atomic.Pointer[net.Addr]
}

func (s *boundServer) addr() net.Addr {
	if a := s.listening.Load(); a != nil {
		return *a
	}
	return nil
}

// Bind makes the servers of all gateways that the graph has built and sets
// their Server fields. Nobody is let in yet. The error is a [*BindError] for
// mistakes of declaration.
func Bind(graph *module.Graph, cfg BindConfig, log *slog.Logger) (*Runtime, error) {
	var gs []gatewayPlan
	for inst, reg := range module.Marked[Registration](graph) {
		gs = append(gs, gatewayPlan{
			name: fmt.Sprintf("%s (%s)", inst.Name, inst.Place), short: inst.Name, module: inst.Module, typ: typeOf(inst.Value), value: inst.Value, opts: reg.options,
		})
	}
	return bind(gs, cfg, enhance.BuiltBy(graph), log)
}

func bind(gs []gatewayPlan, cfg BindConfig, built enhance.Built, log *slog.Logger) (*Runtime, error) {
	rt := &Runtime{log: log, codec: cfg.JSON, drainRate: cmp.Or(cfg.DrainRate, DefaultDrainRate), crew: newCrew(), sessions: map[*session]struct{}{}, empty: make(chan struct{})}
	rt.ctx, rt.cancel = context.WithCancel(context.Background())
	for _, p := range gs {
		g := &boundGateway{Name: p.short, module: p.module, value: p.value, server: &server{}, subs: subscriptionsOf(p.value)}
		g.onInit, _ = p.value.(OnGatewayInit)
		g.onConnection, _ = p.value.(OnGatewayConnection)
		g.onDisconnect, _ = p.value.(OnGatewayDisconnect)
		rt.gateways = append(rt.gateways, g)
	}
	plans, err := makePlan(gs, cfg)
	if err != nil {
		return nil, err
	}
	rt.global = enhance.Link(cfg.Global, enhance.Scope{}, enhance.Scope{})
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

// serve makes a server. What is wrong with the enhancements of its gateways is told apart.
func (rt *Runtime) serve(p *serverPlan, bound BindConfig, built enhance.Built) (problems []string, err error) {
	global := bound.Global
	s := &boundServer{
		adapter: p.adapter, listener: p.listener, path: p.path, limits: p.limits.withDefaults(),
		log: rt.log.With("platform", p.adapter.Name(), "path", p.path),
	}
	cfg := ServerConfig{
		Path: p.path, Options: p.platform, Limits: s.limits, CheckOrigin: originChecked(p.check, s.log), Logger: s.log,
		Reserve: bound.Reserve,
	}
	for _, ep := range p.endpoints {
		e := &endpoint{
			rt: rt, srv: s, traits: p.adapter.Traits(), pattern: ep.pattern,
			subs: map[string]*boundSub{}, spaces: map[string]*space{},
			concurrency: max(1, ep.concurrency), maxRooms: ep.maxRooms,
		}
		if e.maxRooms == 0 {
			e.maxRooms = 1000
		}
		for _, m := range ep.members {
			g := rt.gateways[m.gateway]
			e.gateways = append(e.gateways, g)
			e.hideCause = e.hideCause || m.cfg.hideCause
			e.dropAfterClose = e.dropAfterClose || m.cfg.dropAfterClose
			g.emits = m.cfg.emits
			g.server.endpoints = append(g.server.endpoints, e)
			problems = append(problems, e.join(g, m.cfg, global, built.In(g.module))...)
		}
		s.endpoints = append(s.endpoints, e)
		cfg.Endpoints = append(cfg.Endpoints, e)
	}
	if s.porters = portersOf(s.endpoints, global); len(s.porters) > 0 {
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
				logsample.Raw(e.srv.log).Debug("subscribed", "gateway", g.Name, "event", sub.event, "namespace", e.pattern.name)
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

func (g *boundGateway) init(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return g.onInit.AfterInit(ctx, g.server)
}

// Listeners gives the address of every listener that gateways want besides the
// HTTP server, each once.
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

// Listening records where a listener ("" is the HTTP server) really listens.
func (rt *Runtime) Listening(listener string, addr net.Addr) {
	for _, s := range rt.servers {
		if s.listener == listener {
			s.listening.Store(&addr)
		}
	}
}

// Open lets clients in.
func (rt *Runtime) Open() { rt.accepting.Store(true) }

// Refuse lets nobody in any more; those who are in stay.
func (rt *Runtime) Refuse() { rt.accepting.Store(false) }

// Stop refuses new clients, lets running handlers finish, runs HandleDisconnect,
// closes every connection and then the servers. Many clients are told a few at a time,
// see [BindConfig]. When ctx ends it cuts what is left.
func (rt *Runtime) Stop(ctx context.Context) error {
	rt.accepting.Store(false)
	defer rt.cancel()
	defer rt.crew.end()
	rt.mu.Lock()
	if !rt.stopping {
		rt.stopping = true
		if len(rt.sessions) == 0 {
			close(rt.empty)
		}
	}
	all := make([]*session, 0, len(rt.sessions))
	for s := range rt.sessions {
		all = append(all, s)
	}
	rt.mu.Unlock()
	rt.dropSuspended() // before the goodbyes: nobody comes back to this process
	rt.drainAll(ctx, all)
	var late error
	select {
	case <-rt.empty:
	case <-ctx.Done():
		rt.mu.Lock()
		all = all[:0]
		for s := range rt.sessions {
			all = append(all, s)
		}
		rt.mu.Unlock()
		for _, s := range all {
			s.hangUp(errStopping)
			s.conn.Close(Reason{Cause: CauseShutdown})
		}
		late = fmt.Errorf("websockets: stop: handlers of %d clients did not finish in time: %w", len(all), ctx.Err())
	}
	return errors.Join(late, rt.close(ctx))
}

func (rt *Runtime) close(ctx context.Context) error {
	var wg sync.WaitGroup
	errs := make([]error, len(rt.servers))
	for i, s := range rt.servers {
		wg.Go(func() { errs[i] = s.adapterServer.Close(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// enter counts a client in; false when the stop has begun.
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

// Handler routes the requests of a listener: to the gateways' servers, and
// otherwise to next, which may be nil. owns tells whether next has a route for
// the request; nil means that it has one for all.
func (rt *Runtime) Handler(listener string, next http.Handler, owns func(*http.Request) bool) http.Handler {
	return newMux(rt.servers, listener, next, owns)
}
