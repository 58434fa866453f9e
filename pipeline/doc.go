// Package pipeline defines guards, interceptors, pipes and filters. HTTP controllers
// and WebSocket gateways use the same ones; guards also run when a client connects.
//
//	guards → interceptors in → pipes → handler → interceptors out → filters
//
// Each can be bound to the application, to a gateway or controller, or to one
// handler. Guards, interceptors and pipes run in that order of scopes, filters in the
// reverse order. Bind a value, a constructor that the module resolves, or an instance that
// the module provides, with [Injected]:
//
//	app.Main(Module, app.UseGuards(NewTokenGuard))
//	websockets.Gateway(NewGateway, websockets.UseGuards(NewMemberGuard))
//	websockets.On("delete", g.Delete, websockets.UseGuards(pipeline.GuardFunc(adminsOnly)))
//
// All of them must be safe for concurrent use. A panic in one is recovered, logged and
// answered like an unknown error.
package pipeline
