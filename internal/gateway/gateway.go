// Package gateway serves the gateways of an application: it binds them to endpoints, admits
// clients, runs their handlers and hooks, and stops.
package gateway

import (
	"errors"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/logsample"
	"github.com/gatehouse-go/gatehouse/internal/observers"
	"github.com/gatehouse-go/gatehouse/internal/recovered"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// boundGateway is a gateway with its endpoints.
type boundGateway struct {
	gatewayPlan

	server       *server
	users        *websockets.Server // of server
	onInit       websockets.OnGatewayInit
	onConnection websockets.OnGatewayConnection
	onDisconnect websockets.OnGatewayDisconnect
}

func newBoundGateway(rt *Runtime, p gatewayPlan) *boundGateway {
	g := &boundGateway{gatewayPlan: p, server: &server{rt: rt}}
	g.users = websockets.NewServer(framework, g.server)
	g.onInit, _ = p.value.(websockets.OnGatewayInit)
	g.onConnection, _ = p.value.(websockets.OnGatewayConnection)
	g.onDisconnect, _ = p.value.(websockets.OnGatewayDisconnect)
	return g
}

func subscriptionsOf(gateway any) []handler.Spec {
	s, ok := gateway.(websockets.Subscriber)
	if !ok {
		return nil
	}
	var specs []handler.Spec
	for _, sub := range s.Subscriptions() {
		specs = append(specs, sub.Spec(seal.Framework{}))
	}
	return specs
}

// gatewayInterfaces are what makes a type a gateway.
var gatewayInterfaces = []reflect.Type{
	reflect.TypeFor[websockets.Subscriber](),
	reflect.TypeFor[websockets.OnGatewayInit](),
	reflect.TypeFor[websockets.OnGatewayConnection](),
	reflect.TypeFor[websockets.OnGatewayDisconnect](),
}

func isGatewayType(t reflect.Type) bool { return slices.ContainsFunc(gatewayInterfaces, t.Implements) }

// failed adds the gateway, if there is one, and the place of a panic to the attributes of a log line about an error.
func (g *boundGateway) failed(err error, attrs ...any) []any {
	if g != nil {
		attrs = append(attrs, "gateway", g.short)
	}
	if p, isPanic := errors.AsType[*recovered.PanicError](err); isPanic {
		attrs = append(attrs, p.Where()...)
	}
	return attrs
}

// boundServer is a server of a platform with its endpoints.
type boundServer struct {
	adapter       adapter.Adapter
	adapterServer adapter.Server
	listener      string
	path          string
	limits        websockets.Limits
	log           *slog.Logger
	hooks         *observers.Set // nil without, and if all endpoints are unobserved
	endpoints     []*endpoint
	requestChecks []admission // of requests that open a connection
	counted       bool        // its connections have places
	listening     atomic.Pointer[net.Addr]
	foreign       logsample.Minute // requests of refused origins
}

func (s *boundServer) addr() net.Addr {
	if a := s.listening.Load(); a != nil {
		return *a
	}
	return nil
}
