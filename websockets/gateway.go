package websockets

import (
	"context"
	"reflect"
	"slices"

	"github.com/gatehouse-go/gatehouse/module"
)

// Registration is the mark that [Gateway] puts on a provider.
type Registration struct{ options []Option }

// Gateway makes a provider a gateway: the framework binds what the constructor
// (or module.Provider) builds to its endpoint. It is injected like any provider.
//
//	module.Exports(websockets.Gateway(NewGateway, websockets.Namespace("chat")))
//
// The built value needs at least one of: Subscriptions, AfterInit,
// HandleConnection, HandleDisconnect.
func Gateway(constructor any, opts ...Option) module.Provider {
	return module.Attach(module.Mark(constructor, Registration{opts}), constructorsOf(opts)...)
}

// Subscriber is a gateway that handles messages.
type Subscriber interface {
	// Subscriptions lists the handlers. It is called once, after injection.
	Subscriptions() []Subscription
}

// OptionsProvider is a gateway whose options come from what was injected. They
// are applied after those given to [Gateway].
type OptionsProvider interface {
	GatewayOptions() []Option
}

// OnGatewayInit is called once, when the gateway's Server is ready and before
// any OnModuleInit hook and any client. An error aborts the start.
type OnGatewayInit interface {
	AfterInit(ctx context.Context, s Server) error
}

// OnGatewayConnection is called for each client, before its first message is
// handled. An error refuses the client: it receives an `exception` and is
// disconnected. ctx ends when the client disconnects.
type OnGatewayConnection interface {
	HandleConnection(ctx context.Context, c Client) error
}

// OnGatewayDisconnect is called exactly once for each client whose
// HandleConnection was called, after its last handler has returned. A client
// that might come back (see [Client.Recovered]) is no exception: when it does,
// HandleConnection is called again. ctx outlives
// the connection and ends with the application's stop timeout.
type OnGatewayDisconnect interface {
	HandleDisconnect(ctx context.Context, c Client, r Reason)
}

// gatewayMethods are what makes a type a gateway.
var gatewayMethods = []reflect.Type{
	reflect.TypeFor[Subscriber](),
	reflect.TypeFor[OnGatewayInit](),
	reflect.TypeFor[OnGatewayConnection](),
	reflect.TypeFor[OnGatewayDisconnect](),
}

func isGatewayType(t reflect.Type) bool {
	return slices.ContainsFunc(gatewayMethods, t.Implements)
}
