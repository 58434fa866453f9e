// Package pipeline has the contracts of what stands between a client and a
// handler: guards, interceptors, pipes and filters. One set serves HTTP
// controllers and WebSocket gateways, and a guard also stands at the door of a
// connection.
//
//	guards → interceptors in → pipes → handler → interceptors out → filters
//
// Each may be bound to the whole application, to a gateway or controller, or to
// one handler. Guards, interceptors and pipes run in that order, filters from
// the handler outwards. What is bound is a value, or a constructor that the module
// resolves:
//
//	app.Main(Module, app.UseGuards(NewTokenGuard))
//	websockets.Gateway(NewGateway, websockets.UseGuards(NewMemberGuard))
//	websockets.On("delete", g.Delete, websockets.UseGuards(pipeline.GuardFunc(adminsOnly)))
//
// All of them are called by many goroutines at once. A panic in one is recovered,
// logged and answered like an unknown error.
package pipeline
