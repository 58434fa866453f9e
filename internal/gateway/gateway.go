// Package gateway serves the gateways of an application: it binds them to endpoints, admits
// clients, runs their handlers and hooks, and stops.
package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"runtime/debug"
	"slices"
	"sync/atomic"

	"github.com/gatehouse-go/gatehouse/internal/handler"
	"github.com/gatehouse-go/gatehouse/internal/seal"
	"github.com/gatehouse-go/gatehouse/module"
	"github.com/gatehouse-go/gatehouse/websockets"
	"github.com/gatehouse-go/gatehouse/websockets/adapter"
)

// boundGateway is a gateway with its endpoints.
type boundGateway struct {
	Name         string
	module       *module.Module // that declares it
	value        any
	server       *server
	users        *websockets.Server // of server
	onInit       websockets.OnGatewayInit
	onConnection websockets.OnGatewayConnection
	onDisconnect websockets.OnGatewayDisconnect
	subs         []handler.Spec
}

func newBoundGateway(rt *Runtime, p gatewayPlan) *boundGateway {
	g := &boundGateway{Name: p.short, module: p.module, value: p.value, server: &server{rt: rt}, subs: p.subs}
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

func (g *boundGateway) init(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return g.onInit.AfterInit(ctx, g.users)
}

// boundServer is a server of a platform with its endpoints.
type boundServer struct {
	adapter       adapter.Adapter
	adapterServer adapter.Server
	listener      string
	path          string
	limits        websockets.Limits
	log           *slog.Logger
	endpoints     []*endpoint
	requestChecks []admission // of requests that open a connection
	listening     atomic.Pointer[net.Addr]
}

func (s *boundServer) addr() net.Addr {
	if a := s.listening.Load(); a != nil {
		return *a
	}
	return nil
}
