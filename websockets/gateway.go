package websockets

import (
	"context"

	"github.com/gatehouse-go/gatehouse/internal/config"
	"github.com/gatehouse-go/gatehouse/module"
)

// Gateway makes a provider a gateway: the framework binds what the constructor
// (or module.Provider) builds to its endpoint. It is injected like any provider.
//
//	module.Exports(websockets.Gateway(NewGateway, websockets.Namespace("chat")))
//
// The built value needs at least one of: Subscriptions, AfterInit,
// HandleConnection, HandleDisconnect.
func Gateway(constructor any, opts ...Option) module.Provider {
	internal := configOptions(opts)
	return module.Attach(module.Mark(constructor, config.Registration{Options: internal}), config.Constructors(internal)...)
}

// Subscriber is a gateway that handles messages.
type Subscriber interface {
	// Subscriptions lists the handlers. It is called once, after injection; app.Describe calls
	// it on a zero value of the gateway's type.
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
	AfterInit(ctx context.Context, s *Server) error
}

// OnGatewayConnection is called for each client, before its first message is
// handled. An error refuses the client: it receives an `exception` and is
// disconnected. ctx ends when the client disconnects.
type OnGatewayConnection interface {
	HandleConnection(ctx context.Context, c Client) error
}

// OnGatewayDisconnect is called exactly once for each client whose
// HandleConnection was called, after its last handler has returned, or a second after the stop
// timeout without it. A gateway without HandleConnection counts as one that accepts every client. A client
// that may reconnect (see [Client.Recovered]) is no exception: when it does,
// HandleConnection is called again. ctx outlives the connection and ends with the
// application's stop timeout.
type OnGatewayDisconnect interface {
	HandleDisconnect(ctx context.Context, c Client, r Reason)
}
