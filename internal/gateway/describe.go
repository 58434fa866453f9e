package gateway

import (
	"iter"

	"github.com/gatehouse-go/gatehouse/websockets"
)

// Gateways yields the gateways in registration order.
func (rt *Runtime) Gateways() iter.Seq[websockets.GatewayInfo] {
	return func(yield func(websockets.GatewayInfo) bool) {
		for _, g := range rt.gateways {
			info := websockets.GatewayInfo{Name: g.Name}
			for _, e := range g.emits {
				info.Emits = append(info.Emits, e)
			}
			for _, e := range g.server.endpoints {
				info.Endpoints = append(info.Endpoints, websockets.EndpointInfo{
					Platform: e.srv.adapter.Name(), Listener: e.srv.listener, Path: e.srv.path, Namespace: e.pattern.name,
				})
			}
			for _, s := range g.subs {
				info.Subscriptions = append(info.Subscriptions, websockets.SubscriptionInfo{Event: s.Event, Kind: websockets.Kind(s.Kind), In: s.In, Out: s.Out})
			}
			if !yield(info) {
				return
			}
		}
	}
}
