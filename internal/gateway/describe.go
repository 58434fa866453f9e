package gateway

import (
	"fmt"
	"iter"
	"reflect"
	"slices"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/pipe"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
)

// Gateways yields the gateways in registration order.
func (rt *Runtime) Gateways() iter.Seq[websockets.GatewayInfo] {
	return func(yield func(websockets.GatewayInfo) bool) {
		for i, info := range rt.infos {
			info.Endpoints = slices.Clone(info.Endpoints)
			for j, e := range rt.gateways[i].server.endpoints {
				info.Endpoints[j].Addr = e.srv.addr()
			}
			if !yield(info) {
				return
			}
		}
	}
}

// Server returns the server of a gateway, by the name that Gateways yields; nil if there is none.
func (rt *Runtime) Server(name string) *websockets.Server {
	for i, info := range rt.infos {
		if info.Name == name {
			return rt.gateways[i].users
		}
	}
	return nil
}

// Describe describes the gateways of a graph that has not been built, by zero values of their
// types. problems are what cannot be described so. The error is a [*BindError].
func Describe(graph *module.Graph, cfg Config) (infos []websockets.GatewayInfo, problems []string, err error) {
	const started = "or start the application and use App.Gateways"
	gs := declared(graph)
	for i := range gs {
		g := &gs[i]
		if g.typ == nil || g.typ.Kind() == reflect.Interface {
			problems = append(problems, fmt.Sprintf("gateway %s: its constructor returns the interface %v, so its handlers are not known; return the gateway's own type, %s", g.name, g.typ, started))
			continue
		}
		if g.typ.Implements(reflect.TypeFor[websockets.OptionsProvider]()) {
			problems = append(problems, fmt.Sprintf("gateway %s: its method GatewayOptions needs the built gateway, so these options are missing; pass them to websockets.Gateway, %s", g.name, started))
		}
		if g.subs, err = zeroSubscriptions(g.typ); err != nil {
			problems = append(problems, fmt.Sprintf("gateway %s: Subscriptions of a zero value: %v; use nothing there that the constructor sets, %s", g.name, err, started))
		}
	}
	p := newPlan(gs, cfg)
	if len(p.problems) > 0 {
		return nil, nil, &BindError{p.problems}
	}
	return describe(gs, p.servers, cfg.Global, pipe.Built{}), append(problems, p.doubts...), nil
}

// zeroSubscriptions returns the handlers of a zero value. A panic is the error.
func zeroSubscriptions(t reflect.Type) (subs []handler.Spec, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	v := reflect.Zero(t)
	if t.Kind() == reflect.Pointer {
		v = reflect.New(t.Elem())
	}
	return subscriptionsOf(v.Interface()), nil
}

// describe describes the gateways of plans, in registration order and without addresses. built is empty for a graph that is not built.
func describe(gs []gatewayPlan, plans []*serverPlan, global pipe.Scope, built pipe.Built) []websockets.GatewayInfo {
	infos := make([]websockets.GatewayInfo, len(gs))
	members := make([][]*config.Gateway, len(gs)) // of each gateway, its options at each endpoint
	for i, name := range uniqueNames(gs) {
		infos[i] = websockets.GatewayInfo{Name: name, Type: gs[i].typ, Module: gs[i].moduleName(), Place: gs[i].place}
	}
	for _, p := range plans {
		for _, e := range p.endpoints {
			for _, m := range e.members {
				info := &infos[m.gateway]
				info.Endpoints = append(info.Endpoints, websockets.EndpointInfo{
					Platform: p.adapter.Name(), Listener: p.listener, Path: p.path, Namespace: e.pattern.name,
					Limits: withDefaults(p.limits), Origins: originTexts(p.origins),
					Security: pipe.ForClients(slices.Concat(global.Security, m.cfg.Enhanced.Security(built.In(gs[m.gateway].module)))),
				})
				members[m.gateway] = append(members[m.gateway], m.cfg)
			}
		}
	}
	for i := range gs {
		infos[i].Guards = guardsOf(members[i])
		infos[i].Emits = emitsOf(members[i])
		for _, s := range gs[i].subs {
			infos[i].Subscriptions = append(infos[i].Subscriptions, describeSubscription(s, members[i], built.In(gs[i].module)))
			infos[i].Fallback = infos[i].Fallback || s.Kind == handler.Fallback
		}
	}
	return infos
}

func describeSubscription(s handler.Spec, endpoints []*config.Gateway, built pipe.Built) websockets.SubscriptionInfo {
	own := enhancedOf(s, endpoints)
	return websockets.SubscriptionInfo{
		Event: s.Event, Kind: websockets.Kind(s.Kind), In: s.In, Out: s.Out, Item: s.Item, Sends: eventInfos(s.Sends), Errors: slices.Clone(s.Errors),
		Func: s.Func, Place: s.Place, Meta: own.Meta, Background: s.Background,
		Security: pipe.ForClients(own.Security(built)),
		Strict:   s.Strict || len(endpoints) > 0 && !slices.ContainsFunc(endpoints, func(c *config.Gateway) bool { return !c.Strict }),
	}
}

// enhancedOf returns what is bound to a handler at the first endpoint.
func enhancedOf(s handler.Spec, endpoints []*config.Gateway) pipe.Binding {
	own := s.Enhanced
	if len(endpoints) == 0 {
		return own
	}
	for _, b := range endpoints[0].Events {
		if b.Event == s.Event {
			own = own.Join(b.Binding)
		}
	}
	return own
}

func eventInfos[E config.Event](events []E) []websockets.EventInfo {
	var out []websockets.EventInfo
	for _, e := range events {
		out = append(out, e)
	}
	return out
}

// guardsOf returns the names of the guards of all endpoints, each guard once.
func guardsOf(endpoints []*config.Gateway) []string {
	var all pipe.Binding
	for _, c := range endpoints {
		for _, it := range c.Enhanced.Items {
			if !slices.Contains(all.Items, it) {
				all.Items = append(all.Items, it)
			}
		}
	}
	return all.Names(pipe.Guard)
}

// emitsOf joins the lists of Emits of all endpoints, each event once.
func emitsOf(endpoints []*config.Gateway) []websockets.EventInfo {
	var out []websockets.EventInfo
	seen := map[string]bool{}
	for _, c := range endpoints {
		for _, e := range c.Emits {
			if name, _ := e.EventInfo(); !seen[name] {
				seen[name] = true
				out = append(out, e)
			}
		}
	}
	return out
}

// uniqueNames returns a name for each gateway. Where several have one constructor, the names of
// all of them say the module.
func uniqueNames(gs []gatewayPlan) []string {
	names := make([]string, len(gs))
	for i := range gs {
		names[i] = gs[i].short
	}
	extend := func(with func(i, nth int) string) {
		count := map[string]int{}
		for _, n := range names {
			count[n]++
		}
		nth := map[string]int{}
		for i, n := range names {
			if count[n] > 1 {
				nth[n]++
				names[i] = n + with(i, nth[n])
			}
		}
	}
	extend(func(i, _ int) string { return " of module " + gs[i].moduleName() })
	extend(func(i, _ int) string { // modules of one name
		if gs[i].module == nil {
			return ""
		}
		return " (" + gs[i].module.Place() + ")"
	})
	extend(func(_, nth int) string { return fmt.Sprintf(" #%d", nth) }) // one constructor under several names
	return names
}

// conflicts adds what is wrong with the events of a gateway: those that are declared with
// different types.
func (p *planner) conflicts(g *gatewayPlan, endpoints []*config.Gateway) {
	types := map[string]eventType{}
	add := func(e config.Event) {
		name, t := typeOfEvent(e)
		first, ok := types[name]
		if !ok {
			types[name] = t
		} else if first != t {
			p.addf("gateway %s: the event %q is declared twice, with %s and with %s; rename one, or give both the same types", g.name, name, first, t)
		}
	}
	for _, c := range endpoints {
		for _, e := range c.Emits {
			add(e)
		}
	}
	for _, s := range g.subs {
		for _, e := range s.Sends {
			add(e)
		}
	}
}

// eventType is the types of an event; answer is nil for one that is no call.
type eventType struct{ payload, answer reflect.Type }

func typeOfEvent(e config.Event) (name string, t eventType) {
	name, t.payload = e.EventInfo()
	if a, ok := e.(websockets.Answered); ok {
		t.answer = a.AnswerInfo()
	}
	return name, t
}

// String returns "the payload int" or "the payload int and the answer bool", with import paths.
func (t eventType) String() string {
	s := "the payload " + typeName(t.payload)
	if t.answer != nil {
		s += " and the answer " + typeName(t.answer)
	}
	return s
}

// typeName returns a type's name with the path of its package.
func typeName(t reflect.Type) string {
	if t.Name() == "" || t.PkgPath() == "" {
		return t.String()
	}
	return t.PkgPath() + "." + t.Name()
}
