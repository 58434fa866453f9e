package websockets

import (
	"iter"
	"reflect"
)

// GatewayInfo describes a bound gateway, for documents and client types.
type GatewayInfo struct {
	Name          string
	Endpoints     []EndpointInfo
	Subscriptions []SubscriptionInfo
	Emits         []EventInfo
}

// EndpointInfo tells where a gateway is served.
type EndpointInfo struct {
	Platform  string
	Listener  string // "" is the application's HTTP server
	Path      string
	Namespace string // as declared; empty on platforms without
}

// SubscriptionInfo describes a handler. Out is nil where it has no result.
type SubscriptionInfo struct {
	Event   string
	Kind    Kind
	In, Out reflect.Type
}

// Gateways walks the bound gateways in registration order.
func (rt *Runtime) Gateways() iter.Seq[GatewayInfo] {
	return func(yield func(GatewayInfo) bool) {
		for _, g := range rt.gateways {
			info := GatewayInfo{Name: g.Name, Emits: g.emits}
			for _, e := range g.server.endpoints {
				info.Endpoints = append(info.Endpoints, EndpointInfo{e.srv.adapter.Name(), e.srv.listener, e.srv.path, e.pattern.name})
			}
			for _, s := range g.subs {
				info.Subscriptions = append(info.Subscriptions, SubscriptionInfo{s.event, s.kind, s.in, s.out})
			}
			if !yield(info) {
				return
			}
		}
	}
}
