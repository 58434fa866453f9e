package websockets

import "reflect"

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
