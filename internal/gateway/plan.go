package gateway

import (
	"cmp"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-go/gatehouse/backplane"
	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/httpmux"
	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/pipeline"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// Config is the application's part in [Bind] and [Check].
type Config struct {
	// Adapter serves the gateways without Via; nil when the application has none.
	Adapter adapter.Adapter
	// Partial skips, in [Check], what depends on Adapter where there is none.
	Partial bool
	// HTTPAddr is the address of the application's HTTP server.
	HTTPAddr string
	// HTTP reports whether the application has one (or a handler that is mounted elsewhere).
	HTTP bool
	// JSON encodes and decodes payloads; nil for the framework's own codec.
	JSON websockets.JSON
	// DrainRate is how many clients a second Stop closes; 0 for [DefaultDrainRate],
	// negative for all at once.
	DrainRate int
	// Global is what is bound to the whole application.
	Global pipe.Scope
	// Observers is nil without hooks.
	Observers *observers.Set
	// Backplane is nil for an application that runs in one process.
	Backplane        backplane.Backplane
	BackplaneOptions backplane.Options
	// Reserve takes places for connections, see [adapter.ServerConfig]; nil counts nothing.
	Reserve func(*http.Request) (release func(), err error)
}

// BindError lists everything that is wrong with an application's gateways.
type BindError struct{ Problems []string }

// Error lists the problems, one a line.
func (e *BindError) Error() string {
	return "websockets: " + strings.Join(e.Problems, "\n")
}

// gatewayPlan is one gateway before it is bound.
type gatewayPlan struct {
	name     string // chat.NewGateway (chat/gateway.go:12)
	short    string // chat.NewGateway
	place    string // chat/gateway.go:12
	module   *module.Module
	typ      reflect.Type
	value    any  // nil in a static check
	isNil    bool // its constructor returned nil
	opts     []config.Option
	provided []websockets.Option // of GatewayOptions, which is called once
	subs     []handler.Spec      // nil in a static check
	// handles binds the websockets.ServerOf of the gateway; nil in a static check.
	handles func(*websockets.Server)
	// apart is what distinguishes it from others of the same constructor; "" if there are none.
	apart string
}

func (g *gatewayPlan) moduleName() string {
	if g.module == nil {
		return ""
	}
	return g.module.Name()
}

// serverPlan is one {listener, path, adapter} with its endpoints.
type serverPlan struct {
	adapter   adapter.Adapter
	listener  string // "" is the application's HTTP server
	path      string
	limits    config.Limits
	platform  []adapter.PlatformOption
	origins   []origin.Pattern
	check     func(*http.Request) bool
	origin    *config.Origin    // what check comes from
	claims    map[string]string // option → gateway that set it
	endpoints []*endpointPlan
}

type endpointPlan struct {
	pattern     namespacePattern
	members     []member
	concurrency int
	maxRooms    int
}

type member struct {
	gateway int // index of the gateway
	cfg     *config.Gateway
}

type planner struct {
	cfg      Config
	servers  []*serverPlan
	problems []string
	doubts   []string // problems that a zero value may have and the built gateway not
}

// addf adds a problem once: each endpoint of a gateway has the options outside of Via.
func (p *planner) addf(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.problems, text) {
		p.problems = append(p.problems, text)
	}
}

// Check finds what can be found wrong with the gateways of a graph before
// anything is built: package app's Validate calls it.
func Check(graph *module.Graph, cfg Config) error {
	_, err := makePlan(declared(graph), cfg)
	return err
}

// declared returns the gateways of a graph before they are built.
func declared(graph *module.Graph) (gs []gatewayPlan) {
	for d := range graph.Declared() {
		for _, m := range d.Marks {
			if r, ok := m.(config.Registration); ok {
				gs = append(gs, gatewayPlan{name: d.String(), short: d.Name, place: d.Place, module: d.Module, typ: d.Type, opts: r.Options})
			}
		}
	}
	return gs
}

func makePlan(gs []gatewayPlan, cfg Config) ([]*serverPlan, error) {
	p := newPlan(gs, cfg)
	if len(p.problems) > 0 {
		return nil, &BindError{p.problems}
	}
	return p.servers, nil
}

// newPlan sets the subs of gateways that have a value.
func newPlan(gs []gatewayPlan, cfg Config) *planner {
	p := &planner{cfg: cfg}
	distinguish(gs)
	for i := range gs {
		if gs[i].isNil {
			p.addf("gateway %s returned nil, so that no client can reach it; return a gateway, or an error", gs[i].name)
			continue
		}
		if gs[i].value != nil {
			gs[i].subs = subscriptionsOf(gs[i].value)
		}
		p.gateway(i, &gs[i])
	}
	for _, s := range p.servers {
		p.finish(s, gs)
	}
	p.reachable()
	return p
}

func (p *planner) gateway(i int, g *gatewayPlan) {
	for _, problem := range typeProblems(g.typ) {
		p.addf("gateway %s %s", g.name, problem)
	}
	opts := g.options()
	base := &config.Gateway{}
	base.Apply(opts)
	endpoints := []*config.Gateway{base}
	defer func() {
		p.conflicts(g, endpoints)
		if p.cfg.JSON == nil { // another codec may have forms of its own
			p.forms(g, endpoints)
		}
	}()
	if len(base.Via) == 0 {
		if p.cfg.Adapter == nil && p.cfg.Partial {
			p.options(g.name, base)
			return
		}
		if p.cfg.Adapter == nil {
			p.addf("gateway %s: no platform serves it; add app.WebSockets(ws.New()) to the application, or websockets.Via to the gateway", g.name)
			return
		}
		p.endpoint(i, g.name, p.cfg.Adapter, base)
		return
	}
	for _, v := range base.Via {
		a, ok := v.Platform.(adapter.Adapter)
		if !ok {
			p.addf("gateway %s: Via: %T is not an adapter; pass one, such as ws.New()", g.name, v.Platform)
			continue
		}
		cfg := &config.Gateway{}
		cfg.Apply(opts)
		// An option of another platform outside of Via holds for that platform's endpoints only.
		cfg.Platform = slices.DeleteFunc(cfg.Platform, func(po config.PlatformOption) bool {
			known := slices.ContainsFunc(base.Via, func(o config.Via) bool { return o.Platform.Name() == po.PlatformName() })
			return known && po.PlatformName() != a.Name()
		})
		cfg.Apply(v.Options)
		endpoints = append(endpoints, cfg)
		p.endpoint(i, g.name, a, cfg)
	}
}

// options adds what is wrong with the options of a gateway on any platform.
func (p *planner) options(name string, cfg *config.Gateway) {
	for _, pr := range slices.Concat(cfg.Problems, cfg.EnhancementProblems()) {
		p.addf("gateway %s: %s", name, pr)
	}
}

func (p *planner) endpoint(i int, name string, a adapter.Adapter, cfg *config.Gateway) {
	tr := a.Traits()
	p.options(name, cfg)
	listener, err := p.listener(cfg)
	if err != nil {
		p.addf("gateway %s: %v", name, err)
		return
	}
	if listener == "" && !p.cfg.HTTP {
		p.addf("gateway %s is on port 0, the application's HTTP server, but there is none; add app.HTTP(\":3000\"), or give the gateway a Port or Addr", name)
		return
	}
	if problem := pathProblem(cfg.Path, tr); problem != "" {
		p.addf("gateway %s: Path(%q): %s", name, cfg.Path, problem)
		return
	}
	path := cmp.Or(cfg.Path, tr.DefaultPath)
	path = "/" + strings.TrimPrefix(path, "/")
	if strings.ContainsAny(path, "{}") && !tr.PathPatterns {
		p.addf("gateway %s: Path(%q): the platform %s has no patterns in Path; use Namespace", name, path, a.Name())
		return
	}
	var pattern namespacePattern
	switch {
	case !tr.Namespaces && (cfg.Namespace != nil || cfg.NamespaceRegexp != nil || cfg.NamespaceFunc != nil):
		p.addf("gateway %s: the platform %s has no namespaces; set a Path instead, such as websockets.Path(%q)", name, a.Name(), "/"+strings.TrimPrefix(deref(cfg.Namespace), "/"))
		return
	case cfg.NamespaceFunc != nil:
		pattern = namespacePattern{name: cfg.NamespaceFunc.Label, fn: cfg.NamespaceFunc}
	case cfg.NamespaceRegexp != nil:
		pattern = namespacePattern{name: cfg.NamespaceRegexp.String()}
		if pattern.re, err = regexp.Compile("^(?:" + pattern.name + ")$"); err != nil {
			p.addf("gateway %s: NamespaceRegexp(%s): %v", name, pattern.name, err)
			return
		}
		if !matchesSlash(pattern.name) {
			p.addf("gateway %s: NamespaceRegexp(%s) matches no namespace, because all start with a slash; write regexp.MustCompile(`/%s`)", name, pattern.name, strings.TrimPrefix(pattern.name, "^"))
			return
		}
	case tr.Namespaces:
		if problem := namespaceProblem(deref(cfg.Namespace)); problem != "" {
			p.addf("gateway %s: Namespace(%q): %s", name, deref(cfg.Namespace), problem)
			return
		}
		if pattern, err = newNamespacePattern(deref(cfg.Namespace)); err != nil {
			p.addf("gateway %s: Namespace(%q): %v", name, deref(cfg.Namespace), err)
			return
		}
	}
	p.pathValues(name, path, pattern, cfg)
	for _, o := range cfg.Platform {
		if o.PlatformName() != a.Name() {
			p.addf("gateway %s: option %T belongs to the platform %s, but %s serves the gateway; remove it, or put it inside the Via of that platform", name, o, o.PlatformName(), a.Name())
		}
	}

	s := p.server(a, listener, path, name)
	p.claim(s, cfg, name)
	var ep *endpointPlan
	for _, e := range s.endpoints {
		if e.pattern.name != pattern.name {
			continue
		}
		if !e.pattern.same(pattern) {
			p.addf("gateway %s: %s: another gateway has another namespace of this name on %s; %s", name, pattern.option(), where(s, e), pattern.differs(e.pattern))
			return
		}
		ep = e
	}
	if ep == nil {
		ep = &endpointPlan{pattern: pattern, concurrency: cfg.Concurrency, maxRooms: cfg.MaxRooms}
		s.endpoints = append(s.endpoints, ep)
	}
	if ep.concurrency != cfg.Concurrency {
		p.addf("gateway %s: its Concurrency differs from that of the gateway it shares %s with; give both the same, or another path or namespace", name, where(s, ep))
	}
	if ep.maxRooms = cmp.Or(ep.maxRooms, cfg.MaxRooms); cfg.MaxRooms != 0 && ep.maxRooms != cfg.MaxRooms {
		p.addf("gateway %s: its MaxRooms differs from that of the gateway it shares %s with; give both the same, or another path or namespace", name, where(s, ep))
	}
	ep.members = append(ep.members, member{i, cfg})
}

func where(s *serverPlan, e *endpointPlan) string {
	w := s.adapter.Name() + " " + cmp.Or(s.listener, "the HTTP server") + " " + s.path
	if e.pattern.name != "" {
		w += " namespace " + e.pattern.name
	}
	return w
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// listener returns the key of the listener of a gateway.
func (p *planner) listener(cfg *config.Gateway) (string, error) {
	addr := cfg.Addr
	if cfg.Port != nil {
		n := *cfg.Port
		switch {
		case n < 0 || n > 65535:
			return "", fmt.Errorf("Port(%d): must be between 0 and 65535", n)
		case addr != "":
			return "", fmt.Errorf("both Port(%d) and Addr(%q) are given; keep one", n, addr)
		case n == 0:
			return "", nil
		}
		addr = ":" + strconv.Itoa(n)
	}
	if addr == "" {
		return "", nil
	}
	host, port, ok := cutPort(addr)
	if !ok {
		return "", fmt.Errorf("Addr(%q): must be host:port, such as \"127.0.0.1:3001\" or \":3001\"", addr)
	}
	if p.cfg.HTTP {
		httpHost, httpPort, ok := cutPort(p.cfg.HTTPAddr)
		if ok && port == httpPort && port != "0" && (host == "" || host == httpHost) {
			return "", nil
		}
	}
	return addr, nil
}

func cutPort(addr string) (host, port string, ok bool) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return "", "", false
	}
	n, err := strconv.Atoi(addr[i+1:])
	return addr[:i], addr[i+1:], err == nil && n >= 0 && n <= 65535
}

// finish checks a server as a whole.
func (p *planner) finish(s *serverPlan, gs []gatewayPlan) {
	if name := s.claims[originsAlone]; s.check == nil {
		s.check = originCheck(s.origins)
	} else if name != "" { // CheckOrigin decides instead of Origins: for pages that this gateway does not name
		p.addf("gateway %s and gateway %s share the server %s %s but disagree on the origins: one has Origins and the other CheckOrigin; give both the same, or leave it out of one",
			name, s.claims["CheckOrigin"], s.adapter.Name(), s.at())
	}
	if s.adapter.Traits().UpgradeOnly {
		if err := httpmux.CheckPatterns(s.path); err != nil {
			p.addf("gateway %s: Path(%q): %v", s.claims["server"], s.path, err)
		}
	}
	if c, ok := s.adapter.(adapter.OptionsChecker); ok && !slices.ContainsFunc(s.platform, func(o adapter.PlatformOption) bool { return o.PlatformName() != s.adapter.Name() }) {
		if err := c.CheckOptions(s.platform); err != nil {
			p.addf("gateway %s: %v", s.claims["server"], err)
		}
	}
	for _, e := range s.endpoints {
		p.handlers(s, e, gs)
		p.shares(s, e)
	}
}

// shares finds keys of one name at an endpoint.
func (p *planner) shares(s *serverPlan, e *endpointPlan) {
	seen := map[string]pipeline.SharedKey{}
	for _, m := range e.members {
		for _, k := range m.cfg.Shares {
			if first := seen[k.String()]; first != nil && first != k {
				p.addf("two shared keys are named %q on %s; rename one", k, where(s, e))
			}
			seen[k.String()] = k
		}
	}
}

// handlers checks the handlers of the gateways that share an endpoint.
func (p *planner) handlers(s *serverPlan, e *endpointPlan, gs []gatewayPlan) {
	type first struct {
		owner   string
		gateway int
	}
	seen := map[string]first{}
	for _, m := range e.members {
		g := &gs[m.gateway]
		for _, sub := range g.subs {
			event := sub.Event
			if sub.Kind == handler.Fallback {
				event = "\x00fallback"
			}
			if sub.Problem != "" {
				p.handlerf(g, "gateway %s: %s: %s", g.name, nameOf(sub), sub.Problem)
			}
			if sub.Kind == handler.Any || !sub.Kind.HasClient() {
				continue // there may be any number
			}
			owner := g.name
			if sub.Place != "" {
				owner += " at " + sub.Place
			}
			if first, dup := seen[event]; dup {
				hint := "rename one, or give one gateway another path or namespace"
				if first.gateway == m.gateway {
					hint = "remove one, or put the second in the place of the first with websockets.Replace"
				}
				if event == "\x00fallback" {
					p.handlerf(g, "gateway %s and gateway %s both have a Fallback on %s; keep one", first.owner, owner, where(s, e))
				} else {
					p.handlerf(g, "event %q is handled twice on %s: by gateway %s and by gateway %s; %s", event, where(s, e), first.owner, owner, hint)
				}
				continue
			}
			seen[event] = first{owner, m.gateway}
		}
	}
}

// handlerf adds a problem of a handler, which is in doubt if the handler is that of a zero value.
func (p *planner) handlerf(g *gatewayPlan, format string, args ...any) {
	if g.value != nil {
		p.addf(format, args...)
		return
	}
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.doubts, text) { // each endpoint has the handlers
		p.doubts = append(p.doubts, text)
	}
}

// reachable finds paths that another server of the listener hides.
func (p *planner) reachable() {
	for i, a := range p.servers {
		for _, b := range p.servers[:i] {
			if a.listener != b.listener || httpmux.CheckPatterns(a.path) != nil || httpmux.CheckPatterns(b.path) != nil {
				continue
			}
			up, prefix := a, b
			if b.adapter.Traits().UpgradeOnly {
				up, prefix = b, a
			}
			if !up.adapter.Traits().UpgradeOnly {
				continue
			}
			if prefix.adapter.Traits().UpgradeOnly {
				if err := httpmux.CheckPatterns(a.path, b.path); err != nil {
					p.addf("gateway %s: Path(%q) and Path(%q) of gateway %s match the same requests; change one", a.claims["server"], a.path, b.path, b.claims["server"])
				}
				continue
			}
			if strings.HasPrefix(up.path+"/", strings.TrimSuffix(prefix.path, "/")+"/") {
				p.addf("gateway %s: Path(%q) is never reached, because %s serves everything below %s (gateway %s); choose another Path",
					up.claims["server"], up.path, prefix.adapter.Name(), prefix.path, prefix.claims["server"])
			}
		}
	}
}
