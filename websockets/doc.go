// Package websockets is about gateways: providers that serve WebSocket clients.
//
//	type Gateway struct {
//		Server *websockets.Server `websockets:"server"`
//	}
//
//	func (g *Gateway) Subscriptions() []websockets.Subscription {
//		return []websockets.Subscription{websockets.On("identity", g.Identity)}
//	}
//
//	func (g *Gateway) Identity(ctx context.Context, n int) (int, error) { return n, nil }
//
//	var Module = module.New("chat", module.Providers(websockets.Gateway(NewGateway)))
//
// A gateway is independent of the platform: an adapter speaks the wire protocol, and
// app.WebSockets chooses it. The framework finds the gateways that were built, sets their
// Server, calls AfterInit, and only then accepts clients. For each client, in
// this order: the checks of [Admit], HandleConnection of every gateway of the
// endpoint, messages one at a time, HandleDisconnect.
package websockets
