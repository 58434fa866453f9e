package gateway

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/identity"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// server returns the server of a listener and path, which gateways share.
func (p *planner) server(a adapter.Adapter, listener, path, name string) *serverPlan {
	for _, s := range p.servers {
		if s.listener != listener || strings.TrimSuffix(s.path, "/") != strings.TrimSuffix(path, "/") {
			continue
		}
		if s.adapter.Name() != a.Name() {
			p.addf("gateway %s: %s is served by %s already (%s); give it another Path", name, path, s.adapter.Name(), s.claims["server"])
		} else if d := identity.Compare(s.adapter, a); d != nil {
			p.addf("gateway %s and gateway %s share the server %s %s but have different adapters (%s); make the adapter once, store it in a package variable and give both that, or give one another Path",
				s.claims["server"], name, a.Name(), s.at(), described(a, d))
		}
		return s
	}
	s := &serverPlan{adapter: a, listener: listener, path: path, claims: map[string]string{"server": name}}
	p.servers = append(p.servers, s)
	return s
}

// originsAlone is claimed by the first gateway that has Origins and no CheckOrigin.
const originsAlone = "Origins without CheckOrigin"

// described names what differs in two values: *socketio.Adapter.opts.AllowRequest.
func described(v any, d *identity.Difference) string { return fmt.Sprintf("%T%s", v, d.Path) }

// claim records the options of a shared server and finds disagreement.
func (p *planner) claim(s *serverPlan, cfg *config.Gateway, name string) {
	const remedy = "give both the same, or leave it out of one"
	agree := func(option string, set, same bool, what, hint string) bool {
		if !set {
			return false
		}
		first, taken := s.claims[option]
		if taken && !same {
			p.addf("gateway %s and gateway %s share the server %s %s but disagree on %s; %s", first, name, s.adapter.Name(), s.at(), what, hint)
		}
		if !taken {
			s.claims[option] = name
		}
		return !taken
	}
	if agree("WithLimits", cfg.Limits != (config.Limits{}), s.limits == cfg.Limits, "WithLimits", remedy) {
		s.limits = cfg.Limits
	}
	if agree("Origins", len(cfg.Origins) > 0, sameOrigins(s.origins, cfg.Origins), "Origins", remedy) {
		s.origins = cfg.Origins
	}
	if agree("CheckOrigin", cfg.CheckOrigin != nil, s.origin.Same(cfg.CheckOrigin), "CheckOrigin",
		"Go does not compare functions: store the option in a package variable (var checkOrigin = websockets.CheckOrigin(…)) and give both that, or leave it out of one") {
		s.origin, s.check = cfg.CheckOrigin, cfg.CheckOrigin.Allow
	}
	if len(cfg.Origins) > 0 && cfg.CheckOrigin == nil {
		s.claims[originsAlone] = cmp.Or(s.claims[originsAlone], name)
	}
	for _, o := range cfg.Platform {
		t := reflect.TypeOf(o)
		i := slices.IndexFunc(s.platform, func(x adapter.PlatformOption) bool { return reflect.TypeOf(x) == t })
		what, hint := t.String(), remedy
		var d *identity.Difference
		if i >= 0 {
			d = identity.Compare(s.platform[i], o)
		}
		if d != nil && d.Func {
			pkg, _, _ := strings.Cut(strings.TrimLeft(what, "*"), ".")
			what = described(o, d)
			hint = fmt.Sprintf("Go does not compare functions: store the option in a package variable and give both that, or give it to the adapter, as in app.WebSockets(%s.New(%s{…}))", pkg, t)
		}
		if agree(t.String(), true, i >= 0 && d == nil, what, hint) {
			s.platform = append(s.platform, o)
		}
	}
}
