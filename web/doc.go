// Package web has HTTP controllers: providers of a module that register routes on
// a [chi.Router].
//
//	type Controller struct{ rooms *Rooms }
//
//	func NewController(r *Rooms) *Controller { return &Controller{r} }
//
//	func (c *Controller) Routes(r chi.Router) {
//		r.Get("/", web.JSON(c.list))
//		web.Use(r, web.Meta(Roles.With("admin"))).Delete("/{room}", web.JSON(c.remove))
//	}
//
//	var Module = module.New("rooms",
//		module.Providers(NewRooms),
//		module.Controllers(web.Controller(NewController, web.Prefix("/rooms"), web.UseGuards(NewTokenGuard))),
//	)
//
// Handlers are [net/http.HandlerFunc]s: those of [JSON], which decode, validate
// and answer; those of [Handle], which write themselves and may fail; and any other.
// Everything written for net/http or chi works in them.
//
// # Order
//
// A request passes, in this order:
//
//	middleware (r.Use, r.With) → guards → interceptors in → [JSON: decoding, pipes, Validate]
//	→ handler → interceptors out → filters → default answer
//
// Guards, interceptors and pipes run from the application over the controller to
// the route, filters the other way. Nothing that Routes registers is reached without
// the guards: routes, mounted handlers and own NotFound handlers alike.
//
// # Errors
//
// What a guard, pipe, interceptor or handler returns and no filter takes is answered with
//
//	{"statusCode":403,"message":"Forbidden resource","error":"Forbidden","code":"forbidden"}
//
// when it is, or wraps, an [Error]. Anything else, panics included, is logged once and
// answered with 500 "Internal server error". A request whose client has left is not
// answered, and its context.Canceled is logged at debug.
package web
